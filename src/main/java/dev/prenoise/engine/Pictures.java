package dev.prenoise.engine;

import dev.prenoise.image.Picture;
import dev.prenoise.tensor.Tensor;

/** Tensors to pictures. */
final class Pictures {
    private Pictures() {}

    /**
     * As verifiers take them when they are followed.
     *
     * @param images {@code [B, 3, H, W]} in [-1, 1]
     * @return {@code [B, 3, H, W]} in [0, 1]; what lies outside is clamped
     */
    static Tensor unit(Tensor images) {
        return images.mul(0.5).add(0.5).clamp(0, 1);
    }

    /**
     * @param image {@code [1, 3, H, W]} in [-1, 1]; what lies outside is clamped
     */
    static Picture of(Tensor image) {
        int height = Math.toIntExact(image.size(2));
        int width = Math.toIntExact(image.size(3));
        float[] values = image.toFloats();
        byte[] rgb = new byte[width * height * 3];
        for (int channel = 0; channel < 3; channel++) {
            for (int i = 0; i < width * height; i++) {
                float unit = Math.min(1, Math.max(0, values[channel * width * height + i] / 2 + 0.5f));
                rgb[i * 3 + channel] = (byte) Math.round(unit * 255);
            }
        }
        return new Picture(width, height, rgb);
    }
}
