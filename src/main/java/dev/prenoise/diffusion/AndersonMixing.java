package dev.prenoise.diffusion;

import org.jspecify.annotations.Nullable;

/**
 * Solves {@code x = g(x)} in fewer calls of g than {@code x -> g(x)} takes, and often where that does not settle: the next x is the mixture of
 * the last two g(x) whose differences from their x cancel best (Anderson acceleration with a memory of one; Walker and Ni, "Anderson
 * acceleration for fixed-point iterations", SIAM J. Numer. Anal. 49, 2011). Each element of a batch is mixed for itself, so that it has the
 * same bits beside any others.
 */
final class AndersonMixing {
    private final int batch;
    private float @Nullable [] imageBefore;
    private float @Nullable [] residualBefore;

    /**
     * @param batch elements, each of as many values, one after the other
     */
    AndersonMixing(int batch) {
        this.batch = batch;
    }

    /**
     * @param image g of x; belongs to this object from now on
     * @return the next x
     */
    float[] next(float[] x, float[] image) {
        float[] residual = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            residual[i] = image[i] - x[i];
        }
        float[] next = image.clone();
        float[] earlierImage = imageBefore;
        float[] earlier = residualBefore;
        if (earlierImage != null && earlier != null) {
            int length = x.length / batch;
            for (int element = 0; element < batch; element++) {
                int from = element * length;
                double share = share(residual, earlier, from, from + length);
                for (int i = from; i < from + length; i++) {
                    next[i] -= (float) (share * (image[i] - (double) earlierImage[i]));
                }
            }
        }
        imageBefore = image;
        residualBefore = residual;
        return next;
    }

    /** How much of the earlier one goes into the mixture; none where the two residuals are the same. */
    private static double share(float[] residual, float[] earlier, int from, int to) {
        double along = 0;
        double square = 0;
        for (int i = from; i < to; i++) {
            double difference = residual[i] - (double) earlier[i];
            along += difference * residual[i];
            square += difference * difference;
        }
        double share = along / square;
        return Double.isFinite(share) ? share : 0;
    }
}
