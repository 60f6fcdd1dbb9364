package dev.prenoise.parity;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.prenoise.tensor.SafetensorsType;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Writes a tiny random model as a user would have it, in any layout and type. Its tensors stand in {@code tensors.tsv} with the rule that
 * draws their values and their names in both layouts; see the README there. Every value is exact in float32, float16 and bfloat16.
 */
final class TinyModel {
    static final Path RESOURCES = Path.of("test/resources/parity");
    static final List<String> FAMILIES = List.of("sd1", "sd2", "sd2_v", "sdxl", "ssd_1b", "vega");

    private final String family;
    private final List<Line> lines;

    /** How a checkpoint of the family lies on disk. */
    enum Layout {
        FOLDER,
        /** A folder as older tools wrote it: the VAE's attention, and text encoders that lack {@code text_model.}. */
        OLD_FOLDER,
        SINGLE_FILE,
        /** The UNet's averaged weights alone, as training tools keep them: names without dots under {@code model_ema.}. */
        EMA_ONLY,
        /** The averaged weights, here other numbers, beside the plain ones, which hosts read. */
        EMA_BESIDE,
        /** OpenCLIP's names over what a diffusers folder has: without the layer that is not read, and what stands behind it. */
        FROM_DIFFUSERS,
        /** CLIP's names as the first files of Stable Diffusion 1 have them: without {@code text_model.}. */
        OLD_CLIP,
        UNET_ONLY;

        boolean folder() {
            return this == FOLDER || this == OLD_FOLDER;
        }
    }

    private record Line(
            String part,
            boolean inFolder,
            String name,
            long[] shape,
            int bits,
            int exponent,
            int offset,
            String ldm,
            String how) {
        static Line parse(String text) {
            String[] columns = text.split("\t", -1);
            boolean left = columns[1].startsWith("-");
            return new Line(
                    columns[0],
                    !left,
                    left ? columns[1].substring(1) : columns[1],
                    Arrays.stream(columns[2].split(","))
                            .mapToLong(Long::parseLong)
                            .toArray(),
                    Integer.parseInt(columns[3]),
                    Integer.parseInt(columns[4]),
                    Integer.parseInt(columns[5]),
                    columns[6],
                    columns[7]);
        }

        /** The rule of {@code draw} in make_tiny.py. */
        float[] draw(String family) {
            long state = 0xCBF29CE484222325L;
            for (byte b : (family + "/" + part + "/" + name).getBytes(StandardCharsets.UTF_8)) {
                state = (state ^ b) * 0x100000001B3L;
            }
            float[] values = new float[Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact))];
            for (int i = 0; i < values.length; i++) {
                state += 0x9E3779B97F4A7C15L;
                long z = (state ^ (state >>> 30)) * 0xBF58476D1CE4E5B9L;
                z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
                values[i] = offset + Math.scalb((float) ((z ^ (z >>> 31)) >> (64 - bits)), exponent);
            }
            return values;
        }
    }

    private record Values(String type, long[] shape, byte[] bytes) {}

    private TinyModel(String family, List<Line> lines) {
        this.family = family;
        this.lines = lines;
    }

    static TinyModel of(String family) throws IOException {
        try (Stream<String> text = Files.lines(RESOURCES.resolve(family + "/tensors.tsv"))) {
            return new TinyModel(family, text.map(Line::parse).toList());
        }
    }

    /** Writes a LoRA in kohya's layout that changes every value of a UNet's module. */
    static Path writeLora(Path file, String module, int rows, int columns, float difference) throws IOException {
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            // the same everywhere would be nothing to inputs whose mean is 0
            values[i] = i % 3 == 0 ? difference : -difference / 2;
        }
        Map<String, Values> tensors = new LinkedHashMap<>();
        tensors.put(
                "lora_unet_" + module.replace('.', '_') + ".diff",
                values(SafetensorsType.F32, new long[] {rows, columns}, values));
        tensors.put("lora_unet_no_such_module.diff", values(SafetensorsType.F32, new long[] {1}, new float[1]));
        write(file, tensors);
        return file;
    }

    /** Writes it below the folder; returns the folder or file to open. */
    Path write(Path parent, Layout layout, SafetensorsType type) throws IOException {
        return switch (layout) {
            case FOLDER -> writeFolder(parent, type, UnaryOperator.identity());
            case OLD_FOLDER -> writeFolder(parent, type, TinyModel::oldName);
            default -> writeFile(parent, layout, type);
        };
    }

    private static String oldName(String name) {
        return name.replace("mid_block.attentions.0.to_q", "mid_block.attentions.0.query")
                .replace("mid_block.attentions.0.to_k", "mid_block.attentions.0.key")
                .replace("mid_block.attentions.0.to_v", "mid_block.attentions.0.value")
                .replace("mid_block.attentions.0.to_out.0", "mid_block.attentions.0.proj_attn")
                .replace("text_model.", "");
    }

    private Path writeFolder(Path parent, SafetensorsType type, UnaryOperator<String> names) throws IOException {
        Path folder = Files.createDirectories(parent.resolve(family));
        Path configs = RESOURCES.resolve(family);
        try (Stream<Path> files = Files.walk(configs)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".json")).toList()) {
                Path copy = folder.resolve(configs.relativize(file).toString());
                Files.createDirectories(copy.getParent());
                Files.copy(file, copy);
            }
        }
        Map<String, List<Line>> parts = lines.stream()
                .filter(Line::inFolder)
                .collect(Collectors.groupingBy(Line::part, LinkedHashMap::new, Collectors.toList()));
        for (Map.Entry<String, List<Line>> part : parts.entrySet()) {
            Map<String, Values> tensors = new LinkedHashMap<>();
            for (Line line : part.getValue()) {
                // the UNet has none of the names that changed
                String name = part.getKey().equals("unet") ? line.name : names.apply(line.name);
                tensors.put(name, values(type, line.shape, line.draw(family)));
            }
            String stem = part.getKey().startsWith("text") ? "model" : "diffusion_pytorch_model";
            write(folder.resolve(part.getKey() + "/" + stem + ".safetensors"), tensors);
        }
        return folder;
    }

    private Path writeFile(Path parent, Layout layout, SafetensorsType type) throws IOException {
        Map<String, Values> tensors = new LinkedHashMap<>();
        for (Line line : lines) {
            boolean unet = line.part.equals("unet");
            if (layout == Layout.UNET_ONLY && !unet || layout == Layout.FROM_DIFFUSERS && !line.inFolder) {
                continue;
            }
            float[] drawn = line.draw(family);
            if (unet && (layout == Layout.EMA_ONLY || layout == Layout.EMA_BESIDE)) {
                float[] average = layout == Layout.EMA_ONLY ? drawn : new float[drawn.length];
                String flat = line.ldm.substring("model.".length()).replace(".", "");
                tensors.put("model_ema." + flat, values(type, line.shape, average));
            }
            if (!unet || layout != Layout.EMA_ONLY) {
                put(tensors, line, layout, type, drawn);
            }
        }
        if (layout != Layout.UNET_ONLY && layout != Layout.FROM_DIFFUSERS) {
            clutter(tensors);
        }
        Path file = Files.createDirectories(parent).resolve(family + ".safetensors");
        write(file, tensors);
        return file;
    }

    private static void put(
            Map<String, Values> tensors, Line line, Layout layout, SafetensorsType type, float[] drawn) {
        String name =
                layout == Layout.OLD_CLIP ? line.ldm.replace("transformer.text_model.", "transformer.") : line.ldm;
        switch (line.how) {
            case "" -> tensors.put(name, values(type, line.shape, drawn));
            case "conv" -> tensors.put(name, values(type, new long[] {line.shape[0], line.shape[1], 1, 1}, drawn));
            case "transposed" ->
                tensors.put(
                        name, values(type, new long[] {line.shape[1], line.shape[0]}, transposed(line.shape, drawn)));
            case "part0", "part1", "part2" -> {
                int part = line.how.charAt(4) - '0';
                long[] shape = line.shape.clone();
                shape[0] *= 3;
                Values whole = tensors.computeIfAbsent(name, n -> values(type, shape, new float[3 * drawn.length]));
                byte[] third = values(type, line.shape, drawn).bytes;
                System.arraycopy(third, 0, whole.bytes, part * third.length, third.length);
            }
            default -> throw new IllegalArgumentException("tensors.tsv: " + line.how);
        }
    }

    private static float[] transposed(long[] shape, float[] values) {
        int rows = (int) shape[0];
        int columns = (int) shape[1];
        float[] turned = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            turned[i % columns * rows + i / columns] = values[i];
        }
        return turned;
    }

    /** What real files hold besides: schedules, counters, positions. */
    private void clutter(Map<String, Values> tensors) {
        tensors.put("alphas_cumprod", values(SafetensorsType.F32, new long[] {4}, new float[] {1, 2, 3, 4}));
        tensors.put("model_ema.decay", values(SafetensorsType.F32, new long[0], new float[] {0.9999f}));
        tensors.put("model_ema.num_updates", new Values("I32", new long[0], new byte[4]));
        for (String prefix : List.of("cond_stage_model.", "conditioner.embedders.0.", "conditioner.embedders.1.")) {
            if (tensors.keySet().stream().anyMatch(name -> name.startsWith(prefix + "model."))) {
                tensors.put(prefix + "model.logit_scale", values(SafetensorsType.F32, new long[0], new float[] {4.6f}));
            } else if (tensors.keySet().stream()
                    .anyMatch(name -> name.startsWith(prefix + "transformer.text_model."))) {
                tensors.put(
                        prefix + "transformer.text_model.embeddings.position_ids",
                        new Values("I64", new long[] {1, 77}, new byte[77 * 8]));
            }
        }
    }

    private static Values values(SafetensorsType type, long[] shape, float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            switch (type) {
                case F32 -> bytes.putFloat(value);
                case BF16 -> bytes.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
                case F16 -> bytes.putShort(half(value));
                default -> throw new IllegalArgumentException("type: " + type);
            }
        }
        return new Values(type.name(), shape, bytes.array());
    }

    /** Of a value that is 0 or a normal float16 of at most 11 significant bits. */
    private static short half(float value) {
        int bits = Float.floatToRawIntBits(value);
        int magnitude = bits & 0x7FFFFFFF;
        return (short) ((bits >>> 16 & 0x8000) | (magnitude == 0 ? 0 : (magnitude >>> 13) - (112 << 10)));
    }

    private static void write(Path file, Map<String, Values> tensors) throws IOException {
        JsonObject header = new JsonObject();
        long offset = 0;
        for (Map.Entry<String, Values> tensor : tensors.entrySet()) {
            Values values = tensor.getValue();
            JsonObject entry = new JsonObject();
            entry.addProperty("dtype", values.type);
            JsonArray shape = new JsonArray();
            Arrays.stream(values.shape).forEach(shape::add);
            entry.add("shape", shape);
            JsonArray offsets = new JsonArray();
            offsets.add(offset);
            offset += values.bytes.length;
            offsets.add(offset);
            entry.add("data_offsets", offsets);
            header.add(tensor.getKey(), entry);
        }
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        try (OutputStream out = Files.newOutputStream(file)) {
            out.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(json.length)
                    .array());
            out.write(json);
            for (Values values : tensors.values()) {
                out.write(values.bytes);
            }
        }
    }
}
