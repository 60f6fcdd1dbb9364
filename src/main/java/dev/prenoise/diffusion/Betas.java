package dev.prenoise.diffusion;

import java.util.Arrays;

/** Variances of the trained noise steps, and what follows from them. In double, where diffusers' tables have float32's rounding. */
final class Betas {
    private Betas() {}

    static double[] linear(double start, double end, int count) {
        double[] betas = new double[count];
        Arrays.setAll(betas, i -> start + (end - start) * i / (count - 1));
        return betas;
    }

    /** Equal steps of the square roots: latent diffusion's. */
    static double[] scaledLinear(double start, double end, int count) {
        return Arrays.stream(linear(Math.sqrt(start), Math.sqrt(end), count))
                .map(root -> root * root)
                .toArray();
    }

    /** Nichol and Dhariwal, "Improved denoising diffusion probabilistic models", 2021, equation 17, no beta above 0.999. */
    static double[] squaredCosine(int count) {
        double[] betas = new double[count];
        Arrays.setAll(betas, i -> Math.min(0.999, 1 - cosine((i + 1.0) / count) / cosine((double) i / count)));
        return betas;
    }

    private static double cosine(double time) {
        double root = Math.cos((time + 0.008) / 1.008 * Math.PI / 2);
        return root * root;
    }

    static double[] alphaBars(double[] betas) {
        double[] alphaBars = new double[betas.length];
        double product = 1;
        for (int i = 0; i < betas.length; i++) {
            product *= 1 - betas[i];
            alphaBars[i] = product;
        }
        return alphaBars;
    }

    /**
     * Shifts and scales the square roots so that the last is 0 and the first stays (Lin et al., "Common diffusion noise schedules and
     * sample steps are flawed", 2024, algorithm 1), then puts {@code last} in place of that 0.
     */
    static void rescaleToZeroTerminal(double[] alphaBars, double last) {
        double first = Math.sqrt(alphaBars[0]);
        double end = Math.sqrt(alphaBars[alphaBars.length - 1]);
        for (int i = 0; i < alphaBars.length; i++) {
            double root = (Math.sqrt(alphaBars[i]) - end) * first / (first - end);
            alphaBars[i] = root * root;
        }
        alphaBars[alphaBars.length - 1] = last;
    }

    static double[] sigmas(double[] alphaBars) {
        return Arrays.stream(alphaBars).map(ab -> Math.sqrt((1 - ab) / ab)).toArray();
    }
}
