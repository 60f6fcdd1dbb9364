package dev.prenoise.backbone.checkpoint;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Writes safetensors files: another file's tensors under other names, or made-up ones. */
final class TestFiles {
    private TestFiles() {}

    /** The tensors of a file under other names; a name that becomes empty is left in the data but out of the model. */
    static Path renamed(Path from, Path to, UnaryOperator<String> names) throws IOException {
        byte[] bytes = Files.readAllBytes(from);
        int length = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
        JsonObject header = JsonParser.parseString(new String(bytes, 8, length, StandardCharsets.UTF_8))
                .getAsJsonObject();
        JsonObject changed = new JsonObject();
        header.entrySet()
                .forEach(e -> changed.add(
                        e.getKey().equals("__metadata__") ? e.getKey() : names.apply(e.getKey()), e.getValue()));
        return write(to, changed, ByteBuffer.wrap(bytes, 8 + length, bytes.length - 8 - length));
    }

    /** Float32 zeros of one element by these names. */
    static Path named(Path to, Map<String, String> metadata, List<String> names) throws IOException {
        JsonObject header = new JsonObject();
        JsonObject text = new JsonObject();
        metadata.forEach(text::addProperty);
        header.add("__metadata__", text);
        for (int i = 0; i < names.size(); i++) {
            header.add(names.get(i), entry("F32", new long[] {1}, 4L * i, 4L * i + 4));
        }
        return write(to, header, ByteBuffer.allocate(4 * names.size()));
    }

    static JsonObject entry(String type, long[] shape, long from, long to) {
        JsonArray dimensions = new JsonArray();
        for (long dimension : shape) {
            dimensions.add(dimension);
        }
        JsonArray offsets = new JsonArray();
        offsets.add(from);
        offsets.add(to);
        JsonObject entry = new JsonObject();
        entry.addProperty("dtype", type);
        entry.add("shape", dimensions);
        entry.add("data_offsets", offsets);
        return entry;
    }

    static Path write(Path to, JsonObject header, ByteBuffer data) throws IOException {
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer file =
                ByteBuffer.allocate(8 + json.length + data.remaining()).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(json.length).put(json).put(data);
        Files.createDirectories(to.getParent());
        return Files.write(to, file.array());
    }
}
