package dev.prenoise.server.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes one float32 tensor in the safetensors format: eight bytes of header length, a JSON header padded with spaces to a multiple of
 * eight, the values.
 */
final class SafetensorsWriter {
    private static final int ALIGNMENT = 8;

    private SafetensorsWriter() {}

    /**
     * @param shape such as {@code [1, C, H, W]}
     * @param values little-endian float32, row-major
     * @param metadata goes into {@code __metadata__}
     * @throws IllegalArgumentException when the bytes do not fit the shape
     */
    static byte[] write(String name, List<Long> shape, byte[] values, Map<String, String> metadata) {
        long expected = shape.stream().reduce((long) Float.BYTES, Math::multiplyExact);
        if (values.length != expected) {
            throw new IllegalArgumentException(
                    "values: " + values.length + " bytes (expected: " + expected + " for float32 " + shape + ")");
        }
        byte[] header = padded(header(name, shape, values.length, metadata));
        return ByteBuffer.allocate(Long.BYTES + header.length + values.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .put(header)
                .put(values)
                .array();
    }

    private static String header(String name, List<Long> shape, int length, Map<String, String> metadata) {
        JsonObject notes = new JsonObject();
        new TreeMap<>(metadata).forEach(notes::addProperty);
        JsonArray dimensions = new JsonArray();
        shape.forEach(dimensions::add);
        JsonArray offsets = new JsonArray();
        offsets.add(0);
        offsets.add(length);
        JsonObject tensor = new JsonObject();
        tensor.addProperty("dtype", "F32");
        tensor.add("shape", dimensions);
        tensor.add("data_offsets", offsets);
        JsonObject header = new JsonObject();
        header.add("__metadata__", notes);
        header.add(name, tensor);
        return header.toString();
    }

    private static byte[] padded(String header) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        int missing = Math.floorMod(-json.length, ALIGNMENT);
        return (header + " ".repeat(missing)).getBytes(StandardCharsets.UTF_8);
    }
}
