package dev.prenoise.search;

import java.util.Arrays;

/**
 * Whether going on is still worth it: estimates from the scores so far what half as many candidates again would gain.
 *
 * <p>Scores are taken as independent draws from one unknown distribution, written as losses (lower is better). With {@code n} of them, best
 * {@code b} and mean {@code mu}, the search has gained {@code mu - b} over a plain noise. The next {@code m = n / 2} are expected to add
 *
 * <pre>{@code
 *   gain(m) = E[ max(0, b - min of m draws) ] = integral over t < b of 1 - (1 - F(t))^m dt
 * }</pre>
 *
 * and the search stops when {@code gain(m) < threshold * (mu - b)}: both sides scale and shift with the scores, so the rule does not
 * depend on a loss's units.
 *
 * <p>{@code F} is needed only below {@code b}, where nothing was seen yet, so it is extrapolated from the better half. Let {@code u} be
 * the score in place {@code k + 1} (k = n / 2, at least 5) and {@code y_i = u - x_i} the k excesses of the better ones. By the theorem of
 * Pickands, Balkema and de Haan they are nearly generalised Pareto, {@code P(y > t) = (1 + xi t / sigma)^(-1/xi)}, for any continuous
 * distribution: xi = -1 at a hard edge (uniform), between -0.5 and 0 for a normal sample of this size, 0 for an exponential tail. So few
 * points do not settle xi, so nothing is fitted: the gain is averaged over a grid of (xi, sigma) weighted by the likelihood of the excesses
 * and a prior, normal in xi with mean -0.4 and deviation 0.4 within [-1.2, 0.2], flat in log sigma. For one (xi, sigma), with
 * {@code sigma_b = sigma + xi y_1} and {@code p_b = (k/n) (1 + xi y_1 / sigma)^(-1/xi)}, the chance that a draw beats b,
 *
 * <pre>{@code
 *   gain(m) = sigma_b * integral over v in [0, 1] of (1 - (1 - p_b v)^m) v^(-xi - 1) dv
 * }</pre>
 *
 * Because it starts from the actual best, a lucky early hit lowers the estimate, as it should. A score that is not finite counts as a draw
 * that gained nothing. A tail that half of the candidates share (a floor that was reached) has no excess and gains nothing.
 *
 * <p>Its error: {@code PlateauStudy} in the tests prints it for recorded runs; for ten known distributions it is kept in
 * src/test/resources/search/README.md. From 32 candidates on the mean error is within about 5 percent of the gain so far (two separate modes: 9),
 * the mean absolute error of one estimate 1 to 10 percent, about as much as the gain it estimates. The default threshold stops a normal
 * distribution after 100 of 128 candidates, 6 percent of the gain short, a uniform one after 52, 3 percent short. It cannot see a rare
 * better mode that no candidate has hit yet: there it is too low until the first hit.
 *
 * <p>A search that climbs draws its candidates near its best, so nothing of this holds for it: {@link #levelsOff} weighs what the last
 * rounds gained instead.
 *
 * <p>The rule is asked only after 8, 12, 16, 24, 32, 48, 64, ... candidates, and no batch of evaluations crosses one of these, so the end of
 * a search depends on its scores alone and never on the batch size. Immutable, thread-safe.
 *
 * @param threshold the smallest worthwhile gain, as a part of the gain so far
 */
public record PlateauRule(double threshold) {
    /** Half as many candidates again must be expected to add a twentieth of the gain so far. */
    public static final PlateauRule DEFAULT = new PlateauRule(0.05);

    private static final int FIRST_CHECKPOINT = 8;
    private static final int LEAST_EXCESSES = 5;
    private static final double PRIOR_MEAN = -0.4;
    private static final double PRIOR_DEVIATION = 0.4;
    private static final int LOWEST_XI_TENTHS = -12;
    private static final int HIGHEST_XI_TENTHS = 2;
    private static final int SIGMAS = 17;
    private static final double SIGMA_LOG_RANGE = 1.2;
    private static final int QUADRATURE = 32;

    /**
     * @throws IllegalArgumentException when the threshold is not a positive number
     */
    public PlateauRule {
        if (!(threshold > 0) || !Double.isFinite(threshold)) {
            throw new IllegalArgumentException("threshold: " + threshold + " (expected: > 0)");
        }
    }

    /**
     * What going on would bring.
     *
     * @param gainSoFar of the best over the mean score, >= 0
     * @param expectedGain that {@code horizon} further candidates add to it, >= 0; NaN where there are too few finite scores to say
     * @param horizon candidates
     */
    public record Estimate(double gainSoFar, double expectedGain, int horizon) {
        /** Expected gain as a part of the gain so far; 0 where all scores are equal, NaN where nothing can be said. */
        public double relative() {
            return expectedGain == 0 ? 0 : expectedGain / gainSoFar;
        }
    }

    /** The first checkpoint after {@code candidates}: 8, 12, 16, 24, 32, 48, ... */
    public static int nextCheckpoint(int candidates) {
        int power = FIRST_CHECKPOINT;
        while (power <= candidates) {
            if (candidates < power + power / 2) {
                return power + power / 2;
            }
            power = Math.multiplyExact(power, 2);
        }
        return power;
    }

    /** Whether a search ends after exactly these scores, in order of their index. False between checkpoints. */
    public boolean stopsAfter(double[] scores, boolean lowerIsBetter) {
        return scores.length > 0
                && nextCheckpoint(scores.length - 1) == scores.length
                && ends(estimate(scores, lowerIsBetter));
    }

    /** Whether a search ends on this estimate at a checkpoint. */
    public boolean ends(Estimate estimate) {
        return estimate.relative() < threshold;
    }

    /**
     * Whether a climb ends: the last third of its rounds, at least 8, gained no more than the threshold's part of the whole gain. After 8
     * rounds without any gain it does. It cannot tell a summit from a long ridge.
     *
     * @param best of all so far after each round, first that of the start; NaN where there was none yet
     */
    public boolean levelsOff(double[] best, boolean lowerIsBetter) {
        int rounds = best.length - 1;
        int window = Math.max(FIRST_CHECKPOINT, rounds / 3);
        if (rounds < window) {
            return false;
        }
        double sign = lowerIsBetter ? -1 : 1;
        double start = Arrays.stream(best).filter(Double::isFinite).findFirst().orElse(Double.NaN);
        double recent = sign * (best[rounds] - best[rounds - window]);
        return recent <= threshold * sign * (best[rounds] - start);
    }

    /** The expected gain of half as many candidates again. */
    public static Estimate estimate(double[] scores, boolean lowerIsBetter) {
        int horizon = Math.max(1, scores.length / 2);
        double[] losses = Arrays.stream(scores)
                .filter(Double::isFinite)
                .map(score -> lowerIsBetter ? score : -score)
                .sorted()
                .toArray();
        if (losses.length < FIRST_CHECKPOINT) {
            return new Estimate(0, Double.NaN, horizon);
        }
        double gainSoFar = Arrays.stream(losses).map(loss -> loss - losses[0]).sum() / losses.length;
        int tail = Math.min(Math.max(LEAST_EXCESSES, (losses.length + 1) / 2), losses.length - 1);
        double[] excesses = new double[tail];
        for (int i = 0; i < tail; i++) {
            excesses[i] = losses[tail] - losses[i];
        }
        double scale = Arrays.stream(excesses).sum() / tail;
        if (!(scale > 0)) {
            return new Estimate(gainSoFar, 0, horizon);
        }
        for (int i = 0; i < tail; i++) {
            excesses[i] /= scale;
        }
        double tailShare = (double) tail / scores.length;
        return new Estimate(gainSoFar, scale * expectedGain(excesses, tailShare, horizon), horizon);
    }

    /** StrictMath throughout: the end of a search must not hang on which of a JVM's exp is in use. */
    private static double expectedGain(double[] excesses, double tailShare, int horizon) {
        int xis = HIGHEST_XI_TENTHS - LOWEST_XI_TENTHS + 1;
        double[] logWeight = new double[xis * SIGMAS];
        double[] gain = new double[xis * SIGMAS];
        double[] powers = new double[QUADRATURE];
        for (int x = 0; x < xis; x++) {
            double xi = (LOWEST_XI_TENTHS + x) / 10.0;
            double away = (xi - PRIOR_MEAN) / PRIOR_DEVIATION;
            for (int q = 0; q < QUADRATURE; q++) {
                // v = w^2 takes the singularity at 0 out of the integral
                powers[q] = 2 * StrictMath.pow((q + 0.5) / QUADRATURE, -2 * xi - 1);
            }
            for (int s = 0; s < SIGMAS; s++) {
                int cell = x * SIGMAS + s;
                // around the sigma whose mean excess, sigma / (1 - xi), is the one seen
                double sigma = (1 - xi) * StrictMath.exp(SIGMA_LOG_RANGE * (2.0 * s / (SIGMAS - 1) - 1));
                logWeight[cell] = logLikelihood(excesses, xi, sigma) - away * away / 2;
                if (logWeight[cell] > Double.NEGATIVE_INFINITY) {
                    double beats = tailShare * StrictMath.exp(logSurvival(excesses[0], xi, sigma));
                    gain[cell] = (sigma + xi * excesses[0]) * gainIntegral(beats, powers, horizon);
                }
            }
        }
        double highest = Arrays.stream(logWeight).max().orElseThrow();
        double weights = 0;
        double sum = 0;
        for (int cell = 0; cell < gain.length; cell++) {
            double weight = StrictMath.exp(logWeight[cell] - highest);
            weights += weight;
            sum += weight * gain[cell];
        }
        return sum / weights;
    }

    private static double gainIntegral(double beats, double[] powers, int horizon) {
        double sum = 0;
        for (int q = 0; q < QUADRATURE; q++) {
            double w = (q + 0.5) / QUADRATURE;
            sum += -StrictMath.expm1(horizon * StrictMath.log1p(-beats * w * w)) * powers[q];
        }
        return sum / QUADRATURE;
    }

    private static double logLikelihood(double[] excesses, double xi, double sigma) {
        double sum = -excesses.length * StrictMath.log(sigma);
        for (double excess : excesses) {
            if (1 + xi * excess / sigma <= 0) {
                return Double.NEGATIVE_INFINITY;
            }
            double grown = StrictMath.log1p(xi * excess / sigma);
            sum += (xi == 0 ? -excess / sigma : -grown / xi) - grown;
        }
        return sum;
    }

    private static double logSurvival(double excess, double xi, double sigma) {
        return xi == 0 ? -excess / sigma : -StrictMath.log1p(xi * excess / sigma) / xi;
    }
}
