package dev.prenoise.image;

import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.zip.CRC32;

/** PNG of every colour type and depth. */
final class PngFile {
    private static final long SIGNATURE = 0x89504e470d0a1a0aL;
    private static final int IHDR = 13;
    /** A chunk's length, type and checksum. */
    private static final int FRAME = 12;

    /** What pixels are made of; transparency is not, nor are profiles and texts, which are compressed and may unpack to anything. */
    private static final Set<String> READ = Set.of("IHDR", "PLTE", "IDAT", "IEND");

    private PngFile() {}

    static boolean is(byte[] bytes) {
        return bytes.length >= Long.BYTES && ByteBuffer.wrap(bytes).getLong() == SIGNATURE;
    }

    static Picture decode(byte[] bytes, int maxPixels) {
        byte[] needed = needed(bytes, maxPixels);
        PictureFile.Samples samples = PictureFile.read("PNG", needed, null, false);
        Raster raster = samples.raster();
        int width = raster.getWidth();
        int height = raster.getHeight();
        int bands = raster.getNumBands();
        int shift = raster.getSampleModel().getSampleSize(0) == 16 ? 8 : 0;
        int blue = bands < 3 ? 0 : 2;
        int green = bands < 3 ? 0 : 1;
        IndexColorModel palette = samples.palette();
        byte[] rgb = new byte[width * height * 3];
        int[] row = new int[width * bands];
        int at = 0;
        for (int y = 0; y < height; y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < row.length; x += bands) {
                if (palette == null) {
                    rgb[at++] = (byte) (row[x] >> shift);
                    rgb[at++] = (byte) (row[x + green] >> shift);
                    rgb[at++] = (byte) (row[x + blue] >> shift);
                } else {
                    // an index beyond the palette is black, as in Pillow
                    int colour = row[x] < palette.getMapSize() ? palette.getRGB(row[x]) : 0;
                    rgb[at++] = (byte) (colour >> 16);
                    rgb[at++] = (byte) (colour >> 8);
                    rgb[at++] = (byte) colour;
                }
            }
        }
        return new Picture(width, height, rgb);
    }

    /** The file without what no pixel is made of. */
    private static byte[] needed(byte[] bytes, int maxPixels) {
        ByteBuffer in = ByteBuffer.wrap(bytes).position(Long.BYTES);
        ByteArrayOutputStream out = new ByteArrayOutputStream(bytes.length);
        out.write(bytes, 0, Long.BYTES);
        while (true) {
            int start = in.position();
            if (in.remaining() < FRAME) {
                throw new PictureException(
                        "a PNG that ends after " + bytes.length + " bytes", "an IEND chunk at its end");
            }
            int length = in.getInt();
            if (length < 0 || length > in.remaining() - (FRAME - Integer.BYTES)) {
                throw new PictureException(
                        "a PNG of " + bytes.length + " bytes whose chunk at " + start + " has "
                                + Integer.toUnsignedLong(length),
                        "no more than there are");
            }
            String type = type(bytes, start + Integer.BYTES);
            if (start == Long.BYTES) {
                requireHeader(
                        type, length, ByteBuffer.wrap(bytes, in.position() + Integer.BYTES, Long.BYTES), maxPixels);
            }
            if (READ.contains(type)) {
                requireChecksum(bytes, start, length, type);
                out.write(bytes, start, length + FRAME);
            }
            in.position(start + length + FRAME);
            if (type.equals("IEND")) {
                return out.toByteArray();
            }
        }
    }

    private static void requireHeader(String type, int length, ByteBuffer size, int maxPixels) {
        if (!type.equals("IHDR") || length != IHDR) {
            throw new PictureException(
                    "a PNG that starts with a chunk " + type + " of " + length + " bytes", "IHDR of 13");
        }
        PictureFile.requireSize(
                "PNG", Integer.toUnsignedLong(size.getInt()), Integer.toUnsignedLong(size.getInt()), maxPixels);
    }

    private static void requireChecksum(byte[] bytes, int start, int length, String type) {
        CRC32 crc = new CRC32();
        crc.update(bytes, start + Integer.BYTES, Integer.BYTES + length);
        int stored = ByteBuffer.wrap(bytes).getInt(start + 2 * Integer.BYTES + length);
        if (stored != (int) crc.getValue()) {
            throw new PictureException(
                    "a PNG whose chunk " + type + " at " + start + " has the checksum " + Integer.toHexString(stored),
                    Integer.toHexString((int) crc.getValue()));
        }
    }

    private static String type(byte[] bytes, int at) {
        return new String(bytes, at, Integer.BYTES, StandardCharsets.ISO_8859_1).replaceAll("[^A-Za-z]", "?");
    }
}
