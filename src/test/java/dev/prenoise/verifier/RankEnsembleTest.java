package dev.prenoise.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.verifier.RankEnsemble.Standing;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RankEnsembleTest {
    private static final double NAN = Double.NaN;

    @Test
    void rank_threeMembers_meanOfTheirRanks() {
        // ranks 1 3 2 4, 2 1 3 4, 3 1 2 4
        Standing standing = equal(3).rank(new double[][] {{9, 5, 7, 1}, {20, 30, 10, 0}, {-2, 3, -1, -9}});
        assertThat(standing.meanRank()).containsExactly(2, 5 / 3.0, 7 / 3.0, 4);
        assertThat(standing.order()).containsExactly(1, 0, 2, 3);
        assertThat(standing.shareBeaten()[0]).isEqualTo((4 + 0.5 - 2) / 4);
    }

    @Test
    void rank_oneMember_isItsOwnOrder() {
        Standing standing = equal(1).rank(new double[][] {{0.3, 0.9, -4, 0.5}});
        assertThat(standing.order()).containsExactly(1, 3, 0, 2);
        assertThat(standing.meanRank()).containsExactly(3, 1, 4, 2);
        assertThat(standing.shareBeaten()).containsExactly(0.375, 0.875, 0.125, 0.625);
    }

    @Test
    void rank_oneCandidate_beatsHalfOfItself() {
        assertThat(equal(2).rank(new double[][] {{3}, {-1}}).shareBeaten()).containsExactly(0.5);
    }

    @Test
    void rank_equals_shareTheirPlaces() {
        Standing standing = equal(1).rank(new double[][] {{1, 2, 2, 2, 0.0, -0.0}});
        assertThat(standing.meanRank()).containsExactly(4, 2, 2, 2, 5.5, 5.5);
        assertThat(standing.order()).containsExactly(1, 2, 3, 0, 4, 5);
    }

    @Test
    void rank_notFinite_lastWithoutMovingOthers() {
        double[][] scores = {
            {NAN, 1, Double.POSITIVE_INFINITY, 2},
            {4, 3, 2, 1}
        };
        Standing standing = equal(2).rank(scores);
        assertThat(standing.meanRank()).containsExactly((3.5 + 1) / 2, (2 + 2) / 2.0, (3.5 + 3) / 2, (1 + 4) / 2.0);
        assertThat(equal(1).rank(new double[][] {{1, 2}}).meanRank()).containsExactly(2, 1);
    }

    @Test
    void rank_judgedByNone_notANumberAndLast() {
        Standing standing = equal(2).rank(new double[][] {{NAN, NAN, 1}, {NAN, 7, NAN}});
        assertThat(standing.shareBeaten()[0]).isNaN();
        assertThat(standing.meanZ()[0]).isNaN();
        assertThat(standing.order()).containsExactly(1, 2, 0);
        assertThat(equal(1).rank(new double[][] {{NAN, NAN}}).order()).containsExactly(0, 1);
    }

    @Test
    void rank_equalMeans_higherMeanZThenLowerIndex() {
        // candidates 0 and 1 swap the first two places; 1 leads by far where it leads
        Standing standing = equal(2).rank(new double[][] {{2, 1.9, 0}, {1, 9, 0}});
        assertThat(standing.meanRank()).containsExactly(1.5, 1.5, 3);
        assertThat(standing.order()).containsExactly(1, 0, 2);
        assertThat(equal(2).rank(new double[][] {{2, 1}, {1, 2}}).order()).containsExactly(0, 1);
    }

    @Test
    void rank_weights_pullTowardsTheHeavierMember() {
        double[][] scores = {{1, 2, 3}, {3, 2, 1}};
        assertThat(new RankEnsemble(List.of(3.0, 1.0)).rank(scores).order()).containsExactly(2, 1, 0);
        assertThat(new RankEnsemble(List.of(1.0, 3.0)).rank(scores).meanRank()).containsExactly(1.5, 2, 2.5);
        assertThat(new RankEnsemble(List.of(0.1, 0.1)).rank(scores).meanRank()).containsExactly(2, 2, 2);
    }

    @Test
    void rank_permutedPool_sameRanksToTheLastBit() {
        SplittableRandom random = new SplittableRandom(5);
        for (int round = 0; round < 200; round++) {
            double[][] scores = pool(random, 3, 1 + random.nextInt(12));
            RankEnsemble ensemble = new RankEnsemble(List.of(0.2, 0.7, 1.3));
            Standing standing = ensemble.rank(scores);
            List<Integer> places = IntStream.range(0, scores[0].length).boxed().toList();
            List<Integer> shuffled = new java.util.ArrayList<>(places);
            Collections.shuffle(shuffled, new java.util.Random(round));
            double[][] permuted = Arrays.stream(scores)
                    .map(row -> shuffled.stream().mapToDouble(i -> row[i]).toArray())
                    .toArray(double[][]::new);
            Standing moved = ensemble.rank(permuted);
            for (int i = 0; i < places.size(); i++) {
                int from = shuffled.get(i);
                assertThat(moved.meanRank()[i]).isEqualTo(standing.meanRank()[from]);
                assertThat(moved.shareBeaten()[i])
                        .usingComparator(Double::compare)
                        .isEqualTo(standing.shareBeaten()[from]);
                assertThat(moved.meanZ()[i]).usingComparator(Double::compare).isEqualTo(standing.meanZ()[from]);
            }
        }
    }

    @Test
    void rank_memberOnAnotherMonotoneScale_sameRanks() {
        SplittableRandom random = new SplittableRandom(6);
        for (int round = 0; round < 200; round++) {
            double[][] scores = pool(random, 3, 1 + random.nextInt(12));
            double[] before = equal(3).rank(scores).meanRank();
            scores[1] = Arrays.stream(scores[1]).map(x -> Math.exp(3 * x) - 7).toArray();
            assertThat(equal(3).rank(scores).meanRank()).containsExactly(before);
        }
    }

    @Test
    void rank_anyPool_sharesAverageToAHalf() {
        SplittableRandom random = new SplittableRandom(7);
        for (int round = 0; round < 100; round++) {
            double[][] scores = pool(random, 2, 1 + random.nextInt(12));
            scores[0][0] = 1;
            Arrays.setAll(scores[1], i -> i);
            Standing standing = equal(2).rank(scores);
            assertThat(Arrays.stream(standing.shareBeaten()).average().orElseThrow())
                    .isCloseTo(0.5, within(1e-12));
        }
    }

    @Test
    void rank_duplicates_tie() {
        Standing standing = equal(2).rank(new double[][] {{5, 1, 5, 2}, {0, 3, 0, 9}});
        assertThat(standing.meanRank()[0]).isEqualTo(standing.meanRank()[2]);
        assertThat(standing.meanZ()[0]).isEqualTo(standing.meanZ()[2]);
    }

    @Test
    void ensemble_badWeights_rejected() {
        assertThatThrownBy(() -> new RankEnsemble(List.of())).hasMessage("weights: [] (expected: at least one member)");
        assertThatThrownBy(() -> new RankEnsemble(List.of(1.0, 0.0))).hasMessage("weights[1]: 0.0 (expected: > 0)");
        assertThatThrownBy(() -> new RankEnsemble(List.of(NAN))).hasMessage("weights[0]: NaN (expected: > 0)");
        assertThatThrownBy(() -> equal(2).rank(new double[][] {{1}})).hasMessage("scores: 1 members (expected: 2)");
        assertThatThrownBy(() -> equal(2).rank(new double[][] {{1}, {1, 2}}))
                .hasMessage("scores[1]: 2 candidates (expected: 1)");
    }

    private static RankEnsemble equal(int members) {
        return new RankEnsemble(Collections.nCopies(members, 1.0));
    }

    /** With ties and gaps. */
    private static double[][] pool(SplittableRandom random, int members, int size) {
        double[][] scores = new double[members][size];
        for (double[] row : scores) {
            Arrays.setAll(row, i -> random.nextInt(8) == 0 ? NAN : random.nextInt(10) / 7.0);
        }
        return scores;
    }
}
