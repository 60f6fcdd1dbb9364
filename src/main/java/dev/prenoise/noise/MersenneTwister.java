package dev.prenoise.noise;

/**
 * MT19937 (Matsumoto and Nishimura, 1998), seeded by one 32-bit word as torch's CPU generator is. For one thread at a time.
 */
final class MersenneTwister {
    private static final int STATE_SIZE = 624;
    private static final int SHIFT = 397;
    private static final int UPPER_BIT = 0x80000000;
    private static final int LOWER_BITS = 0x7fffffff;
    private static final int TWIST = 0x9908b0df;

    private final int[] state = new int[STATE_SIZE];
    private int position = STATE_SIZE;

    MersenneTwister(int seed) {
        state[0] = seed;
        for (int i = 1; i < STATE_SIZE; i++) {
            int previous = state[i - 1];
            state[i] = 1812433253 * (previous ^ (previous >>> 30)) + i;
        }
    }

    int nextInt() {
        if (position == STATE_SIZE) {
            twist();
        }
        int y = state[position++];
        y ^= y >>> 11;
        y ^= (y << 7) & 0x9d2c5680;
        y ^= (y << 15) & 0xefc60000;
        return y ^ (y >>> 18);
    }

    /** The low 24 bits of one word, in [0, 1). */
    float nextFloat() {
        return (nextInt() & 0xffffff) * 0x1p-24f;
    }

    /** The low 53 bits of two words, the first one high, in [0, 1). */
    double nextDouble() {
        long high = nextInt() & 0xffffffffL;
        long low = nextInt() & 0xffffffffL;
        return ((high << 32 | low) & ((1L << 53) - 1)) * 0x1p-53;
    }

    private void twist() {
        for (int i = 0; i < STATE_SIZE - SHIFT; i++) {
            state[i] = state[i + SHIFT] ^ mix(state[i], state[i + 1]);
        }
        for (int i = STATE_SIZE - SHIFT; i < STATE_SIZE - 1; i++) {
            state[i] = state[i + SHIFT - STATE_SIZE] ^ mix(state[i], state[i + 1]);
        }
        state[STATE_SIZE - 1] = state[SHIFT - 1] ^ mix(state[STATE_SIZE - 1], state[0]);
        position = 0;
    }

    private static int mix(int upper, int lower) {
        return (((upper & UPPER_BIT) | (lower & LOWER_BITS)) >>> 1) ^ (-(lower & 1) & TWIST);
    }
}
