package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class RankAgreementTest {
    @Test
    void of_theSameOrder_isOneWithoutRegret() {
        assertThat(RankAgreement.of(new double[] {3, 1, 2}, new double[] {30, -1, 2}))
                .isEqualTo(new RankAgreement(1, true, 0));
    }

    @Test
    void of_theReverse_isMinusOneAndTheWorstIsChosen() {
        RankAgreement reverse = RankAgreement.of(new double[] {1, 2, 6}, new double[] {6, 2, 1});
        assertThat(reverse.tau()).isEqualTo(-1);
        assertThat(reverse.sameChosen()).isFalse();
        // the best gains 2 on the mean of 3; the worst loses 5 on the best
        assertThat(reverse.regret()).isCloseTo(2.5, within(1e-12));
    }

    @Test
    void of_onePairSwapped_countsThePairs() {
        // 5 pairs of 6 agree
        assertThat(RankAgreement.of(new double[] {1, 2, 3, 4}, new double[] {1, 3, 2, 4})
                        .tau())
                .isCloseTo(4.0 / 6, within(1e-12));
    }

    /** tau-b by hand: 2 of 3 pairs are told apart by the one, all by the other. */
    @Test
    void of_ties_doesNotCountThem() {
        assertThat(RankAgreement.of(new double[] {1, 1, 2}, new double[] {1, 2, 3})
                        .tau())
                .isCloseTo(2 / Math.sqrt(6), within(1e-12));
        assertThat(RankAgreement.of(new double[] {5, 5}, new double[] {1, 2})).isEqualTo(new RankAgreement(0, true, 0));
    }

    @Test
    void of_otherNumbersOfScores_saysSo() {
        assertThatThrownBy(() -> RankAgreement.of(new double[2], new double[3]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("scores: 2 and 3 (expected: the same number of both, at least 2)");
    }
}
