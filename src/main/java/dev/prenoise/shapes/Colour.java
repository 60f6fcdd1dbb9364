package dev.prenoise.shapes;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** The paints of this world. */
public enum Colour {
    RED(0.86, 0.10, 0.10),
    GREEN(0.08, 0.60, 0.18),
    BLUE(0.10, 0.22, 0.85),
    YELLOW(0.96, 0.84, 0.08),
    PURPLE(0.52, 0.12, 0.68),
    ORANGE(0.97, 0.48, 0.04),
    CYAN(0.06, 0.78, 0.86),
    BLACK(0.05, 0.05, 0.05);

    private final Rgb rgb;
    private final String word;

    Colour(double red, double green, double blue) {
        rgb = new Rgb(red, green, blue);
        word = name().toLowerCase(Locale.ROOT);
    }

    public Rgb rgb() {
        return rgb;
    }

    /** Its name in a caption. */
    public String word() {
        return word;
    }

    static Optional<Colour> ofWord(String word) {
        return Arrays.stream(values())
                .filter(colour -> colour.word.equals(word))
                .findFirst();
    }
}
