package dev.prenoise.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class SelfCrossTest {
    private static final List<TokenGroup> TWO = List.of(TokenGroup.of(2), TokenGroup.of(5));

    @Test
    void published_gridOfMoreThanSixteenRows_isNormalized() {
        AttentionMaps maps = TestMaps.blobs(1, 17, 12, 30, 12, 2, 5);
        double published = SelfCross.of(LossForm.PUBLISHED)
                .evaluate(maps, TWO, false)
                .terms()
                .get("self_cross");
        double ranking = SelfCross.of(LossForm.RANKING)
                .evaluate(maps, TWO, false)
                .terms()
                .get("self_cross");
        assertThat(published).isPositive().isEqualTo(ranking);
    }

    @Test
    void published_gridOfSixteenRows_isCompressedByTheBackground() {
        AttentionMaps maps = TestMaps.blobs(1, 16, 16, 77, 12, 2, 5);
        LossValue published = SelfCross.of(LossForm.PUBLISHED).evaluate(maps, TWO, false);
        LossValue ranking = SelfCross.of(LossForm.RANKING).evaluate(maps, TWO, false);
        assertThat(published.terms().get("cross")).isLessThan(0.5);
        assertThat(published.terms().get("self_cross"))
                .isGreaterThan(ranking.terms().get("self_cross") + 0.2);
        assertThat(ranking.terms().get("joint")).isEqualTo(published.loss());
    }

    @Test
    void selfCross_attentionEverywhere_isTheOverlapOfThePlaceWithTheUniformMap() {
        AttentionMaps maps = TestMaps.blobs(2, 10, 10, 30, 12, 2);
        var everywhere = TestMaps.withSelf(maps, TestMaps.uniform(10, 10, 30).self());
        List<TokenGroup> twins = List.of(TokenGroup.of(2), TokenGroup.of(2));
        LossValue value = SelfCross.of(LossForm.RANKING).evaluate(everywhere, twins, false);

        double[] map = TokenMaps.renormalized(maps, new int[] {2}, new TextColumns(30, 77, 0))
                .map(0);
        double total = SelfAttention.sum(map);
        double expected = 0;
        for (double a : map) {
            expected += Math.min(a / total, 0.01);
        }
        assertThat(value.terms().get("self_cross")).isCloseTo(expected, Offset.offset(1e-12));
    }

    @Test
    void evaluate_subjectsSwapped_isTheSame() {
        AttentionMaps maps = TestMaps.blobs(3, 9, 12, 30, 8, 2, 5);
        for (LossForm form : LossForm.values()) {
            double swapped = SelfCross.of(form)
                    .evaluate(maps, List.of(TWO.get(1), TWO.get(0)), false)
                    .loss();
            assertThat(SelfCross.of(form).evaluate(maps, TWO, false).loss()).isCloseTo(swapped, Offset.offset(1e-14));
        }
    }

    @Test
    void evaluate_oneSubject_isTheCrossTerm() {
        AttentionMaps maps = TestMaps.blobs(4, 9, 9, 30, 8, 2);
        LossValue value = SelfCross.of(LossForm.RANKING).evaluate(maps, List.of(TokenGroup.of(2)), true);
        assertThat(value.terms()).containsEntry("self_cross", 0.0);
        assertThat(value.loss()).isPositive().isEqualTo(value.terms().get("cross"));
        assertThat(value.gradient().self()).containsOnly(0);
    }

    @Test
    void forms_weakSubject_onlyThePublishedOneIsGated() {
        AttentionMaps maps = TestMaps.blobs(5, 12, 12, 77, 1.5, 2, 5);
        LossValue ranking = SelfCross.of(LossForm.RANKING).evaluate(maps, TWO, false);
        LossValue published = SelfCross.of(LossForm.PUBLISHED).evaluate(maps, TWO, true);

        assertThat(ranking.terms().get("cross")).isGreaterThan(0.5);
        assertThat(ranking.terms().get("self_cross")).isPositive();
        assertThat(ranking.loss())
                .isEqualTo(ranking.terms().get("cross") + ranking.terms().get("self_cross"));
        assertThat(published.terms()).containsEntry("self_cross", 0.0);
        assertThat(published.gradient().self()).containsOnly(0);
    }

    @Test
    void cross_gridOfFewerThanSixteenPatches_averagesThemAll() {
        AttentionMaps maps = TestMaps.uniform(3, 4, 22);
        LossValue value = SelfCross.of(LossForm.RANKING).evaluate(maps, TWO, true);
        assertThat(value.terms().get("cross")).isCloseTo(1 - 1 / 20.0, Offset.offset(1e-6));
    }

    @Test
    void optimization_terms_holdTheConflictAsSelf() {
        AttentionMaps maps = TestMaps.blobs(6, 16, 16, 77, 12, 2, 5);
        for (LossForm form : LossForm.values()) {
            LossValue value = SelfCross.optimization(form).evaluate(maps, TWO, true);
            assertThat(value.terms().get("self"))
                    .isPositive()
                    .isEqualTo(value.terms().get("self_cross"));
            assertThat(value.loss())
                    .isEqualTo(value.terms().get("cross")
                            + value.terms().get("self")
                            + value.terms().get("clean"));
            assertThat(value.gradient()).isNotNull();
        }
        assertThat(SelfCross.optimization(LossForm.PUBLISHED)
                        .evaluate(maps, TWO, false)
                        .loss())
                .isEqualTo(SelfCross.of(LossForm.PUBLISHED)
                        .evaluate(maps, TWO, false)
                        .loss());
    }

    @Test
    void evaluate_withoutSelfMaps_namesThem() {
        var crossOnly = new AttentionMaps(4, 4, 20, TestMaps.uniform(4, 4, 20).cross(), null);
        assertThatThrownBy(() -> SelfCross.of(LossForm.RANKING).evaluate(crossOnly, TWO, false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("self: missing");
    }
}
