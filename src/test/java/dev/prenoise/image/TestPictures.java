package dev.prenoise.image;

import com.google.common.hash.Hashing;

/** The pictures that goldens were made of, and their names. */
public final class TestPictures {
    private TestPictures() {}

    /** Smooth, noisy and hard-edged places; the goldens' scripts draw the same. */
    public static Picture drawn(int width, int height) {
        byte[] rgb = new byte[width * height * 3];
        int at = 0;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                for (int c = 0; c < 3; c++) {
                    rgb[at++] = (byte)
                            switch ((x / 16 + y / 16) % 3) {
                                case 0 -> x * x * 3 + y * y * 5 + x * y * 7 + c * 85;
                                case 1 -> x * 2 + y + c * 40;
                                default -> (x / 4 + y / 3 + c) % 2 == 0 ? 255 : 0;
                            };
                }
            }
        }
        return new Picture(width, height, rgb);
    }

    public static String sha256(Picture picture) {
        return Hashing.sha256().hashBytes(picture.rgb()).toString();
    }
}
