package dev.prenoise.noise;

/**
 * The CUDA generator's normal numbers, computed anywhere, as A1111's "NV" source does: Philox 4x32-10 (Salmon et al., "Parallel random
 * numbers: as easy as 1, 2, 3", 2011), key = seed, counter = (offset, 0, index, 0), Box-Muller on the first two words of each block.
 */
final class PhiloxNoise {
    private static final long MULTIPLIER_0 = 0xd2511f53L;
    private static final long MULTIPLIER_1 = 0xcd9e8d57L;
    private static final int WEYL_0 = 0x9e3779b9;
    private static final int WEYL_1 = 0xbb67ae85;
    private static final int ROUNDS = 10;
    private static final long WORD = 0xffffffffL;

    /** A1111 rounds both of its scales to float32 and then computes in double; 2^-32 survives that, this one does not. */
    private static final double TWO_PI_SCALE = (float) (2.3283064e-10 * 6.2831855);

    private static final double SCALE = 0x1p-32;

    private PhiloxNoise() {}

    /**
     * @param offset how many draws this seed's generator made before
     */
    static void fill(long seed, int offset, float[] data) {
        for (int i = 0; i < data.length; i++) {
            long words = firstWords(seed, offset, 0, i, 0);
            double u = (words >>> 32) * SCALE + SCALE / 2;
            double angle = (words & WORD) * TWO_PI_SCALE + TWO_PI_SCALE / 2;
            data[i] = (float) (Math.sqrt(-2 * StrictMath.log(u)) * StrictMath.sin(angle));
        }
    }

    /** Of the block of four words that a counter of four words gives, the first (high half) and the second (low half). */
    static long firstWords(long key, int counter0, int counter1, int counter2, int counter3) {
        int key0 = (int) key;
        int key1 = (int) (key >>> 32);
        int c0 = counter0;
        int c1 = counter1;
        int c2 = counter2;
        int c3 = counter3;
        for (int round = 0; round < ROUNDS; round++) {
            long product0 = MULTIPLIER_0 * (c0 & WORD);
            long product1 = MULTIPLIER_1 * (c2 & WORD);
            c0 = (int) (product1 >>> 32) ^ c1 ^ key0;
            c1 = (int) product1;
            c2 = (int) (product0 >>> 32) ^ c3 ^ key1;
            c3 = (int) product0;
            key0 += WEYL_0;
            key1 += WEYL_1;
        }
        return (long) c0 << 32 | c1 & WORD;
    }
}
