package dev.prenoise.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.prenoise.backbone.checkpoint.Checkpoint;
import dev.prenoise.backbone.checkpoint.CheckpointException;
import dev.prenoise.backbone.checkpoint.TextTower;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.vae.VaeConfig;
import dev.prenoise.parity.TinyModel.Layout;
import dev.prenoise.tensor.SafetensorsType;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Damaged model files: each opens as what it was, or is refused by an error that names it; in less than a second, without much memory, and
 * never in another way.
 */
class DamagedCheckpointTest {
    private static final int CUTS = 200;
    private static final int CHANGES = 500;
    private static final int LIES = 200;
    private static final long MAX_NANOS = 1_000_000_000;
    private static final long MAX_MEMORY = 64 << 20;
    /** So that a lie is never longer than the truth. */
    private static final int SPARE = 256;

    @TempDir
    private static Path temp;

    /**
     * @param damaged the file that is damaged, below what is opened
     */
    record Kind(String family, Layout layout, SafetensorsType type, String damaged) {
        Path write() throws IOException {
            return TinyModel.of(family).write(Files.createTempDirectory(temp, family), layout, type);
        }

        @Override
        public String toString() {
            return family + " " + layout + " " + damaged;
        }
    }

    static Stream<Kind> kinds() {
        List<Kind> kinds = new ArrayList<>();
        for (String family : TinyModel.FAMILIES) {
            kinds.add(new Kind(family, Layout.SINGLE_FILE, SafetensorsType.F16, ""));
        }
        kinds.add(new Kind("sd1", Layout.EMA_ONLY, SafetensorsType.F16, ""));
        kinds.add(new Kind("sd1", Layout.OLD_CLIP, SafetensorsType.F32, ""));
        kinds.add(new Kind("sdxl", Layout.UNET_ONLY, SafetensorsType.BF16, ""));
        for (String file : List.of(
                "unet/diffusion_pytorch_model.safetensors",
                "vae/diffusion_pytorch_model.safetensors",
                "text_encoder_2/model.safetensors")) {
            kinds.add(new Kind("vega", Layout.FOLDER, SafetensorsType.F16, file));
        }
        return kinds.stream();
    }

    /** What opening tells about a model. */
    private record Told(
            Object family,
            UNetConfig unet,
            @Nullable VaeConfig vae,
            List<TextTower> text,
            String prediction,
            int nativeSize) {
        static Told of(Checkpoint checkpoint) {
            return new Told(
                    checkpoint.family(),
                    checkpoint.unetConfig(),
                    checkpoint.vaeConfig(),
                    checkpoint.textTowers(),
                    checkpoint.prediction(),
                    checkpoint.nativeSize());
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void open_ofADamagedFile_isRefusedByNameOrTellsWhatItWas(Kind kind) throws IOException {
        Random random = new Random(kind.toString().hashCode());
        Path opened = kind.write();
        Path file = kind.damaged().isEmpty() ? opened : opened.resolve(kind.damaged());
        byte[] whole = withSpareHeader(file);
        int header =
                8 + (int) ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong();
        Told told = Told.of(Checkpoint.open(opened));

        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            for (int i = 0; i < CHANGES; i++) {
                int at = random.nextInt(header - SPARE);
                byte other = (byte) (whole[at] + 1 + random.nextInt(255));
                channel.write(ByteBuffer.wrap(new byte[] {other}), at);
                open(opened, told, "byte " + at + " is " + other);
                channel.write(ByteBuffer.wrap(whole, at, 1), at);
            }
            JsonObject json = json(whole, header);
            List<String> names = List.copyOf(json.keySet());
            for (int i = 0; i < LIES; i++) {
                JsonObject lying = json.deepCopy();
                String what = lie(lying, names.get(random.nextInt(names.size())), i % 8);
                channel.write(padded(lying, header - 8), 8);
                open(opened, told, what);
            }
            channel.write(ByteBuffer.wrap(whole), 0);
        }
        int refused = 0;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            for (int i = 1; i <= CUTS; i++) {
                // half of the cuts in the header, half in the data
                long end = i <= CUTS / 2
                        ? whole.length - 1 - (long) (i - 1) * (whole.length - header) / (CUTS / 2)
                        : (long) header * (CUTS - i) / (CUTS / 2);
                channel.truncate(end);
                refused += open(opened, told, "cut at " + end) ? 0 : 1;
            }
        }
        assertThat(refused).isEqualTo(CUTS);
    }

    private static byte[] withSpareHeader(Path file) throws IOException {
        byte[] stored = Files.readAllBytes(file);
        int header =
                8 + (int) ByteBuffer.wrap(stored).order(ByteOrder.LITTLE_ENDIAN).getLong();
        ByteBuffer whole = ByteBuffer.allocate(stored.length + SPARE).order(ByteOrder.LITTLE_ENDIAN);
        whole.putLong(header - 8 + SPARE).put(padded(json(stored, header), header - 8 + SPARE));
        whole.put(stored, header, stored.length - header);
        Files.write(file, whole.array());
        return whole.array();
    }

    private static ByteBuffer padded(JsonObject header, int length) {
        byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(text, length);
        Arrays.fill(padded, text.length, length, (byte) ' ');
        return ByteBuffer.wrap(padded);
    }

    private static JsonObject json(byte[] file, int header) {
        return JsonParser.parseString(new String(file, 8, header - 8, StandardCharsets.UTF_8))
                .getAsJsonObject();
    }

    /** One tensor's entry says what is not so. */
    private static String lie(JsonObject header, String name, int kind) {
        JsonObject entry = header.getAsJsonObject(name);
        JsonArray shape = entry.getAsJsonArray("shape");
        JsonArray offsets = entry.getAsJsonArray("data_offsets");
        switch (kind) {
            case 0 -> entry.add("shape", array(1L << 62, 1L << 62));
            case 1 -> entry.add("shape", array(0, Long.MAX_VALUE));
            case 2 -> entry.addProperty("dtype", "I16");
            case 3 -> entry.add("data_offsets", array(offsets.get(0).getAsLong(), Long.MAX_VALUE));
            case 4 -> entry.add("data_offsets", array(-8, offsets.get(1).getAsLong()));
            case 5 -> entry.addProperty("dtype", "F64");
            case 6 -> {
                long product = 1;
                for (int i = 0; i < shape.size(); i++) {
                    product *= shape.get(i).getAsLong();
                }
                entry.add("shape", array(product, 1, 1));
            }
            default -> {
                JsonArray turned = new JsonArray();
                for (int i = shape.size() - 1; i >= 0; i--) {
                    turned.add(shape.get(i));
                }
                entry.add("shape", turned);
            }
        }
        return name + ": " + entry;
    }

    private static JsonArray array(long... values) {
        JsonArray array = new JsonArray();
        for (long value : values) {
            array.add(value);
        }
        return array;
    }

    /** Whether it opened. */
    private static boolean open(Path path, Told told, String damage) {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long memory = threads.getCurrentThreadAllocatedBytes();
        // the processor's time: other programs on the machine are not counted
        long start = threads.getCurrentThreadCpuTime();
        boolean opened = false;
        try {
            assertThat(Told.of(Checkpoint.open(path))).as(damage).isEqualTo(told);
            opened = true;
        } catch (CheckpointException e) {
            assertThat(e).as(damage).hasMessageStartingWith(path.toString());
        }
        assertThat(threads.getCurrentThreadCpuTime() - start).as(damage).isLessThan(MAX_NANOS);
        assertThat(threads.getCurrentThreadAllocatedBytes() - memory).as(damage).isLessThan(MAX_MEMORY);
        return opened;
    }

    /** A config may become another valid one; it never ends in anything but a checkpoint or an error that names the folder. */
    @ParameterizedTest
    @MethodSource("configs")
    void open_ofAFolderWithADamagedConfig_opensOrIsRefusedByName(String config) throws IOException {
        Path folder = new Kind("vega", Layout.FOLDER, SafetensorsType.F16, config).write();
        Path file = folder.resolve(config);
        byte[] whole = Files.readAllBytes(file);
        Random random = new Random(20);
        for (int i = 0; i < CHANGES + CUTS; i++) {
            byte[] damaged = whole.clone();
            if (i < CHANGES) {
                damaged[random.nextInt(whole.length)] = (byte) random.nextInt(256);
            } else {
                damaged = Arrays.copyOf(whole, whole.length * (i - CHANGES) / CUTS);
            }
            Files.write(file, damaged);
            try {
                assertThat(Checkpoint.open(folder).path()).isEqualTo(folder.toAbsolutePath());
            } catch (CheckpointException e) {
                assertThat(e).hasMessageStartingWith(folder.toString());
            }
        }
    }

    static Stream<String> configs() {
        return Stream.of(
                "unet/config.json", "vae/config.json", "text_encoder/config.json", "scheduler/scheduler_config.json");
    }

    @Test
    void open_ofAHeaderLengthThatIsNotThere_readsNothingOfIt() throws IOException {
        Path file = temp.resolve("length.safetensors");
        Files.write(
                file,
                ByteBuffer.allocate(64)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(90_000_000)
                        .array());
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long memory = threads.getCurrentThreadAllocatedBytes();
        assertThatThrownBy(() -> Checkpoint.open(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(file + ": cut short: 64 bytes (expected: 90000008 for the header alone)");
        assertThat(threads.getCurrentThreadAllocatedBytes() - memory).isLessThan(4 << 20);
    }

    @ParameterizedTest
    @MethodSource("nests")
    void open_ofANestThatNeverEnds_isRefused(String header) throws IOException {
        Path file = temp.resolve("nest.safetensors");
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        Files.write(
                file,
                ByteBuffer.allocate(8 + text.length)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(text.length)
                        .put(text)
                        .array());
        assertThatThrownBy(() -> Checkpoint.open(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file + ": header is not valid");
    }

    static Stream<String> nests() {
        return Stream.of(
                "{\"a\":" + "[".repeat(1_000_000),
                "{\"a\":{\"b\":" + "[".repeat(1_000_000),
                "{\"__metadata__\":" + "{\"a\":".repeat(200_000));
    }
}
