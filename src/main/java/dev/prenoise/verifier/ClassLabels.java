package dev.prenoise.verifier;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The classes that a classifier tells apart, in the order of its outputs. One has a name or several, parted by commas, as ImageNet's have:
 * "tench, Tinca tinca".
 */
final class ClassLabels {
    /** A class a line. */
    static final String FILE = "labels.txt";

    private static final Pattern MARKS = Pattern.compile("[\\s_]+");
    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,9}");

    private final List<String> labels;
    private final List<List<String>> names;

    private ClassLabels(List<String> labels) {
        this.labels = List.copyOf(labels);
        this.names = labels.stream().map(ClassLabels::namesOf).toList();
    }

    static ClassLabels of(List<String> labels) {
        return new ClassLabels(labels);
    }

    /**
     * {@code labels.txt}, a class a line, or else {@code id2label} of {@code config.json}; null where the folder has neither. Labels that
     * transformers made up ("LABEL_0") are none.
     *
     * @throws VerifierException when a file cannot be read or has no class; names it
     */
    static @Nullable ClassLabels read(Path folder) {
        Path lines = folder.resolve(FILE);
        if (Files.exists(lines)) {
            try {
                List<String> labels = Files.readAllLines(lines).stream()
                        .map(String::strip)
                        .filter(line -> !line.isEmpty())
                        .toList();
                if (labels.isEmpty()) {
                    throw new VerifierException(lines + ": no classes (expected: UTF-8, a class a line)");
                }
                return new ClassLabels(labels);
            } catch (IOException e) {
                throw new VerifierException(lines + ": " + e.getMessage() + " (expected: UTF-8, a class a line)", e);
            }
        }
        Path config = folder.resolve("config.json");
        return Files.exists(config) ? ofConfig(config) : null;
    }

    /**
     * {@link #read(Path)} of a classifier with so many outputs. Where its folder has no labels, those of the first other folder that has a
     * {@code labels.txt}; where none has, classes go by their numbers alone.
     *
     * @throws VerifierException when a file cannot be read or has another number of labels; names it
     */
    static ClassLabels read(Path folder, int classes, List<Path> others) {
        Path source = folder;
        ClassLabels labels = read(folder);
        for (int i = 0; labels == null && i < others.size(); i++) {
            source = others.get(i);
            labels = Files.exists(source.resolve(FILE)) ? read(source) : null;
        }
        if (labels == null) {
            return new ClassLabels(Collections.nCopies(classes, ""));
        }
        if (labels.size() != classes) {
            throw new VerifierException(source + ": " + labels.size()
                    + " labels in labels.txt or config.json (expected: " + classes + ", as the classifier has)");
        }
        return labels;
    }

    private static @Nullable ClassLabels ofConfig(Path config) {
        try {
            JsonElement map = JsonParser.parseString(Files.readString(config))
                    .getAsJsonObject()
                    .get("id2label");
            if (map == null || map.isJsonNull()) {
                return null;
            }
            JsonObject byNumber = map.getAsJsonObject();
            List<String> labels = IntStream.range(0, byNumber.size())
                    .mapToObj(i -> text(config, byNumber, i))
                    .toList();
            boolean madeUp = IntStream.range(0, labels.size())
                    .allMatch(i -> labels.get(i).equals("LABEL_" + i));
            return madeUp ? null : new ClassLabels(labels);
        } catch (IOException | JsonParseException | IllegalStateException | UnsupportedOperationException e) {
            throw new VerifierException(
                    config + ": id2label: " + e.getMessage() + " (expected: an object of class names by number)", e);
        }
    }

    private static String text(Path config, JsonObject byNumber, int i) {
        JsonElement label = byNumber.get(String.valueOf(i));
        if (label == null) {
            throw new VerifierException(
                    config + ": id2label: none for " + i + " (expected: numbers 0 to " + (byNumber.size() - 1) + ")");
        }
        return label.getAsString();
    }

    int size() {
        return labels.size();
    }

    /** As the file has it, all its names. */
    String label(int index) {
        return labels.get(index);
    }

    /** The first name alone. */
    String name(int index) {
        return names.get(index).get(0);
    }

    /**
     * The class that a question asks for: its label, by number, by all of its names or by one of them, whatever the case; without a label,
     * the class whose name stands in the prompt, the longest one where several do, then the first.
     *
     * @throws VerifierException when there is none, or two classes have that name
     */
    int find(Question question) {
        if (question.label().isBlank()) {
            return inPrompt(question.prompt());
        }
        String asked = question.label().strip();
        if (NUMBER.matcher(asked).matches()) {
            int index = Integer.parseInt(asked);
            if (index >= size()) {
                throw new VerifierException("label: " + asked + " (expected: 0 to " + (size() - 1) + ")");
            }
            return index;
        }
        int[] whole = IntStream.range(0, size())
                .filter(i -> plain(labels.get(i)).equals(plain(asked)))
                .toArray();
        return one(asked, whole.length > 0 ? whole : named(plain(asked)));
    }

    private int inPrompt(String prompt) {
        String text = " " + words(prompt) + " ";
        String best = "";
        int at = Integer.MAX_VALUE;
        for (List<String> synonyms : names) {
            for (String name : synonyms) {
                String words = words(name);
                int found = firstOf(text, words);
                boolean better = words.length() > best.length() || (words.length() == best.length() && found < at);
                if (found >= 0 && !words.isEmpty() && better) {
                    best = words;
                    at = found;
                }
            }
        }
        String longest = best;
        return one(
                longest.isEmpty() ? prompt : longest,
                IntStream.range(0, size())
                        .filter(i -> names.get(i).stream()
                                .anyMatch(name -> words(name).equals(longest)))
                        .filter(i -> !longest.isEmpty())
                        .toArray());
    }

    /** A name in the singular stands in "two cats" too. */
    private static int firstOf(String text, String words) {
        int one = text.indexOf(" " + words + " ");
        int many = text.indexOf(" " + words + "s ");
        return one < 0 ? many : many < 0 ? one : Math.min(one, many);
    }

    private int[] named(String asked) {
        return IntStream.range(0, size())
                .filter(i -> names.get(i).stream().anyMatch(name -> name.equals(asked)))
                .toArray();
    }

    private int one(String asked, int[] found) {
        if (found.length == 1) {
            return found[0];
        }
        if (found.length > 1) {
            throw new VerifierException("label: \"" + asked + "\" is a name of " + found.length
                    + " classes (expected: the number of one: "
                    + Arrays.stream(found)
                            .mapToObj(i -> i + " = " + labels.get(i))
                            .collect(Collectors.joining("; "))
                    + ")");
        }
        if (name(0).isEmpty()) {
            throw new VerifierException("label: none, or no number (expected: 0 to " + (size() - 1)
                    + "; names are known where a labels.txt lies beside the weights)");
        }
        throw new VerifierException("label: no class is called so, or stands in \"" + asked + "\" (expected: one of "
                + size() + " classes, by name or by number 0 to " + (size() - 1) + "; such as \"" + name(0) + "\")");
    }

    private static List<String> namesOf(String label) {
        List<String> names = new ArrayList<>();
        for (String name : label.split(",", -1)) {
            if (!name.isBlank()) {
                names.add(plain(name));
            }
        }
        return names.isEmpty() ? List.of("") : List.copyOf(names);
    }

    private static String plain(String text) {
        return MARKS.matcher(text.strip()).replaceAll(" ").toLowerCase(Locale.ROOT);
    }

    /** Letters and digits, with one space wherever anything else stands. */
    private static String words(String text) {
        return text.toLowerCase(Locale.ROOT)
                .replaceAll("[^\\p{L}\\p{M}\\p{N}]+", " ")
                .strip();
    }
}
