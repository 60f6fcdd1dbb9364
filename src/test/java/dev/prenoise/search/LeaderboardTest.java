package dev.prenoise.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import java.time.Duration;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LeaderboardTest {
    @Test
    void ranked_losses_lowestFirstAndFirstIndexAmongEquals() {
        assertThat(ranked(board(true), 3, 1, 2, 1, -0.0, 0.0)).containsExactly(4, 5, 1, 3, 2, 0);
    }

    @Test
    void ranked_verifierScores_highestFirstAndFirstIndexAmongEquals() {
        assertThat(ranked(board(false), 3, 1, 4, 3, 4)).containsExactly(2, 4, 0, 3, 1);
    }

    @Test
    void ranked_notFinite_lastInOrderOfIndexWhateverTheSign() {
        double[] scores = {Double.NaN, Double.NEGATIVE_INFINITY, 7, Double.POSITIVE_INFINITY, 9};
        assertThat(ranked(board(true), scores)).containsExactly(2, 4, 0, 1, 3);
        assertThat(ranked(board(false), scores)).containsExactly(4, 2, 0, 1, 3);
    }

    @Test
    void offer_aCandidate_saysItsPlace() {
        Leaderboard board = board(true);
        assertThat(board.offer(Fakes.candidate(0, Double.NaN))).isZero();
        assertThat(board.offer(Fakes.candidate(1, 2))).isZero();
        assertThat(board.offer(Fakes.candidate(2, 2))).isEqualTo(1);
        assertThat(board.offer(Fakes.candidate(3, 1))).isZero();
        assertThat(board.best()).isEqualTo(Fakes.candidate(3, 1));
    }

    @Test
    void offer_hundredThousandByScore_keepsPace() {
        SplittableRandom random = new SplittableRandom(3);
        Leaderboard board = board(false);
        Candidate first = Fakes.candidate(0, 0);
        assertTimeout(Duration.ofSeconds(20), () -> {
            for (int i = 0; i < 100_000; i++) {
                board.offer(new Candidate(i, first.recipe(), null, random.nextDouble(), Map.of(), Spend.NONE));
            }
        });
        assertThat(board.ranked()).isSortedAccordingTo(Leaderboard.order(false)).hasSize(100_000);
    }

    private static Leaderboard board(boolean lowerIsBetter) {
        return new Leaderboard(Ranking.byScore(lowerIsBetter));
    }

    private static int[] ranked(Leaderboard board, double... scores) {
        for (int i = 0; i < scores.length; i++) {
            board.offer(Fakes.candidate(i, scores[i]));
        }
        return board.ranked().stream().mapToInt(Candidate::index).toArray();
    }
}
