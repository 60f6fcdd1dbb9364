package dev.prenoise.noise;

/**
 * The one place where further seeds come from: every random draw of a search is a function of (seed, round, index). The formulas are
 * frozen: stored recipes and published results depend on them.
 */
public final class Seeds {
    /** 2^64 divided by the golden ratio, odd: the increment of SplitMix64. */
    private static final long GAMMA = 0x9e3779b97f4a7c15L;

    /** Rounds below zero are this class's own. */
    private static final int CANDIDATE_ROUND = -1;

    private static final int STEP_ROUND = -2;

    private Seeds() {}

    /**
     * The seed of an algorithm's own draw, 64 bits: {@code mix(mix(seed + G) ^ (round << 32 | index) + G)} with SplitMix64's {@code mix}
     * and increment G (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). For one seed, different (round,
     * index) always give different results, as each stage is one-to-one.
     *
     * @param round 0 or more
     * @param index 0 or more
     * @throws IllegalArgumentException when round or index is negative
     */
    public static long derive(long seed, int round, int index) {
        requireNotNegative("round", round);
        requireNotNegative("index", index);
        return deriveAny(seed, round, index);
    }

    /**
     * The seed of a candidate. Candidate 0 has the seed itself; every other has one that fits 32 bits, which is what every host's seed box
     * takes and all that torch's CPU generator reads.
     *
     * <p>Candidate k has {@code P(k) ^ P(0) ^ low32(seed)}, where P is a permutation of the 32-bit integers keyed by the seed. So no two
     * candidates share their low 32 bits, candidate 0 included, for any k: at k = 0 the formula gives the low 32 bits of the seed itself.
     *
     * @param index k, 0 or more
     * @return unsigned
     * @throws IllegalArgumentException when the index is negative
     */
    public static long candidate(long seed, int index) {
        requireNotNegative("index", index);
        if (index == 0) {
            return seed;
        }
        long key = deriveAny(seed, CANDIDATE_ROUND, 0);
        return (permute(index, key) ^ permute(0, key) ^ (int) seed) & 0xffffffffL;
    }

    /**
     * The seed of the noise that a stochastic sampler adds at one step, 64 bits: {@link #derive}'s formula in a round of its own. Candidates
     * that turn away from one seed share it, so that nearby noises give nearby pictures.
     *
     * @param seed the candidate's, as in its recipe
     * @param step 0 or more
     * @throws IllegalArgumentException when the step is negative
     */
    public static long step(long seed, int step) {
        requireNotNegative("step", step);
        return deriveAny(seed, STEP_ROUND, step);
    }

    private static long deriveAny(long seed, int round, int index) {
        long draw = (long) round << 32 | index;
        return mix64((mix64(seed + GAMMA) ^ draw) + GAMMA);
    }

    /** SplitMix64's finaliser, a permutation of the 64-bit integers. */
    private static long mix64(long z) {
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    /** A permutation for every key, as adding, xor with a constant and {@link #mix32} all are. */
    private static int permute(int value, long key) {
        return mix32(mix32(value + (int) key) ^ (int) (key >>> 32));
    }

    /** MurmurHash3's finaliser, a permutation of the 32-bit integers. */
    private static int mix32(int x) {
        x = (x ^ (x >>> 16)) * 0x85ebca6b;
        x = (x ^ (x >>> 13)) * 0xc2b2ae35;
        return x ^ (x >>> 16);
    }

    private static void requireNotNegative(String name, int value) {
        if (value < 0) {
            throw new IllegalArgumentException(name + ": " + value + " (expected: >= 0)");
        }
    }
}
