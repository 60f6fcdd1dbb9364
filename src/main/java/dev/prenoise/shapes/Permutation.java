package dev.prenoise.shapes;

/**
 * A shuffled order of 0 to size - 1 whose places are computed one by one: a Feistel network on the next power of four, walked on while it
 * leads beyond the size (Black and Rogaway 2002, "Ciphers with arbitrary finite domains").
 */
public final class Permutation {
    private static final int ROUNDS = 6;

    private final long[] keys = new long[ROUNDS];
    private final int size;
    private final int halfBits;

    private Permutation(Draws draws, int size) {
        this.size = size;
        halfBits = Math.max(1, (33 - Integer.numberOfLeadingZeros(size - 1)) / 2);
        for (int round = 0; round < ROUNDS; round++) {
            keys[round] = draws.bits();
        }
    }

    /**
     * @param purpose orders for different purposes are independent
     * @param size at least 1
     */
    public static Permutation of(String purpose, long seed, long round, int size) {
        return new Permutation(Draws.of(purpose, seed, round, 0), size);
    }

    /**
     * @param place 0 to size - 1
     */
    public int at(int place) {
        int value = place;
        do {
            value = step(value);
        } while (value >= size);
        return value;
    }

    private int step(int value) {
        int mask = (1 << halfBits) - 1;
        int left = value >>> halfBits;
        int right = value & mask;
        for (long key : keys) {
            int next = left ^ (int) Draws.mix(key ^ right) & mask;
            left = right;
            right = next;
        }
        return left << halfBits | right;
    }
}
