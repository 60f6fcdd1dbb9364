package dev.prenoise.noise;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Known answers of philox4x32 with 10 rounds, as its authors publish them with Random123. */
class PhiloxNoiseTest {
    @Test
    void firstWords_zeros_areTheKnownAnswer() {
        assertThat(PhiloxNoise.firstWords(0, 0, 0, 0, 0)).isEqualTo(0x6627e8d5_e169c58dL);
    }

    @Test
    void firstWords_ones_areTheKnownAnswer() {
        assertThat(PhiloxNoise.firstWords(-1, -1, -1, -1, -1)).isEqualTo(0x408f276d_41c83b0eL);
    }

    @Test
    void firstWords_digitsOfPi_areTheKnownAnswer() {
        long key = 0x299f31d0_a4093822L;
        assertThat(PhiloxNoise.firstWords(key, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344))
                .isEqualTo(0xd16cfe09_94fdccebL);
    }

    @Test
    void fill_nextOffset_drawsOtherValues() {
        float[] first = new float[100];
        float[] second = new float[100];
        PhiloxNoise.fill(3, 0, first);
        PhiloxNoise.fill(3, 1, second);
        assertThat(second).isNotEqualTo(first);
    }
}
