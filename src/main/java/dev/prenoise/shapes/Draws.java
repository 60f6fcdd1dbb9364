package dev.prenoise.shapes;

import java.util.List;
import java.util.SplittableRandom;

/**
 * Random numbers that depend on (seed, round, index) alone, and on no Java version: only {@link SplittableRandom#nextLong()}, whose
 * algorithm is fixed, is used.
 */
public final class Draws {
    private final SplittableRandom random;

    private Draws(SplittableRandom random) {
        this.random = random;
    }

    /**
     * @param purpose draws for different purposes are independent
     */
    public static Draws of(String purpose, long seed, long round, long index) {
        return new Draws(new SplittableRandom(mix(mix(mix(mix(purpose.hashCode()) + seed) + round) + index)));
    }

    long bits() {
        return random.nextLong();
    }

    /** 0 (included) to 1 (excluded). */
    public double unit() {
        return (bits() >>> 11) * 0x1.0p-53;
    }

    double uniform(double low, double high) {
        return low + (high - low) * unit();
    }

    /** A whole number, 0 (included) to the bound (excluded). */
    int below(int bound) {
        return (int) (unit() * bound);
    }

    <T> T pick(List<T> choices) {
        return choices.get(below(choices.size()));
    }

    /** Standard normal (Box and Muller 1958). */
    double gaussian() {
        double radius = Math.sqrt(-2 * StrictMath.log(1 - unit()));
        return radius * StrictMath.cos(2 * Math.PI * unit());
    }

    /** Fisher and Yates. */
    void shuffle(List<?> list) {
        for (int i = list.size() - 1; i > 0; i--) {
            swap(list, i, below(i + 1));
        }
    }

    private static <T> void swap(List<T> list, int i, int j) {
        list.set(i, list.set(j, list.get(i)));
    }

    /** Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators": the finaliser, after a step of the golden ratio. */
    static long mix(long value) {
        long z = value + 0x9e3779b97f4a7c15L;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
