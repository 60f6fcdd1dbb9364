package dev.prenoise.tensor;

import ai.djl.pytorch.jni.JniUtils;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes tensors in the safetensors format: eight bytes of header length, a JSON header padded with spaces to a multiple of eight, the
 * values without gaps.
 */
public final class SafetensorsWriter {
    private static final int ALIGNMENT = 8;

    private SafetensorsWriter() {}

    /**
     * One tensor's values.
     *
     * @param values little-endian, row-major
     */
    public record Content(SafetensorsType type, List<Long> shape, byte[] values) {
        /**
         * @throws IllegalArgumentException when the bytes do not fit the shape
         */
        public Content {
            shape = List.copyOf(shape);
            long expected = shape.stream().reduce((long) type.bytes(), Math::multiplyExact);
            if (values.length != expected) {
                throw new IllegalArgumentException("values: " + values.length + " bytes (expected: " + expected
                        + " for " + type + " " + shape + ")");
            }
        }

        /** In the floating type that the tensor has. */
        public static Content of(Tensor tensor) {
            SafetensorsType type =
                    switch (tensor.dtype()) {
                        case FLOAT16 -> SafetensorsType.F16;
                        case BFLOAT16 ->
                            throw new IllegalArgumentException(
                                    "tensor: bfloat16 (expected: float16, float32, float64 or int64)");
                        case FLOAT32 -> SafetensorsType.F32;
                        case FLOAT64 -> SafetensorsType.F64;
                        case INT64 -> SafetensorsType.I64;
                    };
            try (Scope scope = new Scope()) {
                // The device's own order of bytes, which is little-endian wherever libtorch runs.
                ByteBuffer buffer = JniUtils.getByteBuffer(tensor.detach().array(), false);
                byte[] values = new byte[buffer.remaining()];
                buffer.get(values);
                return new Content(type, Arrays.stream(tensor.shape()).boxed().toList(), values);
            }
        }
    }

    /**
     * @param tensors written in the map's order
     * @param metadata goes into {@code __metadata__}
     */
    public static byte[] write(Map<String, Content> tensors, Map<String, String> metadata) {
        byte[] header = padded(header(tensors, metadata));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .array());
        out.writeBytes(header);
        tensors.values().forEach(tensor -> out.writeBytes(tensor.values()));
        return out.toByteArray();
    }

    private static String header(Map<String, Content> tensors, Map<String, String> metadata) {
        JsonObject notes = new JsonObject();
        new TreeMap<>(metadata).forEach(notes::addProperty);
        JsonObject header = new JsonObject();
        header.add("__metadata__", notes);
        long offset = 0;
        for (Map.Entry<String, Content> entry : tensors.entrySet()) {
            Content content = entry.getValue();
            JsonArray dimensions = new JsonArray();
            content.shape().forEach(dimensions::add);
            JsonArray offsets = new JsonArray();
            offsets.add(offset);
            offset += content.values().length;
            offsets.add(offset);
            JsonObject tensor = new JsonObject();
            tensor.addProperty("dtype", content.type().name());
            tensor.add("shape", dimensions);
            tensor.add("data_offsets", offsets);
            header.add(entry.getKey(), tensor);
        }
        return header.toString();
    }

    private static byte[] padded(String header) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        int missing = Math.floorMod(-json.length, ALIGNMENT);
        return (header + " ".repeat(missing)).getBytes(StandardCharsets.UTF_8);
    }
}
