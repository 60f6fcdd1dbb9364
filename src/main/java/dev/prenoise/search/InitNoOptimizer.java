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

    /** Within it the Taylor polynomial of degree 11 gives expm1 to 1e-15 of its value. */
    private static final double SMALL = 0.25;

    private final float[] start;
    private final InitNoParameters parameters;
    private final Moments logVar;
    private final Moments mu;

    /** exp(logVar) - 1 of every element. */
    private final double[] excess;

    private int steps;

    InitNoOptimizer(float[] start, InitNoParameters parameters) {
        this.start = start;
        this.parameters = parameters;
        this.logVar = new Moments(start.length);
        this.mu = new Moments(start.length);
        this.excess = new double[start.length];
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
        double[] muSlope = new double[start.length];
        for (int i = 0; i < start.length; i++) {
            muSlope[i] = gradient[i];
            logVarSlope[i] = gradient[i] * start[i] * deviation(i) / 2;
        }
        adam(logVarSlope, 1, muSlope, 1);
        int klSteps = 0;
        while (kl() > parameters.klThreshold() && klSteps < parameters.maxKlStep()) {
            // the KL's slopes: (exp(logVar) - 1) / 2 and mu, divided by the number of elements
            adam(excess, 0.5 / start.length, mu.value, 1.0 / start.length);
            klSteps++;
        }
        shrinkUnderThreshold();
        return klSteps;
    }

    /** Mean over all elements, 0 at the start. */
    double kl() {
        double[] m = mu.value;
        double[] v = logVar.value;
        double even = 0;
        double odd = 0;
        for (int i = 0; i + 1 < m.length; i += 2) {
            even += m[i] * m[i] + (excess[i] - v[i]);
            odd += m[i + 1] * m[i + 1] + (excess[i + 1] - v[i + 1]);
        }
        if (m.length % 2 == 1) {
            int last = m.length - 1;
            even += m[last] * m[last] + (excess[last] - v[last]);
        }
        return (even + odd) / (2.0 * m.length);
    }

    /** Where the loop was cut short: towards the start until the KL, nearly quadratic there, is what it may be. */
    private void shrinkUnderThreshold() {
        for (double kl = kl(); kl > parameters.klThreshold(); kl = kl()) {
            double factor = 0.999 * Math.sqrt(parameters.klThreshold() / kl);
            for (int i = 0; i < start.length; i++) {
                mu.value[i] *= factor;
                logVar.value[i] *= factor;
            }
            expMinus1(logVar.value, excess);
        }
    }

    /** One step on both variables, each along its slope times its share. */
    private void adam(double[] logVarSlope, double logVarShare, double[] muSlope, double muShare) {
        steps++;
        double rate = parameters.initnoLr() / (1 - StrictMath.pow(BETA_1, steps));
        double correction = 1 / Math.sqrt(1 - StrictMath.pow(BETA_2, steps));
        logVar.step(logVarSlope, logVarShare, rate, correction, parameters.adamEps());
        mu.step(muSlope, muShare, rate, correction, parameters.adamEps());
        expMinus1(logVar.value, excess);
    }

    private double deviation(int i) {
        return StrictMath.exp(logVar.value[i] / 2);
    }

    /** No call and no branch in the first loop: the KL loop is long, and this way the compiler makes vector code of it. */
    private static void expMinus1(double[] values, double[] results) {
        for (int i = 0; i < results.length; i++) {
            double x = values[i];
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
            results[i] = x * p;
        }
        for (int i = 0; i < results.length; i++) {
            if (values[i] > SMALL || values[i] < -SMALL) {
                results[i] = StrictMath.expm1(values[i]);
            }
        }
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

        void step(double[] slope, double share, double rate, double correction, double eps) {
            double[] v = value;
            double[] m1 = first;
            double[] m2 = second;
            for (int i = 0; i < v.length; i++) {
                double g = slope[i] * share;
                double a = m1[i] + (g - m1[i]) * (1 - BETA_1);
                double b = m2[i] * BETA_2 + (1 - BETA_2) * g * g;
                m1[i] = a;
                m2[i] = b;
                v[i] -= rate * a / (Math.sqrt(b) * correction + eps);
            }
        }
    }
}
