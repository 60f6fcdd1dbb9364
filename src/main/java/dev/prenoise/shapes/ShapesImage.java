package dev.prenoise.shapes;

import static dev.prenoise.shapes.World.SIZE;

/**
 * A picture of this world.
 *
 * @param values {@code [3, 64, 64]} in [-1, 1], row-major. Immutable by convention: not copied, and nobody writes to it afterwards.
 */
public record ShapesImage(float[] values) {
    private static final int PIXELS = SIZE * SIZE;

    /**
     * @throws IllegalArgumentException when there are not 3 x 64 x 64 values
     */
    public ShapesImage {
        if (values.length != 3 * PIXELS) {
            throw new IllegalArgumentException("values: " + values.length + " (expected: 3 x 64 x 64 = 12288)");
        }
    }

    /**
     * @param rgb {@code 64 * 64 * 3} bytes, row-major, channels last
     * @throws IllegalArgumentException when there are more or fewer
     */
    public static ShapesImage ofRgb(byte[] rgb) {
        if (rgb.length != 3 * PIXELS) {
            throw new IllegalArgumentException("rgb: " + rgb.length + " bytes (expected: 64 x 64 x 3 = 12288)");
        }
        float[] values = new float[3 * PIXELS];
        for (int pixel = 0; pixel < PIXELS; pixel++) {
            for (int channel = 0; channel < 3; channel++) {
                values[channel * PIXELS + pixel] = (rgb[pixel * 3 + channel] & 0xff) / 127.5f - 1;
            }
        }
        return new ShapesImage(values);
    }

    /** {@code 64 * 64 * 3} bytes, row-major, channels last; what is outside [-1, 1] is cut off. */
    public byte[] toRgb() {
        byte[] rgb = new byte[3 * PIXELS];
        for (int pixel = 0; pixel < PIXELS; pixel++) {
            for (int channel = 0; channel < 3; channel++) {
                float value = (values[channel * PIXELS + pixel] + 1) * 127.5f;
                rgb[pixel * 3 + channel] = (byte) Math.round(Math.min(255, Math.max(0, value)));
            }
        }
        return rgb;
    }

    /** In [-1, 1]. */
    float at(int channel, int x, int y) {
        return values[channel * PIXELS + y * SIZE + x];
    }
}
