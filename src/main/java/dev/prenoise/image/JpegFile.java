package dev.prenoise.image;

import java.awt.image.Raster;
import java.io.ByteArrayOutputStream;

/**
 * JPEG, sequential and progressive, of one, three or four components. The decoder gives samples as they are stored; which colours they mean
 * is decided here by libjpeg's rules, and computed with its integers.
 */
final class JpegFile {
    /** A progressive file may have any number of scans over all pixels; encoders write about ten. */
    private static final int MOST_SCANS = 64;

    private static final int HALF = 1 << 15;

    private final byte[] bytes;
    private final ByteArrayOutputStream needed;
    private int components;
    private int scans;
    private boolean jfif;
    private int adobe = -1;
    private int ids;

    private JpegFile(byte[] bytes) {
        this.bytes = bytes;
        this.needed = new ByteArrayOutputStream(bytes.length);
    }

    static boolean is(byte[] bytes) {
        return bytes.length >= 3 && bytes[0] == (byte) 0xff && bytes[1] == (byte) 0xd8 && bytes[2] == (byte) 0xff;
    }

    static Picture decode(byte[] bytes, int maxPixels) {
        JpegFile file = new JpegFile(bytes);
        file.walk(maxPixels);
        Raster raster =
                PictureFile.read("JPEG", file.needed.toByteArray(), null, true).raster();
        return file.picture(raster);
    }

    /** From marker to marker to the end, leaving out what applications put between: profiles, cameras' notes, previews. */
    private void walk(int maxPixels) {
        needed.write(bytes, 0, 2);
        int at = 2;
        while (true) {
            // a marker may have any number of bytes ff before it
            while (at < bytes.length && bytes[at] == (byte) 0xff) {
                at++;
            }
            int marker = at < bytes.length ? bytes[at++] & 0xff : 0;
            if (marker == 0xd9) {
                needed.write(0xff);
                needed.write(marker);
                if (components == 0) {
                    throw new PictureException("a JPEG without a frame", "one");
                }
                return;
            }
            if (at + 2 > bytes.length) {
                throw truncated();
            }
            int length = (bytes[at] & 0xff) << 8 | bytes[at + 1] & 0xff;
            if (length < 2 || at + length > bytes.length) {
                throw truncated();
            }
            boolean keep = segment(marker, at + 2, length - 2, maxPixels);
            int next = marker == 0xda ? afterScan(at + length) : at + length;
            if (keep) {
                needed.write(0xff);
                needed.write(bytes, at - 1, next - at + 1);
            }
            at = next;
        }
    }

    private PictureException truncated() {
        return new PictureException(
                "a JPEG that breaks off within " + bytes.length + " bytes", "an end-of-image marker");
    }

    /** Returns whether the pixels need it. */
    private boolean segment(int marker, int at, int length, int maxPixels) {
        switch (marker) {
            case 0xe0 -> jfif |= starts(at, length, "JFIF\0");
            case 0xee -> {
                if (starts(at, length, "Adobe") && length >= 12) {
                    adobe = bytes[at + 11] & 0xff;
                }
            }
            case 0xda -> {
                if (++scans > MOST_SCANS) {
                    throw new PictureException("a JPEG of more than " + MOST_SCANS + " scans", "at most " + MOST_SCANS);
                }
            }
            default -> {
                // start of frame of any process; the others of this range are tables
                if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc) {
                    frame(at, length, maxPixels);
                }
            }
        }
        return (marker < 0xe0 || marker > 0xef) && marker != 0xfe;
    }

    private void frame(int at, int length, int maxPixels) {
        if (length < 6 || components != 0) {
            throw new PictureException("a JPEG with a frame of " + length + " bytes", "one whole frame");
        }
        int height = (bytes[at + 1] & 0xff) << 8 | bytes[at + 2] & 0xff;
        int width = (bytes[at + 3] & 0xff) << 8 | bytes[at + 4] & 0xff;
        PictureFile.requireSize("JPEG", width, height, maxPixels);
        components = bytes[at + 5] & 0xff;
        if (components != 1 && components != 3 && components != 4 || length < 6 + 3 * components) {
            throw new PictureException("a JPEG of " + components + " components", "1, 3 or 4");
        }
        for (int i = 0; i < Math.min(components, 3); i++) {
            ids = ids << 8 | bytes[at + 6 + 3 * i] & 0xff;
        }
    }

    /** Where the next marker is that is not part of a scan: restarts and stuffed zeros are. */
    private int afterScan(int at) {
        for (int i = at; i + 1 < bytes.length; i++) {
            if (bytes[i] == (byte) 0xff) {
                int next = bytes[i + 1] & 0xff;
                if (next != 0 && next != 0xff && (next < 0xd0 || next > 0xd7)) {
                    return i;
                }
            }
        }
        throw truncated();
    }

    private boolean starts(int at, int length, String text) {
        for (int i = 0; i < text.length(); i++) {
            if (i >= length || bytes[at + i] != text.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    private Picture picture(Raster raster) {
        int width = raster.getWidth();
        int height = raster.getHeight();
        int bands = raster.getNumBands();
        if (bands != components) {
            throw new PictureException("a JPEG of " + bands + " decoded components", String.valueOf(components));
        }
        boolean converted = bands == 3 ? isYcc() : bands == 4 && adobe >= 0 && adobe != 0;
        byte[] rgb = new byte[width * height * 3];
        int[] row = new int[width * bands];
        int at = 0;
        for (int y = 0; y < height; y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < row.length; x += bands, at += 3) {
                int green = bands == 1 ? 0 : 1;
                int blue = bands == 1 ? 0 : 2;
                if (converted) {
                    fromYcc(row[x], row[x + 1], row[x + 2], rgb, at);
                } else {
                    rgb[at] = (byte) row[x];
                    rgb[at + 1] = (byte) row[x + green];
                    rgb[at + 2] = (byte) row[x + blue];
                }
                if (bands == 4) {
                    fromInks(converted, row[x + 3], rgb, at);
                }
            }
        }
        return new Picture(width, height, rgb);
    }

    /** libjpeg's default_decompress_parms. */
    private boolean isYcc() {
        if (jfif) {
            return true;
        }
        return adobe >= 0 ? adobe != 0 : ids != ('R' << 16 | 'G' << 8 | 'B');
    }

    /** libjpeg's jdcolor.c: 16 bits after the point. */
    private static void fromYcc(int luma, int blueness, int redness, byte[] rgb, int at) {
        int cb = blueness - 128;
        int cr = redness - 128;
        rgb[at] = clip(luma + (91881 * cr + HALF >> 16));
        rgb[at + 1] = clip(luma + (-46802 * cr - 22554 * cb + HALF >> 16));
        rgb[at + 2] = clip(luma + (116130 * cb + HALF >> 16));
    }

    /**
     * Four inks are stored inverted, which Adobe began and Pillow takes for granted: a stored value is how much light the ink lets through.
     * Those converted to YCC were inverted once more on the way.
     */
    private static void fromInks(boolean converted, int black, byte[] rgb, int at) {
        for (int c = 0; c < 3; c++) {
            int stored = rgb[at + c] & 0xff;
            int ink = converted ? stored : 255 - stored;
            int product = ink * black + 128;
            rgb[at + c] = clip(black - ((product >> 8) + product >> 8));
        }
    }

    private static byte clip(int value) {
        return (byte) Math.max(0, Math.min(255, value));
    }
}
