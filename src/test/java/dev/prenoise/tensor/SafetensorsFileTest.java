package dev.prenoise.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsFileTest {
    private static final Path REAL = Path.of("test/resources/backbone/tiny_sd1/golden.safetensors");

    @TempDir
    Path folder;

    @Test
    void load_ofEachFloatingType_givesTheValues() throws IOException {
        ByteBuffer data = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
        data.putFloat(1.5f).putFloat(-2f); // f32
        data.putDouble(0.25).putDouble(-8); // f64
        data.putShort((short) 0x3E00).putShort((short) 0xC000); // f16: 1.5, -2
        data.putShort((short) 0x3FC0).putShort((short) 0xC000); // bf16: 1.5, -2
        SafetensorsFile file = SafetensorsFile.open(write("""
                {"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
                "b":{"dtype":"F64","shape":[2,1],"data_offsets":[8,24]},"c":{"dtype":"F16","shape":[2],"data_offsets":[24,28]},
                "d":{"dtype":"BF16","shape":[1,2],"data_offsets":[28,32]}}""", data.array()));
        assertThat(file.metadata()).containsEntry("k", "v");
        assertThat(values(file, "a")).containsExactly(1.5f, -2f);
        assertThat(values(file, "b")).containsExactly(0.25f, -8f);
        assertThat(values(file, "c")).containsExactly(1.5f, -2f);
        assertThat(values(file, "d")).containsExactly(1.5f, -2f);
        assertThatThrownBy(() -> file.entry("e"))
                .isInstanceOf(SafetensorsException.class)
                .hasMessageContaining(file.path().toString())
                .hasMessageContaining("tensor \"e\": missing");
    }

    @Test
    void number_ofEachType_givesTheValue() throws IOException {
        ByteBuffer data = ByteBuffer.allocate(35).order(ByteOrder.LITTLE_ENDIAN);
        data.putDouble(0.1)
                .putFloat(-2.5f)
                .putShort((short) 0xBE00)
                .putShort((short) 0x0001)
                .putShort((short) 0x3FC0);
        data.putLong(-7)
                .putInt(9)
                .putShort((short) -3)
                .put((byte) -1)
                .put((byte) -1)
                .put((byte) 1);
        StringBuilder header = new StringBuilder("{");
        String[] types = {"F64", "F32", "F16", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"};
        int[] sizes = {8, 4, 2, 2, 2, 8, 4, 2, 1, 1, 1};
        for (int i = 0, end = 0; i < types.length; i++) {
            header.append(i == 0 ? "" : ",")
                    .append("\"")
                    .append(i)
                    .append("\":{\"dtype\":\"")
                    .append(types[i]);
            header.append("\",\"shape\":[1],\"data_offsets\":[")
                    .append(end)
                    .append(",")
                    .append(end += sizes[i])
                    .append("]}");
        }
        SafetensorsFile file = SafetensorsFile.open(write(header.append("}").toString(), data.array()));
        double[] expected = {0.1, -2.5, -1.5, 0x1p-24, 1.5, -7, 9, -3, -1, 255};
        for (int i = 0; i < expected.length; i++) {
            assertThat(file.number(String.valueOf(i))).as(types[i]).isEqualTo(expected[i]);
        }
        assertThatThrownBy(() -> file.number("10"))
                .hasMessageContaining("tensor \"10\": bool [1] (expected: one number)");
    }

    @Test
    void values_ofEveryFloat16_areThoseOfLibtorch() throws IOException {
        ByteBuffer data = ByteBuffer.allocate(2 << 16).order(ByteOrder.LITTLE_ENDIAN);
        for (int bits = 0; bits < 1 << 16; bits++) {
            data.putShort((short) bits);
        }
        SafetensorsFile file = SafetensorsFile.open(
                write("{\"h\":{\"dtype\":\"F16\",\"shape\":[65536],\"data_offsets\":[0,131072]}}", data.array()));
        assertThat(file.values("h")).containsExactly(values(file, "h"));
    }

    @Test
    void load_ofAPart_givesItsRows() throws IOException {
        ByteBuffer data = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 6; i++) {
            data.putFloat(i);
        }
        SafetensorsFile file = SafetensorsFile.open(
                write("{\"x\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]}}", data.array()));
        try (Tensor part = file.load("x", 1, 3, Compute.cpu(), DType.FLOAT32)) {
            assertThat(part.shape()).containsExactly(1, 2);
            assertThat(part.toFloats()).containsExactly(2f, 3f);
        }
        assertThatThrownBy(() -> file.load("x", 0, 2, Compute.cpu(), DType.FLOAT32))
                .hasMessageContaining("tensor \"x\": shape [3, 2] (expected: first dimension a multiple of 2)");
    }

    @Test
    void load_atAnOddAddress_givesTheValues() throws IOException {
        ByteBuffer data = ByteBuffer.allocate(5).order(ByteOrder.LITTLE_ENDIAN);
        data.put((byte) 7).putFloat(3.25f);
        SafetensorsFile file = SafetensorsFile.open(write(
                "{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}",
                data.array()));
        assertThat(values(file, "y")).containsExactly(3.25f);
        assertThatThrownBy(() -> file.load("x", Compute.cpu(), DType.FLOAT32))
                .hasMessageContaining("tensor \"x\": u8 (expected: floating-point numbers)");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            F32     | [2]                   | [0,4]  | tensor "a": 4 bytes (expected: 8 for f32 [2])
            F32     | [2]                   | [0,16] | tensor "a": ends at byte 16
            F32     | [1]                   | [4,8]  | tensor "a": starts at byte 4 of the data (expected: 0): a gap
            F32     | [1]                   | [0,4]  | 4 bytes after the last tensor
            F4      | [8]                   | [0,8]  | tensor "a": dtype "F4" (expected: one of
            F32     | [-2]                  | [0,8]  | tensor "a": shape [-2]
            F32     | [4611686018427387904] | [0,8]  | larger than any file
            F32     | [2]                   | [8,0]  | tensor "a": data_offsets [8, 0]
            F32     | [2]                   | [0]    | tensor "a": data_offsets [0]
            F32     | [2.5]                 | [0,8]  | header is not valid
            """)
    void open_ofALyingHeader_namesFileAndTensor(String type, String shape, String offsets, String message)
            throws IOException {
        Path file = write(
                "{\"a\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}",
                new byte[8]);
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .isInstanceOf(SafetensorsException.class)
                .hasMessageStartingWith(file.toString())
                .hasMessageContaining(message);
    }

    @Test
    void open_ofOverlappingOrRepeatedTensors_fails() throws IOException {
        Path overlap = write(
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                new byte[8]);
        assertThatThrownBy(() -> SafetensorsFile.open(overlap)).hasMessageContaining("overlaps the tensor before it");
        Path twice = write(
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                new byte[8]);
        assertThatThrownBy(() -> SafetensorsFile.open(twice)).hasMessageContaining("named twice");
    }

    @Test
    void open_ofAFileCutAnywhere_namesTheFile() throws IOException {
        byte[] whole = Files.readAllBytes(REAL);
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 60; i++) {
            int length = i < 20 ? i : random.nextInt(whole.length);
            Path cut = Files.write(folder.resolve("cut.safetensors"), Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> SafetensorsFile.open(cut))
                    .isInstanceOf(SafetensorsException.class)
                    .hasMessageStartingWith(cut.toString());
        }
    }

    @Test
    void open_withAChangedHeaderByte_isRefusedOrStaysInsideTheFile() throws IOException {
        byte[] whole = Files.readAllBytes(REAL);
        int header =
                8 + (int) ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong();
        SplittableRandom random = new SplittableRandom(2);
        int refused = 0;
        for (int i = 0; i < 200; i++) {
            byte[] changed = whole.clone();
            changed[random.nextInt(header)] = (byte) random.nextInt(256);
            Path file = Files.write(folder.resolve("changed" + i + ".safetensors"), changed);
            try {
                SafetensorsFile opened = SafetensorsFile.open(file);
                opened.names().forEach(name -> assertThat(
                                opened.entry(name).offset() + opened.entry(name).length())
                        .isLessThanOrEqualTo(whole.length));
            } catch (SafetensorsException e) {
                refused++;
                assertThat(e).hasMessageStartingWith(file.toString());
            }
            Files.delete(file);
        }
        assertThat(refused).isGreaterThan(100);
    }

    @Test
    void load_afterTheFileWasWrittenAnew_isRefusedByName() throws IOException {
        String header = "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
        Path path = write(header, new byte[] {0, 0, 0, 0x40});
        SafetensorsFile file = SafetensorsFile.open(path);
        assertThat(values(file, "x")).containsExactly(2f);
        byte[] bytes = Files.readAllBytes(path);
        bytes[bytes.length - 1] = 0x41;
        Files.write(path, bytes);
        Files.setLastModifiedTime(path, FileTime.from(Instant.EPOCH));
        assertThatThrownBy(() -> values(file, "x"))
                .isInstanceOf(SafetensorsException.class)
                .hasMessage(path
                        + ": tensor \"x\": the file was changed since it was opened (expected: the file as it was)");
        assertThatThrownBy(() -> file.number("x")).hasMessageContaining("changed since it was opened");
        assertThat(values(SafetensorsFile.open(path), "x")).containsExactly(8f);
    }

    @Test
    void open_ofAFolderOrNothing_namesIt() {
        assertThatThrownBy(() -> SafetensorsFile.open(folder)).isInstanceOf(SafetensorsException.class);
        assertThatThrownBy(() -> SafetensorsFile.open(folder.resolve("none")))
                .isInstanceOf(SafetensorsException.class)
                .hasMessageContaining("none");
    }

    private float[] values(SafetensorsFile file, String name) {
        try (Tensor tensor = file.load(name, Compute.cpu(), DType.FLOAT32)) {
            return tensor.toFloats();
        }
    }

    private Path write(String header, byte[] data) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + json.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(json.length).put(json).put(data);
        return Files.write(folder.resolve("file" + Arrays.hashCode(file.array()) + ".safetensors"), file.array());
    }
}
