package dev.prenoise.noise;

import org.jspecify.annotations.Nullable;

/** Noise turned on the sphere of its own norm, by an exact angle. Stateless: any number of threads. */
public final class Turn {
    /** Below this share of its length across the noise, a direction is rounding error. */
    private static final double PARALLEL = 1e-6;

    private Turn() {}

    /** The move of {@link NoiseStep.Perturbation}, null where its direction is no direction across the noise. */
    public static @Nullable Noise perturbed(Noise noise, NoiseStep.Perturbation step) {
        Noise direction = NoiseGenerator.generate(NoiseSource.TORCH_CPU, step.seed(), noise.shape());
        return towards(noise, direction, step.stepSize());
    }

    /**
     * {@code |noise| * normalise(u + tangent * w)} with u = noise / |noise| and w the direction's part across u, normalised. In double, each
     * sum in index order, and rounded to float once.
     *
     * @param direction of any length, in the noise's shape
     * @param tangent of the angle; a negative one turns away
     * @return null where the direction has no part across the noise, or either is not finite
     */
    public static @Nullable Noise towards(Noise noise, Noise direction, double tangent) {
        float[] n = noise.data();
        float[] v = direction.data();
        double squaredNorm = dot(n, n);
        double along = dot(v, n) / squaredNorm;
        double squaredAcross = 0;
        for (int i = 0; i < n.length; i++) {
            double across = v[i] - along * n[i];
            squaredAcross += across * across;
        }
        // negated, so that a noise of zeros, whose quotients are NaN, is refused too
        if (!(squaredAcross > PARALLEL * PARALLEL * dot(v, v)) || !Double.isFinite(squaredAcross)) {
            return null;
        }
        double hypotenuse = StrictMath.hypot(1, tangent);
        double cosine = 1 / hypotenuse;
        double scale = tangent / hypotenuse * Math.sqrt(squaredNorm / squaredAcross);
        float[] moved = new float[n.length];
        for (int i = 0; i < n.length; i++) {
            moved[i] = (float) (cosine * n[i] + scale * (v[i] - along * n[i]));
        }
        return Noise.of(noise.shape(), moved);
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }
}
