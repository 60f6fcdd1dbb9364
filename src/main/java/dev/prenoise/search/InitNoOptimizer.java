package dev.prenoise.search;

/**
 * InitNO's optimiser on plain arrays: the noise {@code z' = z exp(logVar / 2) + mu}, Adam on {@code logVar} and {@code mu} (torch's Adam,
 * bias correction included), and after each step a projection: while {@code KL = mean(mu^2 + exp(logVar) - 1 - logVar) / 2} is above its
 * threshold, a step of the same Adam on the KL alone, moments shared with the loss.
 *
 * <p>State is double; published runs keep it in the model's dtype. Equal to torch in double to 1e-6 (float32 candidates), see
 * src/test/resources/search/README.md. Not thread-safe.
 */
final class InitNoOptimizer {
    private static final double BETA_1 = 0.9;
    private static final double BETA_2 = 0.999;

    /** Within it a Taylor polynomial of degree 11 is exact to 1e-15 of its value, and far cheaper than a call: the KL loop is long. */
    private static final double SMALL = 0.25;

    private final float[] start;
    private final InitNoParameters parameters;
    private final Moments logVar;
    private final Moments mu;
    private final double[] slope;

    private int steps;

    InitNoOptimizer(float[] start, InitNoParameters parameters) {
        this.start = start;
        this.parameters = parameters;
        this.logVar = new Moments(start.length);
        this.mu = new Moments(start.length);
        this.slope = new double[start.length];
    }

    /** z', rounded to float; the start's own values before the first step. */
    float[] candidate() {
        float[] candidate = new float[start.length];
        for (int i = 0; i < candidate.length; i++) {
            candidate[i] = (float) (start[i] * deviation(i) + mu.value[i]);
        }
        return candidate;
    }

    /**
     * One step on the loss, then back under the KL threshold.
     *
     * @param gradient of the loss with respect to z'
     * @return how many steps on the KL it took
     */
    int step(float[] gradient) {
        if (gradient.length != start.length) {
            throw new IllegalArgumentException("gradient: " + gradient.length + " values (expected: " + start.length
                    + ", one for each of the noise)");
        }
        double[] logVarSlope = new double[start.length];
        for (int i = 0; i < start.length; i++) {
            slope[i] = gradient[i];
            logVarSlope[i] = gradient[i] * start[i] * deviation(i) / 2;
        }
        adam(logVarSlope, slope);
        int klSteps = 0;
        while (kl() > parameters.klThreshold() && klSteps < parameters.maxKlStep()) {
            klStep(logVarSlope, slope);
            klSteps++;
        }
        return klSteps;
    }

    /** Mean over all elements, 0 at the start. */
    double kl() {
        double sum = 0;
        for (int i = 0; i < start.length; i++) {
            double m = mu.value[i];
            double v = logVar.value[i];
            sum += m * m + (expMinus1(v) - v);
        }
        return sum / (2.0 * start.length);
    }

    private void klStep(double[] logVarSlope, double[] muSlope) {
        double share = 1.0 / start.length;
        for (int i = 0; i < start.length; i++) {
            muSlope[i] = mu.value[i] * share;
            logVarSlope[i] = expMinus1(logVar.value[i]) * share / 2;
        }
        adam(logVarSlope, muSlope);
    }

    private void adam(double[] logVarSlope, double[] muSlope) {
        steps++;
        double rate = parameters.initnoLr() / (1 - StrictMath.pow(BETA_1, steps));
        double correction = Math.sqrt(1 - StrictMath.pow(BETA_2, steps));
        logVar.step(logVarSlope, rate, correction, parameters.adamEps());
        mu.step(muSlope, rate, correction, parameters.adamEps());
    }

    private double deviation(int i) {
        return StrictMath.exp(logVar.value[i] / 2);
    }

    private static double expMinus1(double x) {
        if (x > SMALL || x < -SMALL) {
            return StrictMath.expm1(x);
        }
        double p = 1 + x * (1.0 / 11);
        p = 1 + x * (1.0 / 10) * p;
        p = 1 + x * (1.0 / 9) * p;
        p = 1 + x * (1.0 / 8) * p;
        p = 1 + x * (1.0 / 7) * p;
        p = 1 + x * (1.0 / 6) * p;
        p = 1 + x * (1.0 / 5) * p;
        p = 1 + x * (1.0 / 4) * p;
        p = 1 + x * (1.0 / 3) * p;
        p = 1 + x * (1.0 / 2) * p;
        return x * p;
    }

    /** One variable and Adam's two moving averages for it. */
    private static final class Moments {
        final double[] value;
        final double[] first;
        final double[] second;

        Moments(int size) {
            value = new double[size];
            first = new double[size];
            second = new double[size];
        }

        void step(double[] slope, double rate, double correction, double eps) {
            double[] v = value;
            double[] m1 = first;
            double[] m2 = second;
            for (int i = 0; i < v.length; i++) {
                double g = slope[i];
                double a = m1[i] + (g - m1[i]) * (1 - BETA_1);
                double b = m2[i] * BETA_2 + (1 - BETA_2) * g * g;
                m1[i] = a;
                m2[i] = b;
                v[i] -= rate * a / (Math.sqrt(b) / correction + eps);
            }
        }
    }
}
