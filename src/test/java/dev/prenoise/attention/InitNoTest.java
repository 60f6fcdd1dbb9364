package dev.prenoise.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class InitNoTest {
    private static final List<TokenGroup> TWO = List.of(TokenGroup.of(2), TokenGroup.of(5));
    private static final Offset<Double> CLOSE = Offset.offset(1e-6);

    @Test
    void self_identicalSelfMaps_isHalf() {
        AttentionMaps maps = TestMaps.blobs(1, 8, 8, 20, 12, 2, 5);
        double[] same = new double[64 * 64];
        for (int i = 0; i < same.length; i++) {
            same[i] = maps.self()[i % 64];
        }
        assertThat(terms(TestMaps.withSelf(maps, same), "self")).isCloseTo(0.5, CLOSE);
    }

    @Test
    void self_disjointSelfMaps_isZero() {
        AttentionMaps maps = oneTokenPerPatch(6, 9, 20, List.of(0, 53));
        double[] self = new double[54 * 54];
        for (int q = 0; q < 54; q++) {
            self[q * 54 + q] = 1;
        }
        assertThat(terms(TestMaps.withSelf(maps, self), "self")).isZero();
    }

    @Test
    void self_oneSubject_isZero() {
        AttentionMaps maps = TestMaps.blobs(2, 8, 8, 20, 12, 2);
        LossValue value = InitNo.of(LossForm.RANKING).evaluate(maps, List.of(TokenGroup.of(2)), true);
        assertThat(value.terms().get("self")).isZero();
        assertThat(value.loss()).isEqualTo(value.terms().get("cross"));
        assertThat(value.gradient().self()).containsOnly(0);
    }

    @Test
    void cross_uniformMap_isOneMinusOneOverSeventyFive() {
        LossValue value = InitNo.of(LossForm.RANKING).evaluate(TestMaps.uniform(16, 16, 77), TWO, false);
        assertThat(value.terms().get("cross")).isCloseTo(1 - 1 / 75.0, CLOSE);
        assertThat(value.terms().get("clean")).isZero();
    }

    @Test
    void evaluate_subjectsInAnyOrder_isTheSame() {
        List<TokenGroup> subjects = List.of(TokenGroup.of(2), TokenGroup.of(5), TokenGroup.of(9));
        List<TokenGroup> reversed = new ArrayList<>(subjects);
        Collections.reverse(reversed);
        AttentionMaps maps = TestMaps.blobs(3, 12, 10, 30, 8, 2, 5, 9);
        for (LossForm form : LossForm.values()) {
            assertThat(InitNo.of(form).evaluate(maps, reversed, false).loss())
                    .isCloseTo(InitNo.of(form).evaluate(maps, subjects, false).loss(), Offset.offset(1e-14));
        }
    }

    @Test
    void forms_weakSubject_onlyThePublishedOneIsGated() {
        AttentionMaps maps = TestMaps.blobs(4, 12, 12, 77, 1.5, 2, 5);
        LossValue ranking = InitNo.of(LossForm.RANKING).evaluate(maps, TWO, true);
        LossValue published = InitNo.of(LossForm.PUBLISHED).evaluate(maps, TWO, true);

        assertThat(ranking.terms().get("cross")).isGreaterThan(0.5);
        assertThat(ranking.terms().get("self")).isPositive();
        assertThat(ranking.loss())
                .isEqualTo(ranking.terms().get("cross") + ranking.terms().get("self"));
        assertThat(published.terms().get("self")).isZero();
        assertThat(published.gradient().self()).containsOnly(0);
        assertThat(published.loss())
                .isEqualTo(published.terms().get("cross") + published.terms().get("clean"))
                .isEqualTo(ranking.terms().get("joint"));
    }

    @Test
    void ranking_secondPeak_isReportedAndNotCounted() {
        // Subject 2 has one 4 x 4 block; subject 5 has one and, apart from it, another of 2 x 2.
        double[] cross = new double[12 * 12 * 20];
        for (int p = 0; p < 144; p++) {
            int y = p / 12;
            int x = p % 12;
            int token = y < 4 && x < 4 ? 2 : y > 7 && x > 7 ? 5 : y < 2 && x > 9 ? 5 : 0;
            cross[p * 20 + token] = 1;
        }
        var maps = new AttentionMaps(
                12, 12, 20, cross, TestMaps.uniform(12, 12, 20).self());
        LossValue ranking = InitNo.of(LossForm.RANKING).evaluate(maps, TWO, false);
        LossValue published = InitNo.of(LossForm.PUBLISHED).evaluate(maps, TWO, false);

        assertThat(ranking.terms().get("clean")).isGreaterThan(0.3);
        assertThat(ranking.loss())
                .isEqualTo(ranking.terms().get("cross") + ranking.terms().get("self"));
        assertThat(published.loss())
                .isEqualTo(ranking.terms().get("joint"))
                .isCloseTo(ranking.loss() + ranking.terms().get("clean"), Offset.offset(1e-12));
    }

    @Test
    void gradient_nonSquareGrid_liesAtThePeakAndItsQuery() {
        // Token 2 wins in the last column of row 2, token 5 in the first of row 4.
        AttentionMaps maps = oneTokenPerPatch(5, 9, 20, List.of(2 * 9 + 8, 4 * 9));
        LossValue value = InitNo.of(LossForm.RANKING).evaluate(maps, TWO, true);

        double[] self = value.gradient().self();
        for (int q = 0; q < 45; q++) {
            boolean touched = false;
            for (int k = 0; k < 45; k++) {
                touched |= self[q * 45 + k] != 0;
            }
            assertThat(touched).as("query %d", q).isEqualTo(q == 26 || q == 36);
        }
        assertThat(value.gradient().cross()[26 * 20 + 2]).isNegative();
    }

    @Test
    void evaluate_withoutGradient_isTheSameValue() {
        AttentionMaps maps = TestMaps.blobs(5, 16, 16, 77, 8, 2, 5);
        LossValue without = InitNo.optimization().evaluate(maps, TWO, false);
        assertThat(without.gradient()).isNull();
        assertThat(without.loss())
                .isEqualTo(InitNo.optimization().evaluate(maps, TWO, true).loss());
        assertThat(without.terms()).containsOnlyKeys("cross", "self", "clean", "joint");
        assertThat(without.loss()).isEqualTo(without.terms().get("joint"));
    }

    @Test
    void evaluate_withoutSelfMaps_namesThem() {
        AttentionMaps maps = TestMaps.blobs(6, 4, 5, 20, 8, 2, 5);
        var crossOnly = new AttentionMaps(4, 5, 20, maps.cross(), null);
        assertThatThrownBy(() -> InitNo.of(LossForm.RANKING).evaluate(crossOnly, TWO, false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("self: missing (expected: [4, 5, 20]");
    }

    @Test
    void evaluate_notANumber_isAnError() {
        AttentionMaps maps = TestMaps.blobs(7, 4, 5, 20, 8, 2, 5);
        maps.cross()[(2 * 5 + 3) * 20 + 7] = Double.NaN;
        assertThatThrownBy(() -> InitNo.of(LossForm.RANKING).evaluate(maps, TWO, false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("cross: not finite at patch (2, 3)");

        AttentionMaps brokenSelf = TestMaps.blobs(7, 4, 5, 20, 8, 2, 5);
        Arrays.fill(brokenSelf.self(), Double.NaN);
        assertThatThrownBy(() -> InitNo.of(LossForm.RANKING).evaluate(brokenSelf, TWO, false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("self: ");
    }

    @Test
    void evaluate_noSubjects_isAnError() {
        assertThatThrownBy(() -> InitNo.of(LossForm.RANKING).evaluate(TestMaps.uniform(4, 4, 20), List.of(), false))
                .hasMessage("subjects: empty (expected: at least one)");
    }

    private static double terms(AttentionMaps maps, String term) {
        return InitNo.of(LossForm.RANKING).evaluate(maps, TWO, false).terms().get(term);
    }

    /** Tokens 2 and 5 each win at one patch, not so surely that the softmax saturates; everywhere else BOS takes all. */
    private static AttentionMaps oneTokenPerPatch(int rows, int columns, int tokens, List<Integer> patches) {
        double[] cross = new double[rows * columns * tokens];
        for (int p = 0; p < rows * columns; p++) {
            cross[p * tokens] = 1;
        }
        for (int i = 0; i < 2; i++) {
            int row = patches.get(i) * tokens;
            cross[row] = 0.97;
            cross[row + (i == 0 ? 2 : 5)] = 0.03;
        }
        AttentionMaps uniform = TestMaps.uniform(rows, columns, tokens);
        return new AttentionMaps(rows, columns, tokens, cross, uniform.self());
    }
}
