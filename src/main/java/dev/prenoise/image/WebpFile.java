package dev.prenoise.image;

import com.twelvemonkeys.imageio.plugins.webp.WebPImageReaderSpi;
import java.awt.image.Raster;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** WebP, lossy and lossless. Of an extended file the picture's own chunk is read, without alpha, profile and notes; animations are refused. */
final class WebpFile {
    private static final int HEADER = 12;
    private static final int CHUNK = 8;
    private static final int ANIMATED = 1 << 1;

    private WebpFile() {}

    static boolean is(byte[] bytes) {
        return bytes.length >= HEADER
                && text(bytes, 0).equals("RIFF")
                && text(bytes, 8).equals("WEBP");
    }

    static Picture decode(byte[] bytes, int maxPixels) {
        byte[] simple = simple(bytes, maxPixels);
        Raster raster = PictureFile.read("WebP", simple, reader(), false).raster();
        int width = raster.getWidth();
        int height = raster.getHeight();
        int bands = raster.getNumBands();
        byte[] rgb = new byte[width * height * 3];
        int[] row = new int[width * bands];
        int at = 0;
        for (int y = 0; y < height; y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < row.length; x += bands) {
                rgb[at++] = (byte) row[x];
                rgb[at++] = (byte) row[x + 1];
                rgb[at++] = (byte) row[x + 2];
            }
        }
        return new Picture(width, height, rgb);
    }

    private static javax.imageio.ImageReader reader() {
        try {
            return new WebPImageReaderSpi().createReaderInstance();
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** A file of one chunk. */
    private static byte[] simple(byte[] bytes, int maxPixels) {
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).position(HEADER);
        while (in.remaining() >= CHUNK) {
            int start = in.position();
            String type = text(bytes, start);
            in.getInt();
            long length = Integer.toUnsignedLong(in.getInt());
            if (length > in.remaining()) {
                throw new PictureException(
                        "a WebP of " + bytes.length + " bytes whose chunk at " + start + " has " + length,
                        "no more than there are");
            }
            int size = (int) length;
            switch (type) {
                case "VP8 ", "VP8L" -> {
                    requireSize(type, bytes, start + CHUNK, size, maxPixels);
                    return alone(bytes, start, size);
                }
                case "VP8X" -> {
                    if (size > 0 && (bytes[start + CHUNK] & ANIMATED) != 0) {
                        throw new PictureException("an animated WebP", "one picture");
                    }
                }
                default -> {}
            }
            in.position(Math.min(bytes.length, in.position() + size + (size & 1)));
        }
        throw new PictureException("a WebP of " + bytes.length + " bytes without a picture", "a chunk VP8 or VP8L");
    }

    private static void requireSize(String type, byte[] bytes, int at, int length, int maxPixels) {
        boolean lossless = type.equals("VP8L");
        if (length < (lossless ? 5 : 10)) {
            throw new PictureException("a WebP with a picture of " + length + " bytes", "a whole one");
        }
        ByteBuffer data = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (lossless) {
            int size = data.getInt(at + 1);
            PictureFile.requireSize("WebP", 1 + (size & 0x3fff), 1 + (size >>> 14 & 0x3fff), maxPixels);
        } else {
            PictureFile.requireSize("WebP", data.getShort(at + 6) & 0x3fff, data.getShort(at + 8) & 0x3fff, maxPixels);
        }
    }

    private static byte[] alone(byte[] bytes, int start, int length) {
        int padded = length + (length & 1);
        ByteBuffer out = ByteBuffer.allocate(HEADER + CHUNK + padded).order(ByteOrder.LITTLE_ENDIAN);
        out.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(Integer.BYTES + CHUNK + padded);
        out.put("WEBP".getBytes(StandardCharsets.US_ASCII)).put(bytes, start, CHUNK + length);
        return out.array();
    }

    private static String text(byte[] bytes, int at) {
        return new String(bytes, at, Integer.BYTES, StandardCharsets.ISO_8859_1);
    }
}
