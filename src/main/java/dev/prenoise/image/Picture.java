package dev.prenoise.image;

/**
 * An RGB picture.
 *
 * @param rgb {@code width * height * 3} bytes, row-major, channels last
 */
public record Picture(int width, int height, byte[] rgb) {
    /**
     * @throws IllegalArgumentException when the bytes do not fit the size
     */
    public Picture {
        if (rgb.length != width * height * 3) {
            throw new IllegalArgumentException(
                    "rgb: " + rgb.length + " bytes (expected: " + width + " x " + height + " x 3)");
        }
    }
}
