package dev.prenoise.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class LeaderboardTest {
    @Test
    void ranked_losses_lowestFirstAndFirstIndexAmongEquals() {
        assertThat(ranked(new Leaderboard(10, true), 3, 1, 2, 1, -0.0, 0.0)).containsExactly(4, 5, 1, 3, 2, 0);
    }

    @Test
    void ranked_verifierScores_highestFirstAndFirstIndexAmongEquals() {
        assertThat(ranked(new Leaderboard(10, false), 3, 1, 4, 3, 4)).containsExactly(2, 4, 0, 3, 1);
    }

    @Test
    void ranked_notFinite_lastInOrderOfIndexWhateverTheSign() {
        double[] scores = {Double.NaN, Double.NEGATIVE_INFINITY, 7, Double.POSITIVE_INFINITY, 9};
        assertThat(ranked(new Leaderboard(10, true), scores)).containsExactly(2, 4, 0, 1, 3);
        assertThat(ranked(new Leaderboard(10, false), scores)).containsExactly(4, 2, 0, 1, 3);
    }

    @Test
    void offer_moreThanCapacity_keepsTheBest() {
        assertThat(ranked(new Leaderboard(3, true), 5, 4, 3, 4, 9, 1)).containsExactly(5, 2, 1);
    }

    @Test
    void offer_strictlyBetter_saysSoOnlyThen() {
        Leaderboard board = new Leaderboard(2, true);
        assertThat(board.offer(Fakes.candidate(0, Double.NaN))).isFalse();
        assertThat(board.offer(Fakes.candidate(1, 2))).isTrue();
        assertThat(board.offer(Fakes.candidate(2, 2))).isFalse();
        assertThat(board.offer(Fakes.candidate(3, 1))).isTrue();
        assertThat(board.best()).isEqualTo(Fakes.candidate(3, 1));
    }

    @Test
    void leaderboard_noCapacity_rejected() {
        assertThatThrownBy(() -> new Leaderboard(0, true)).hasMessage("capacity: 0 (expected: >= 1)");
    }

    private static int[] ranked(Leaderboard board, double... scores) {
        for (int i = 0; i < scores.length; i++) {
            board.offer(Fakes.candidate(i, scores[i]));
        }
        return board.ranked().stream().mapToInt(Candidate::index).toArray();
    }
}
