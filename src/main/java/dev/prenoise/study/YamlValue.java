package dev.prenoise.study;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * A place in a YAML file, read strictly: whatever is not expected is an error that names the file, the line, the path and what was expected,
 * such as {@code study.yaml:7: suites[1].prompts: "many" (expected: a whole number from 1 to 100000)}.
 */
final class YamlValue {
    private static final int MAX_CHARACTERS = 1 << 22;

    private final String file;
    private final String path;
    private final Node node;

    private YamlValue(String file, String path, Node node) {
        this.file = file;
        this.path = path;
        this.node = node;
    }

    /**
     * @param file its name, for messages
     * @throws IllegalArgumentException when the text is no YAML or empty; names the line
     */
    static YamlValue read(String file, String text) {
        if (text.length() > MAX_CHARACTERS) {
            throw new IllegalArgumentException(
                    file + ": " + text.length() + " characters (expected: at most " + MAX_CHARACTERS + ")");
        }
        try {
            Optional<Node> root =
                    new Compose(LoadSettings.builder().setLabel(file).build()).composeString(text);
            return new YamlValue(
                    file, "", root.orElseThrow(() -> new IllegalArgumentException(file + ": empty (expected: YAML)")));
        } catch (MarkedYamlEngineException e) {
            throw new IllegalArgumentException(
                    file + e.getProblemMark().map(YamlValue::line).orElse("") + ": no YAML: " + e.getProblem(), e);
        } catch (YamlEngineException | StackOverflowError e) {
            throw new IllegalArgumentException(file + ": no YAML: " + e.getMessage(), e);
        }
    }

    private static String line(Mark mark) {
        return ":" + (mark.getLine() + 1);
    }

    // ---- shapes ----

    boolean isText() {
        return node instanceof ScalarNode;
    }

    boolean isMapping() {
        return node instanceof MappingNode;
    }

    boolean isList() {
        return node instanceof SequenceNode;
    }

    /**
     * What stands under each key.
     *
     * @throws IllegalArgumentException when it is no mapping, a key stands twice, or one is not among those known
     */
    Map<String, YamlValue> fields(Set<String> known) {
        if (!(node instanceof MappingNode mapping)) {
            throw wrong("a mapping with keys among " + String.join(", ", known));
        }
        Map<String, YamlValue> fields = new LinkedHashMap<>();
        for (NodeTuple tuple : mapping.getValue()) {
            String key = tuple.getKeyNode() instanceof ScalarNode scalar ? scalar.getValue() : "?";
            YamlValue value = new YamlValue(file, path.isEmpty() ? key : path + "." + key, tuple.getValueNode());
            if (!known.contains(key)) {
                throw new IllegalArgumentException(value.place() + ": unknown key (expected: one of "
                        + String.join(", ", known.stream().sorted().toList()) + ")");
            }
            if (fields.put(key, value) != null) {
                throw new IllegalArgumentException(value.place() + ": stands twice (expected: once)");
            }
        }
        return fields;
    }

    /**
     * @throws IllegalArgumentException when there is none
     */
    YamlValue required(Map<String, YamlValue> fields, String key) {
        YamlValue value = fields.get(key);
        if (value == null) {
            throw new IllegalArgumentException(
                    place() + ": no \"" + key + "\" (expected: one" + (path.isEmpty() ? "" : " in " + path) + ")");
        }
        return value;
    }

    /**
     * One result for each element.
     *
     * @throws IllegalArgumentException when it is no list or an empty one
     */
    <T> List<T> list(Function<YamlValue, T> element) {
        if (!(node instanceof SequenceNode sequence) || sequence.getValue().isEmpty()) {
            throw wrong("a list of one or more");
        }
        List<T> results = new ArrayList<>();
        for (int i = 0; i < sequence.getValue().size(); i++) {
            results.add(element.apply(new YamlValue(
                    file, path + "[" + i + "]", sequence.getValue().get(i))));
        }
        return results;
    }

    /** As {@link #list}, no two alike. */
    <T> List<T> distinct(Function<YamlValue, T> element) {
        Set<T> seen = new HashSet<>();
        return list(value -> {
            T result = element.apply(value);
            if (!seen.add(result)) {
                throw value.wrong("each once");
            }
            return result;
        });
    }

    // ---- scalars ----

    String text() {
        String value = scalar("a text", Tag.STR);
        if (value.isBlank()) {
            throw wrong("a text");
        }
        return value;
    }

    /**
     * @throws IllegalArgumentException when it is none of the choices; lists them
     */
    String oneOf(List<String> choices) {
        String value = node instanceof ScalarNode scalar ? scalar.getValue() : "";
        if (!choices.contains(value)) {
            throw wrong("one of " + String.join(", ", choices));
        }
        return value;
    }

    int integer(int low, int high) {
        String expected = "a whole number from " + low + " to " + high;
        try {
            int value = Integer.parseInt(scalar(expected, Tag.INT));
            if (value >= low && value <= high) {
                return value;
            }
        } catch (NumberFormatException e) {
            throw wrong(expected);
        }
        throw wrong(expected);
    }

    /** Unsigned 64-bit, as hosts take seeds. */
    long seed() {
        String expected = "a whole number from 0 to 18446744073709551615";
        try {
            return Long.parseUnsignedLong(scalar(expected, Tag.INT));
        } catch (NumberFormatException e) {
            throw wrong(expected);
        }
    }

    double number(double low, double high) {
        String expected = "a number from " + low + " to " + high;
        try {
            double value = Double.parseDouble(scalar(expected, Tag.INT, Tag.FLOAT));
            if (value >= low && value <= high) {
                return value;
            }
        } catch (NumberFormatException e) {
            throw wrong(expected);
        }
        throw wrong(expected);
    }

    boolean flag() {
        return scalar("true or false", Tag.BOOL).equals("true");
    }

    private String scalar(String expected, Tag... tags) {
        if (node instanceof ScalarNode scalar && List.of(tags).contains(scalar.getTag())) {
            return scalar.getValue();
        }
        throw wrong(expected);
    }

    // ---- errors ----

    /** What to throw when this is not what was expected. */
    IllegalArgumentException wrong(String expected) {
        return new IllegalArgumentException(place() + ": " + shown() + " (expected: " + expected + ")");
    }

    /** What to throw when reading it failed with a message of its own. */
    IllegalArgumentException failed(String message, @Nullable Throwable cause) {
        return new IllegalArgumentException(place() + ": " + message, cause);
    }

    private String place() {
        return file + node.getStartMark().map(YamlValue::line).orElse("") + (path.isEmpty() ? "" : ": " + path);
    }

    private String shown() {
        if (node instanceof ScalarNode scalar) {
            return scalar.getTag().equals(Tag.NULL) ? "nothing" : "\"" + scalar.getValue() + "\"";
        }
        return node instanceof SequenceNode sequence
                ? sequence.getValue().isEmpty() ? "an empty list" : "a list"
                : "a mapping";
    }
}
