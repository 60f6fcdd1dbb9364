package dev.prenoise.text;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * A tokenizer's folder, read.
 *
 * @param source the file that the rules come from, for messages
 * @param rules what a {@code tokenizer.json} holds
 * @param config {@code tokenizer_config.json}, filled up from {@code special_tokens_map.json}; empty where there are none
 */
record TokenizerFiles(Path source, JsonObject rules, JsonObject config) {
    private static final int MAX_BYTES = 16 << 20;

    /**
     * @param folder or OpenAI's {@code bpe_simple_vocab_16e6.txt.gz}
     */
    static TokenizerFiles read(Path folder) {
        if (Files.isRegularFile(folder)) {
            return readMerges(folder);
        }
        JsonObject config = object(folder.resolve("special_tokens_map.json"), true);
        object(folder.resolve("tokenizer_config.json"), true)
                .entrySet()
                .forEach(e -> config.add(e.getKey(), e.getValue()));

        Path json = folder.resolve("tokenizer.json");
        Path vocabulary = folder.resolve("vocab.json");
        Path merges = folder.resolve("merges.txt");
        Path pieces = folder.resolve("vocab.txt");
        if (!Files.exists(json) && !Files.exists(vocabulary) && Files.exists(pieces)) {
            List<String> lines = text(pieces).lines().map(String::strip).toList();
            return new TokenizerFiles(pieces, naming(pieces, () -> BertWordPieces.tokenizerJson(lines)), config);
        }
        if (Files.exists(json) || !Files.exists(vocabulary)) {
            return new TokenizerFiles(json, object(json, false), config);
        }
        JsonObject tokens = object(vocabulary, false);
        String lines = text(merges);
        JsonObject rules = naming(
                merges, () -> ClipBytePairs.tokenizerJson(tokens, lines.lines().toList()));
        return new TokenizerFiles(merges, rules, config);
    }

    private static TokenizerFiles readMerges(Path file) {
        String lines = unpacked(file);
        return new TokenizerFiles(
                file,
                naming(file, () -> {
                    List<String> merges = lines.lines()
                            .skip(1)
                            .limit(ClipBytePairs.MERGES)
                            .filter(line -> !line.isBlank())
                            .toList();
                    return ClipBytePairs.tokenizerJson(ClipBytePairs.vocabulary(merges), merges);
                }),
                new JsonObject());
    }

    private static String unpacked(Path file) {
        try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
            byte[] bytes = in.readNBytes(MAX_BYTES + 1);
            if (bytes.length > MAX_BYTES) {
                throw new TokenizerException(
                        file + ": more than " + MAX_BYTES + " bytes (expected: CLIP's list of merges)");
            }
            return new String(bytes, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new TokenizerException(
                    file + ": " + e.getMessage() + " (expected: CLIP's list of merges, packed by gzip)", e);
        }
    }

    /** A special token's text from the configuration, which writes it plainly or as an object. */
    @Nullable
    String configured(String name) {
        JsonElement token = config.get(name);
        if (token != null && token.isJsonObject()) {
            token = token.getAsJsonObject().get("content");
        }
        return token != null && token.isJsonPrimitive() ? token.getAsString() : null;
    }

    /** {@code null} where the file does not say, or gives a number that stands for "no limit". */
    @Nullable
    Integer maxLength() {
        JsonElement length = config.get("model_max_length");
        return length != null && length.isJsonPrimitive() && length.getAsDouble() <= 1_000_000
                ? length.getAsInt()
                : null;
    }

    private static JsonObject object(Path file, boolean optional) {
        if (optional && !Files.exists(file)) {
            return new JsonObject();
        }
        String text = text(file);
        return naming(file, () -> {
            JsonElement json = JsonParser.parseString(text);
            if (!json.isJsonObject()) {
                throw new IllegalArgumentException("not a JSON object");
            }
            return json.getAsJsonObject();
        });
    }

    private static String text(Path file) {
        try {
            return Files.readString(file, StandardCharsets.UTF_8);
        } catch (NoSuchFileException e) {
            throw new TokenizerException(
                    file + ": missing (expected: tokenizer.json, or vocab.json with merges.txt)", e);
        } catch (IOException e) {
            throw new TokenizerException(file + ": " + e.getMessage() + " (expected: readable UTF-8)", e);
        }
    }

    private static JsonObject naming(Path file, Supplier<JsonObject> parse) {
        try {
            return parse.get();
        } catch (JsonParseException | IllegalArgumentException | UnsupportedOperationException e) {
            throw new TokenizerException(file + ": " + e.getMessage(), e);
        }
    }
}
