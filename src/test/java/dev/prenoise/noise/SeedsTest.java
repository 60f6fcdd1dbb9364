package dev.prenoise.noise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SeedsTest {
    private static final long LOW_32 = 0xffffffffL;

    /** Frozen: a change here changes every stored search. */
    @ParameterizedTest
    @CsvSource({
        "0, 0, 0, 12035550249420947055",
        "0, 0, 1, 627405149472732430",
        "0, 3, 7, 2098324291160239933",
        "0, 2147483647, 2147483647, 12913552527443916571",
        "42, 0, 0, 6332618229526065668",
        "42, 0, 1, 17532488217563185893",
        "42, 3, 7, 17757366490048909062",
        "42, 2147483647, 2147483647, 13799074514040002112",
        "9223372036854775808, 0, 0, 9717522146979266976",
        "9223372036854775808, 0, 1, 1017872750149318733",
        "9223372036854775808, 3, 7, 7583295608384954464",
        "9223372036854775808, 2147483647, 2147483647, 12624050586234821668",
        "18446744073709551615, 0, 0, 6755974106381971767",
        "18446744073709551615, 0, 1, 7521888212171461645",
        "18446744073709551615, 3, 7, 8494262735809781689",
        "18446744073709551615, 2147483647, 2147483647, 6776395857831948266"
    })
    void derive_frozenValues(String seed, int round, int index, String expected) {
        assertThat(Long.toUnsignedString(Seeds.derive(Long.parseUnsignedLong(seed), round, index)))
                .isEqualTo(expected);
    }

    /** Frozen: a change here changes every stored search. */
    @ParameterizedTest
    @CsvSource({
        "0, 0, 0",
        "0, 1, 3756216715",
        "0, 2, 336386965",
        "0, 99999, 2917417057",
        "0, 2147483647, 2516904831",
        "42, 0, 42",
        "42, 1, 3727756505",
        "42, 2, 1568475223",
        "42, 99999, 460132715",
        "42, 2147483647, 1679709395",
        "4294967338, 0, 4294967338",
        "4294967338, 1, 1599671954",
        "4294967338, 2, 197729545",
        "4294967338, 99999, 2059881225",
        "4294967338, 2147483647, 2334324937",
        "9223372036854775808, 0, 9223372036854775808",
        "9223372036854775808, 1, 2443574330",
        "9223372036854775808, 2, 3064689319",
        "9223372036854775808, 99999, 2767855086",
        "9223372036854775808, 2147483647, 1227743542",
        "18446744073709551615, 0, 18446744073709551615",
        "18446744073709551615, 1, 2443799068",
        "18446744073709551615, 2, 267504346",
        "18446744073709551615, 99999, 1744233861",
        "18446744073709551615, 2147483647, 2651073496"
    })
    void candidate_frozenValues(String seed, int index, String expected) {
        assertThat(Long.toUnsignedString(Seeds.candidate(Long.parseUnsignedLong(seed), index)))
                .isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 42, 0x7fffffffL, 0xffffffffL, 1L << 32, Long.MAX_VALUE, Long.MIN_VALUE, -1})
    void candidate_zero_isTheSeedItself(long seed) {
        assertThat(Seeds.candidate(seed, 0)).isEqualTo(seed);
    }

    /** Distinct in the low 32 bits, which are all that torch's CPU generator reads. */
    @ParameterizedTest
    @ValueSource(longs = {0, 1, 42, 0x7fffffffL, 0xffffffffL, 1L << 32, Long.MAX_VALUE, Long.MIN_VALUE, -1})
    void candidate_firstHundredThousand_fit32BitsAndNeverRepeat(long seed) {
        int count = 100_000;
        long[] candidates = IntStream.range(0, count)
                .mapToLong(k -> Seeds.candidate(seed, k))
                .toArray();
        assertThat(Arrays.stream(candidates).skip(1)).allMatch(candidate -> candidate >= 0 && candidate <= LOW_32);
        assertThat(Arrays.stream(candidates)
                        .map(candidate -> candidate & LOW_32)
                        .distinct()
                        .count())
                .isEqualTo(count);
    }

    @Test
    void candidate_neighbouringSeeds_shareNothingAmongTheirFirst() {
        Set<Long> seen = new HashSet<>();
        for (long seed = 1000; seed < 1064; seed++) {
            for (int index = 0; index < 64; index++) {
                assertThat(seen.add(Seeds.candidate(seed, index)))
                        .as("seed %s, index %s", seed, index)
                        .isTrue();
            }
        }
    }

    @Test
    void candidate_seedsThatShareTheirLowBits_partAfterCandidateZero() {
        assertThat(Seeds.candidate(42 + (1L << 32), 1)).isNotEqualTo(Seeds.candidate(42, 1));
    }

    /** Frozen: a change here changes the pictures of stored searches. */
    @ParameterizedTest
    @CsvSource({
        "0, 0, 2441705932530949003",
        "0, 1, 3437844144343213191",
        "0, 999, 11840401966284432379",
        "42, 0, 14887106647122998036",
        "42, 1, 9160609908644907413",
        "18446744073709551615, 999, 9498680700740623954"
    })
    void step_frozenValues(String seed, int step, String expected) {
        assertThat(Long.toUnsignedString(Seeds.step(Long.parseUnsignedLong(seed), step)))
                .isEqualTo(expected);
    }

    @Test
    void step_negative_isRejected() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Seeds.step(42, -1))
                .withMessage("step: -1 (expected: >= 0)");
    }

    @Test
    void derive_differentRoundOrIndex_givesDifferentSeeds() {
        Set<Long> seen = new HashSet<>();
        for (int round = 0; round < 100; round++) {
            for (int index = 0; index < 100; index++) {
                assertThat(seen.add(Seeds.derive(42, round, index))).isTrue();
            }
        }
    }

    @Test
    void derive_negativeRoundOrIndex_isRejected() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Seeds.derive(42, -1, 0))
                .withMessage("round: -1 (expected: >= 0)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Seeds.derive(42, 0, -1))
                .withMessage("index: -1 (expected: >= 0)");
    }

    @Test
    void candidate_negativeIndex_isRejected() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Seeds.candidate(42, -1))
                .withMessage("index: -1 (expected: >= 0)");
    }
}
