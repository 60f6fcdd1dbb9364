package dev.prenoise.diffusion;

/** What a network was trained to predict, x being the noisy latents, e the noise and x0 the clean latents. */
public enum Prediction {
    /** The noise, e. Noisy latents are {@code x0 + sigma * e}. */
    EPSILON,
    /** {@code sqrt(ab) * e - sqrt(1 - ab) * x0} (Salimans and Ho, "Progressive distillation", 2022). Noisy latents are {@code x0 + sigma * e}. */
    V,
    /** The velocity {@code e - x0} of a rectified flow. Noisy latents are {@code (1 - s) * x0 + s * e}. */
    FLOW;

    /**
     * What noisy latents are multiplied by before the network sees them: 1 for a flow; {@code 1 / sqrt(1 + sigma^2)} else, which gives
     * the latents their variance of 1 back.
     */
    double inputScale(double sigma) {
        return this == FLOW ? 1 : 1 / Math.sqrt(1 + sigma * sigma);
    }

    /** The share of clean latents in noisy ones: {@code 1 - sigma} for a flow, 1 else. */
    public double signal(double sigma) {
        return this == FLOW ? 1 - sigma : 1;
    }

    /** The share of noise in noisy latents, 0 to 1: sigma itself for a flow, {@code sigma / (1 + sigma)} else. */
    public double flowTime(double sigma) {
        return sigma / (signal(sigma) + sigma);
    }
}
