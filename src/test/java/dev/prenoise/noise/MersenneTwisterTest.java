package dev.prenoise.noise;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MersenneTwisterTest {
    /** The C++ standard, [rand.predef]: the 10,000th value of a default-constructed mt19937, whose seed is 5489. */
    @Test
    void nextInt_tenThousandth_isTheStandards() {
        MersenneTwister random = new MersenneTwister(5489);
        int value = 0;
        for (int i = 0; i < 10_000; i++) {
            value = random.nextInt();
        }
        assertThat(Integer.toUnsignedLong(value)).isEqualTo(4123659995L);
    }
}
