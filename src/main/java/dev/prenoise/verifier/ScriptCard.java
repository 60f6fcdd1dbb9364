package dev.prenoise.verifier;

import dev.prenoise.image.CropRule;
import dev.prenoise.image.Filter;
import dev.prenoise.tensor.ConfigFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What {@code NAME.verifier.json} says of the TorchScript beside it.
 *
 * @param file the card itself
 * @param script {@code NAME.pt} or {@code NAME.ts}
 * @param tokenizer folder or file of the tokenizer; null = the script reads no text
 * @param length tokens of a text, filled up or cut off; 0 where it reads none
 * @param embedding whether it gives a vector of a picture, which is compared with its prediction's, rather than a score
 */
record ScriptCard(
        String name,
        String title,
        Path file,
        Path script,
        Preprocessing preprocessing,
        @Nullable Path tokenizer,
        int length,
        boolean embedding,
        boolean differentiable) {
    static final String ENDING = ".verifier.json";

    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9._-]{0,62}");
    private static final int MAX_SIDE = 4096;
    private static final int MAX_LENGTH = 4096;

    /** The name that the file gives where nothing else is known of it. */
    static String nameOf(Path card) {
        String file = String.valueOf(card.getFileName());
        return file.substring(0, file.length() - ENDING.length());
    }

    /**
     * @throws IllegalArgumentException when the card, its script or its tokenizer is missing or a value is not one that is known; names file
     *     and key
     */
    static ScriptCard read(Path file) {
        ConfigFile card = ConfigFile.read(file);
        String name = card.text("name", nameOf(file));
        if (!NAME.matcher(name).matches()) {
            throw card.wrong("name", "small letters, digits, '.', '_', '-', 63 at most");
        }
        String output = card.text("output", "score");
        if (!output.equals("score") && !output.equals("embedding")) {
            throw card.wrong("output", "score or embedding");
        }
        Path tokenizer = null;
        int length = 0;
        if (card.isObject("text")) {
            if (output.equals("embedding")) {
                throw card.wrong("text", "\"none\" where the output is an embedding");
            }
            ConfigFile text = card.under("text");
            tokenizer = beside(file, text, "tokenizer");
            length = text.integer("length", 0);
            if (length < 3 || length > MAX_LENGTH) {
                throw text.wrong("length", "tokens, 3 to " + MAX_LENGTH);
            }
        } else if (!card.text("text", "none").equals("none")) {
            throw card.wrong("text", "\"none\", or an object of tokenizer and length");
        }
        boolean differentiable = card.flag("differentiable", false);
        if (differentiable && filter(card) == Filter.LANCZOS) {
            throw card.wrong("filter", "bilinear or bicubic where the script is differentiable");
        }
        return new ScriptCard(
                name,
                card.text("title", "TorchScript of " + file.getFileName()),
                file,
                script(file),
                preprocessing(card),
                tokenizer,
                length,
                output.equals("embedding"),
                differentiable);
    }

    private static Path script(Path card) {
        Path pt = card.resolveSibling(nameOf(card) + ".pt");
        Path ts = card.resolveSibling(nameOf(card) + ".ts");
        if (Files.isRegularFile(ts)) {
            return ts;
        }
        if (!Files.isRegularFile(pt)) {
            throw new IllegalArgumentException(pt + ": missing (expected: the TorchScript that " + card.getFileName()
                    + " describes, there or as " + ts.getFileName() + ")");
        }
        return pt;
    }

    /** A file or folder beside the card; a card says nothing about other places. */
    private static Path beside(Path card, ConfigFile text, String key) {
        String name = text.text(key, "");
        Path folder = card.toAbsolutePath().normalize().getParent();
        Path path = card.resolveSibling(name).toAbsolutePath().normalize();
        if (name.isEmpty() || folder == null || !path.startsWith(folder) || !Files.exists(path)) {
            throw text.wrong(key, "a folder with a tokenizer's files, beside the card");
        }
        return path;
    }

    private static Preprocessing preprocessing(ConfigFile card) {
        int size = card.integer("size", 0);
        if (size < 1 || size > MAX_SIDE) {
            throw card.wrong("size", "pixels of a side, 1 to " + MAX_SIDE);
        }
        Filter filter = filter(card);
        String resize = card.text("resize", "shorter_side");
        if (!resize.equals("shorter_side") && !resize.equals("exact")) {
            throw card.wrong("resize", "shorter_side or exact");
        }
        boolean exact = resize.equals("exact");
        return new Preprocessing(
                exact ? new Preprocessing.Exact(size, size, filter) : new Preprocessing.ShorterSide(size, filter),
                exact ? null : new Preprocessing.Crop(size, size, CropRule.TORCHVISION),
                channels(card, "mean"),
                channels(card, "std"));
    }

    private static Filter filter(ConfigFile card) {
        try {
            return Filter.valueOf(card.text("filter", "bicubic").toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw card.wrong("filter", "bilinear, bicubic or lanczos");
        }
    }

    private static List<Double> channels(ConfigFile card, String key) {
        List<Double> values = card.numbers(key);
        if (values.size() != 3 || (key.equals("std") && values.contains(0.0))) {
            throw card.wrong(
                    key, "three numbers, of red, green and blue" + (key.equals("std") ? ", none of them 0" : ""));
        }
        return values;
    }
}
