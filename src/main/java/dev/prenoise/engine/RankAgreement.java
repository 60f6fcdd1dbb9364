package dev.prenoise.engine;

/**
 * How well scores of the same candidates agree with a reference's; the lowest score wins.
 *
 * @param tau Kendall's tau-b: 1 = the same order, 0 = no relation, -1 = the reverse
 * @param sameChosen whether both choose the same candidate
 * @param regret of choosing by the other scores: what the reference loses by it, as a share of what the reference's choice gains over the mean
 *     candidate; 0 where there is nothing to gain
 */
record RankAgreement(double tau, boolean sameChosen, double regret) {
    /**
     * @param reference at least two
     * @param other of the same candidates, in the same order
     */
    static RankAgreement of(double[] reference, double[] other) {
        if (reference.length != other.length || reference.length < 2) {
            throw new IllegalArgumentException("scores: " + reference.length + " and " + other.length
                    + " (expected: the same number of both, at least 2)");
        }
        int best = least(reference);
        int chosen = least(other);
        double mean = 0;
        for (double score : reference) {
            mean += score / reference.length;
        }
        double gain = mean - reference[best];
        double regret = gain > 0 ? (reference[chosen] - reference[best]) / gain : 0;
        return new RankAgreement(tau(reference, other), best == chosen, regret);
    }

    private static int least(double[] scores) {
        int least = 0;
        for (int i = 1; i < scores.length; i++) {
            if (scores[i] < scores[least]) {
                least = i;
            }
        }
        return least;
    }

    /** Tau-b, which does not count pairs that are tied on one side (Kendall 1945). */
    private static double tau(double[] a, double[] b) {
        long sum = 0;
        long untiedA = 0;
        long untiedB = 0;
        for (int i = 0; i < a.length; i++) {
            for (int j = 0; j < i; j++) {
                int inA = Double.compare(a[i], a[j]);
                int inB = Double.compare(b[i], b[j]);
                sum += (long) Integer.signum(inA) * Integer.signum(inB);
                untiedA += inA == 0 ? 0 : 1;
                untiedB += inB == 0 ? 0 : 1;
            }
        }
        double pairs = Math.sqrt((double) untiedA * untiedB);
        return pairs == 0 ? 0 : sum / pairs;
    }
}
