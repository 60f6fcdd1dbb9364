package dev.prenoise.shapes;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** What holds everywhere in this world. */
public final class World {
    /** Pixels along each side of a picture. */
    public static final int SIZE = 64;

    /** Tokens of an encoded caption. */
    public static final int LENGTH = 24;

    /** The model's words; a word's place is its token id. */
    public static final List<String> VOCABULARY = vocabulary();

    private World() {}

    private static List<String> vocabulary() {
        List<String> words = new ArrayList<>();
        Collections.addAll(words, "<bos>", "<eos>", "a", "and", ",", "the", "of", "next", "to", "left", "right");
        Collections.addAll(words, "above", "below", "two", "three", "on", "background", "white", "gray");
        Arrays.stream(Colour.values()).map(Colour::word).forEach(words::add);
        Arrays.stream(Shape.values()).map(Shape::word).forEach(words::add);
        Arrays.stream(Shape.values()).map(Shape::plural).forEach(words::add);
        return List.copyOf(words);
    }
}
