package dev.prenoise.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.InflaterInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PictureFileTest {
    private static final int MOST = 1 << 20;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "rgb.png",
                "rgba.png",
                "grey.png",
                "grey_alpha.png",
                "palette.png",
                "palette_transparent.png",
                "colour_key.png",
                "grey_1.png",
                "grey_2.png",
                "grey_4.png",
                "rgb_16.png",
                "rgba_16.png",
                "grey_alpha_16.png",
                "interlaced.png",
                "lossless.webp",
                "lossless_alpha.webp",
                "lossless_few_colours.webp"
            })
    void decode_lossless_equalsPillow(String name) throws IOException {
        assertThat(PictureFile.decode(file(name), MOST).rgb()).isEqualTo(pillow(name));
    }

    /** The largest difference of a byte: what docs/verifiers.md says of decoders. */
    @ParameterizedTest
    @CsvSource({
        "444.jpg,0",
        "422.jpg,0",
        "420.jpg,0",
        "edges_420.jpg,0",
        "progressive.jpg,0",
        "grey.jpg,0",
        "kept_rgb.jpg,0",
        "cmyk.jpg,0",
        "ycck.jpg,0",
        "lossy.webp,80",
        "edges_lossy.webp,112",
        "lossy_alpha.webp,85"
    })
    void decode_lossy_isAsFarFromPillowAsThePageSays(String name, int largest) throws IOException {
        byte[] ours = PictureFile.decode(file(name), MOST).rgb();
        byte[] pillow = pillow(name);

        int difference = 0;
        for (int i = 0; i < pillow.length; i++) {
            difference = Math.max(difference, Math.abs((ours[i] & 0xff) - (pillow[i] & 0xff)));
        }
        assertThat(difference).isEqualTo(largest);
    }

    /** Where Pillow makes everything over 255 white, which no viewer does. */
    @Test
    void decode_greyOf16Bits_takesTheUpper8() throws IOException {
        assertThat(PictureFile.decode(file("grey_16.png"), MOST))
                .usingRecursiveComparison()
                .isEqualTo(PictureFile.decode(file("grey.png"), MOST));
    }

    @Test
    void decode_animatedWebp_isRefused() throws IOException {
        byte[] animated = file("animated.webp");

        assertThatThrownBy(() -> PictureFile.decode(animated, MOST))
                .isInstanceOf(PictureException.class)
                .hasMessage("an animated WebP (expected: one picture)");
    }

    @ParameterizedTest
    @ValueSource(strings = {"rgb.png", "420.jpg", "progressive.jpg", "lossy.webp", "lossy_alpha.webp", "lossless.webp"})
    void decode_fileCutOffAnywhere_isRefused(String name) throws IOException {
        byte[] whole = file(name);
        int chunk = name.equals("lossy_alpha.webp") ? whole.length / 2 : whole.length;
        for (int length = 1; length < chunk - 1; length += 13) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> PictureFile.decode(cut, MOST))
                    .as("%s of %s bytes", length, whole.length)
                    .isInstanceOf(PictureException.class);
        }
    }

    /** Whatever is wrong: a picture or the one exception, never another. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "rgb.png",
                "palette.png",
                "rgba_16.png",
                "progressive.jpg",
                "420.jpg",
                "ycck.jpg",
                "lossy.webp",
                "lossless.webp"
            })
    void decode_anyByteWrong_isAPictureOrRefused(String name) throws IOException {
        byte[] whole = file(name);
        int pictures = 0;
        int refused = 0;
        for (int at = 0; at < whole.length; at += 7) {
            byte[] broken = whole.clone();
            broken[at] ^= (byte) 0x5a;
            try {
                pictures += PictureFile.decode(broken, MOST).width() > 0 ? 1 : 0;
            } catch (PictureException e) {
                assertThat(e).hasMessageContaining("(expected: ");
                refused++;
            }
        }
        assertThat(refused).isPositive();
        assertThat(pictures + refused).isEqualTo((whole.length + 6) / 7);
    }

    @Test
    void decode_noBytes_isRefused() {
        assertThatThrownBy(() -> PictureFile.decode(new byte[0], MOST))
                .hasMessage("empty (expected: a PNG, JPEG or WebP file)");
    }

    @Test
    void decode_otherFormat_saysHowItStarts() {
        assertThatThrownBy(() -> PictureFile.decode("GIF89a12345".getBytes(StandardCharsets.US_ASCII), MOST))
                .hasMessage("bytes that start with 4749463839613132 (expected: a PNG, JPEG or WebP file)");
    }

    @Test
    void decode_hugePng_isRefusedByItsHeader() {
        byte[] bomb = png(100_000, 100_000, 2, new byte[0]);

        assertThatThrownBy(() -> PictureFile.decode(bomb, MOST))
                .hasMessage("a PNG of 100000 x 100000 pixels (expected: at most 1048576 pixels)");
    }

    @Test
    void decode_hugeJpegAndWebp_areRefusedByTheirHeaders() throws IOException {
        byte[] jpeg = file("420.jpg");
        int frame = find(jpeg, 0xff, 0xc0);
        ByteBuffer.wrap(jpeg).putInt(frame + 5, 0xffff_ffff);
        assertThatThrownBy(() -> PictureFile.decode(jpeg, MOST))
                .hasMessage("a JPEG of 65535 x 65535 pixels (expected: at most 1048576 pixels)");

        byte[] lossless = file("lossless.webp");
        Arrays.fill(lossless, 21, 25, (byte) 0xff);
        assertThatThrownBy(() -> PictureFile.decode(lossless, MOST))
                .hasMessage("a WebP of 16384 x 16384 pixels (expected: at most 1048576 pixels)");

        byte[] lossy = file("lossy.webp");
        Arrays.fill(lossy, 26, 30, (byte) 0xff);
        assertThatThrownBy(() -> PictureFile.decode(lossy, MOST))
                .hasMessage("a WebP of 16383 x 16383 pixels (expected: at most 1048576 pixels)");
    }

    @Test
    void decode_limitOfAllPixels_staysWithinAnArray() {
        assertThatThrownBy(() -> PictureFile.decode(png(30_000, 30_000, 2, new byte[0]), Integer.MAX_VALUE))
                .hasMessage("a PNG of 30000 x 30000 pixels (expected: at most 715827882 pixels)");
    }

    /** Half a gigabyte of zeros in half a megabyte, in the chunks that decoders unpack for the profile and the texts. */
    @ParameterizedTest
    @ValueSource(strings = {"iCCP", "zTXt", "iTXt"})
    void decode_bombInAChunkThatNoPixelNeeds_isNotUnpacked(String type) throws IOException {
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        data.writeBytes("name\0".getBytes(StandardCharsets.US_ASCII));
        data.writeBytes(type.equals("iTXt") ? new byte[] {1, 0, 0, 0} : new byte[] {0});
        data.writeBytes(zeros(512 << 20));
        byte[] bomb = png(1, 1, 2, deflated(new byte[] {0, 10, 20, 30}), chunk(type, data.toByteArray()));

        assertThat(PictureFile.decode(bomb, MOST).rgb()).containsExactly(10, 20, 30);
    }

    @Test
    void decode_pixelsThatUnpackToMoreThanTheSize_stopsAtTheSize() throws IOException {
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        data.writeBytes(zeros(512 << 20));

        Picture picture = PictureFile.decode(png(2, 2, 2, data.toByteArray()), MOST);

        assertThat(picture.rgb()).containsOnly(0);
    }

    @Test
    void decode_chunkWithAWrongChecksum_namesIt() throws IOException {
        byte[] broken = file("rgb.png");
        broken[find(broken, 'I', 'D') + 9] ^= 1;

        assertThatThrownBy(() -> PictureFile.decode(broken, MOST))
                .isInstanceOf(PictureException.class)
                .hasMessageContaining("chunk IDAT at")
                .hasMessageContaining("checksum");
    }

    @Test
    void decode_manyScans_isRefused() throws IOException {
        byte[] jpeg = file("progressive.jpg");
        int scan = find(jpeg, 0xff, 0xda);
        int end = jpeg.length - 2;
        ByteArrayOutputStream bomb = new ByteArrayOutputStream();
        bomb.write(jpeg, 0, end);
        int header = 2 + ByteBuffer.wrap(jpeg).getShort(scan + 2);
        for (int i = 0; i < 100; i++) {
            bomb.write(jpeg, scan, header);
        }
        bomb.write(jpeg, end, 2);

        assertThatThrownBy(() -> PictureFile.decode(bomb.toByteArray(), MOST))
                .hasMessage("a JPEG of more than 64 scans (expected: at most 64)");
    }

    /** Not turned: as Image.open does, which the published verifiers were run with. */
    @Test
    void decode_pictureThatACameraCallsTurned_staysAsItIsStored() throws IOException {
        assertThat(PictureFile.decode(file("420.jpg"), MOST).width()).isEqualTo(35);
    }

    private static byte[] file(String name) throws IOException {
        try (InputStream in = PictureFileTest.class.getResourceAsStream("/image/files/" + name)) {
            return in.readAllBytes();
        }
    }

    private static byte[] pillow(String name) throws IOException {
        try (InputStream in = PictureFileTest.class.getResourceAsStream("/image/files/" + name + ".rgb.z")) {
            return new InflaterInputStream(in).readAllBytes();
        }
    }

    private static int find(byte[] bytes, int first, int second) {
        int at = 0;
        while ((bytes[at] & 0xff) != first || (bytes[at + 1] & 0xff) != second) {
            at++;
        }
        return at;
    }

    private static byte[] zeros(int length) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (var deflater = new DeflaterOutputStream(out)) {
            byte[] block = new byte[1 << 20];
            for (int i = 0; i < length; i += block.length) {
                deflater.write(block);
            }
        }
        return out.toByteArray();
    }

    private static byte[] deflated(byte[] data) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (var deflater = new DeflaterOutputStream(out)) {
            deflater.write(data);
        }
        return out.toByteArray();
    }

    private static byte[] png(int width, int height, int colours, byte[] pixels, byte[]... others) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(8).putLong(0x89504e470d0a1a0aL).array());
        out.writeBytes(chunk(
                "IHDR",
                ByteBuffer.allocate(13)
                        .putInt(width)
                        .putInt(height)
                        .put((byte) 8)
                        .put((byte) colours)
                        .array()));
        Arrays.stream(others).forEach(out::writeBytes);
        out.writeBytes(chunk("IDAT", pixels));
        out.writeBytes(chunk("IEND", new byte[0]));
        return out.toByteArray();
    }

    private static byte[] chunk(String type, byte[] data) {
        byte[] named = ByteBuffer.allocate(4 + data.length)
                .put(type.getBytes(StandardCharsets.US_ASCII))
                .put(data)
                .array();
        CRC32 crc = new CRC32();
        crc.update(named);
        return ByteBuffer.allocate(8 + named.length)
                .putInt(data.length)
                .put(named)
                .putInt((int) crc.getValue())
                .array();
    }
}
