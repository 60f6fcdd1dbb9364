package dev.prenoise.tensor;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reading {@code config.json} files with errors that name the file and the key. */
public final class ConfigFile {
    private static final long MAX_SIZE = 1 << 24;

    private final Path file;
    private final String prefix;
    private final JsonObject json;

    private ConfigFile(Path file, String prefix, JsonObject json) {
        this.file = file;
        this.prefix = prefix;
        this.json = json;
    }

    /**
     * @throws IllegalArgumentException when the file is missing or no JSON object; names it
     */
    public static ConfigFile read(Path file) {
        try {
            if (Files.size(file) > MAX_SIZE) {
                throw new IllegalArgumentException(
                        file + ": " + Files.size(file) + " bytes (expected: a config file, at most " + MAX_SIZE + ")");
            }
            return new ConfigFile(
                    file, "", JsonParser.parseString(Files.readString(file)).getAsJsonObject());
        } catch (IOException | JsonParseException | IllegalStateException e) {
            throw new IllegalArgumentException(file + ": cannot be read as a JSON object: " + e.getMessage(), e);
        }
    }

    /** {@link #read}; where there is no such file, one that says nothing. */
    public static ConfigFile readIfThere(Path file) {
        return Files.exists(file) ? read(file) : new ConfigFile(file, "", new JsonObject());
    }

    /**
     * An object within the file; an empty one where there is none. Messages name its keys by {@code key.}.
     *
     * @throws IllegalArgumentException when it is there and no object
     */
    public ConfigFile under(String key) {
        JsonObject inner = has(key) ? read(key, "an object", JsonElement::getAsJsonObject) : new JsonObject();
        return new ConfigFile(file, prefix + key + ".", inner);
    }

    public boolean has(String key) {
        return json.has(key) && !json.get(key).isJsonNull();
    }

    /** Whether the key is there and says null, which is not what a missing key says. */
    public boolean isNull(String key) {
        return json.has(key) && json.get(key).isJsonNull();
    }

    public int integer(String key, int otherwise) {
        return has(key) ? read(key, "a whole number", JsonElement::getAsInt) : otherwise;
    }

    public double number(String key, double otherwise) {
        return has(key) ? read(key, "a number", JsonElement::getAsDouble) : otherwise;
    }

    public boolean flag(String key, boolean otherwise) {
        return has(key) ? read(key, "true or false", JsonElement::getAsBoolean) : otherwise;
    }

    public String text(String key, String otherwise) {
        return has(key) ? read(key, "a text", JsonElement::getAsString) : otherwise;
    }

    /** A list, or one value that stands for {@code count} equal ones. */
    public List<Integer> integers(String key, int count, int otherwise) {
        if (!has(key)) {
            return java.util.Collections.nCopies(count, otherwise);
        }
        if (json.get(key).isJsonPrimitive()) {
            return java.util.Collections.nCopies(count, integer(key, otherwise));
        }
        return list(key, "whole numbers", JsonElement::getAsInt);
    }

    /** A list of numbers and lists of numbers, a number standing for a list of one; or one number that stands for {@code count} equal ones. */
    public List<List<Integer>> integerLists(String key, int count, int otherwise) {
        if (!has(key) || json.get(key).isJsonPrimitive()) {
            return java.util.Collections.nCopies(count, List.of(integer(key, otherwise)));
        }
        return list(key, "whole numbers or lists of them", element -> {
            List<Integer> values = new ArrayList<>();
            if (element.isJsonArray()) {
                element.getAsJsonArray().forEach(e -> values.add(e.getAsInt()));
            } else {
                values.add(element.getAsInt());
            }
            return List.copyOf(values);
        });
    }

    /** The values of an object of texts, in its order. */
    public List<String> textValues(String key) {
        return read(key, "an object of texts", value -> value.getAsJsonObject().entrySet().stream()
                .map(e -> e.getValue().getAsString())
                .toList());
    }

    public List<String> texts(String key) {
        return list(key, "texts", JsonElement::getAsString);
    }

    public List<Double> numbers(String key) {
        return list(key, "numbers", JsonElement::getAsDouble);
    }

    public boolean isObject(String key) {
        return json.has(key) && json.get(key).isJsonObject();
    }

    /**
     * @throws IllegalArgumentException always: the file, the key, what it is and what was expected
     */
    public IllegalArgumentException wrong(String key, String expected) {
        return new IllegalArgumentException(
                file + ": " + prefix + key + ": " + json.get(key) + " (expected: " + expected + ")");
    }

    private <T> List<T> list(String key, String expected, java.util.function.Function<JsonElement, T> element) {
        return read(key, "a list of " + expected, value -> {
            JsonArray array = value.getAsJsonArray();
            List<T> values = new ArrayList<>();
            array.forEach(e -> values.add(element.apply(e)));
            return List.copyOf(values);
        });
    }

    private <T> T read(String key, String expected, java.util.function.Function<JsonElement, T> reader) {
        JsonElement value = json.get(key);
        if (value == null) {
            throw wrong(key, expected);
        }
        try {
            return reader.apply(value);
        } catch (IllegalStateException | UnsupportedOperationException | NumberFormatException e) {
            throw wrong(key, expected);
        }
    }
}
