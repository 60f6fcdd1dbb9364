package dev.prenoise.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class ConformTest {
    private static final List<TokenGroup> TWO_WORDS = List.of(TokenGroup.of(2), TokenGroup.of(5));

    @Test
    void published_singleWordSubjects_isExactlyZero() {
        AttentionMaps maps = TestMaps.blobs(1, 16, 16, 77, 8, 2, 5);
        LossValue value = Conform.of(LossForm.PUBLISHED).evaluate(maps, TWO_WORDS, true);
        assertThat(value.loss()).isZero();
        assertThat(value.gradient().cross()).containsOnly(0);
    }

    @Test
    void ranking_twoSingleWords_isTheClosedFormOfTheirCosine() {
        for (long seed = 0; seed < 5; seed++) {
            AttentionMaps maps = TestMaps.blobs(seed, 9, 14, 77, 8, 2, 5);
            double s = cosine(smoothedColumn(maps, 2), smoothedColumn(maps, 5));
            double expected = -Math.log(Math.exp(2) / (Math.exp(2) + 2 * Math.exp(2 * s)));
            LossValue value = Conform.of(LossForm.RANKING).evaluate(maps, TWO_WORDS, false);
            assertThat(value.loss()).isCloseTo(expected, Offset.offset(1e-12));
            assertThat(value.terms()).containsEntry("contrastive", value.loss());
        }
    }

    @Test
    void ranking_singleWordSubjects_prefersThemApart() {
        AttentionMaps together = twoBlobs(2.0);
        AttentionMaps apart = twoBlobs(9.0);
        Conform loss = Conform.of(LossForm.RANKING);
        assertThat(loss.evaluate(apart, TWO_WORDS, false).loss())
                .isLessThan(loss.evaluate(together, TWO_WORDS, false).loss());
    }

    @Test
    void evaluate_oneSubject_isZeroForEveryNoise() {
        AttentionMaps maps = TestMaps.blobs(3, 8, 8, 20, 8, 2, 3);
        for (LossForm form : LossForm.values()) {
            for (TokenGroup subject : List.of(TokenGroup.of(2), TokenGroup.of(2, 3))) {
                LossValue value = Conform.of(form).evaluate(maps, List.of(subject), true);
                assertThat(value.loss()).isZero();
                assertThat(value.terms()).containsEntry("contrastive", 0.0);
                assertThat(value.gradient().cross()).containsOnly(0);
            }
        }
    }

    @Test
    void evaluate_tokenInTwoSubjects_belongsToTheLast() {
        AttentionMaps maps = TestMaps.blobs(4, 8, 8, 20, 8, 2, 3, 5);
        Conform loss = Conform.of(LossForm.PUBLISHED);
        double listedTwice = loss.evaluate(maps, List.of(TokenGroup.of(3, 2), TokenGroup.of(3, 5)), false)
                .loss();
        double listedLast = loss.evaluate(maps, List.of(TokenGroup.of(2), TokenGroup.of(3, 5)), false)
                .loss();
        assertThat(listedTwice).isPositive().isCloseTo(listedLast, Offset.offset(1e-15));
    }

    @Test
    void evaluate_subjectsSwapped_isTheSame() {
        AttentionMaps maps = TestMaps.blobs(5, 8, 8, 20, 8, 2, 3, 5, 6);
        for (LossForm form : LossForm.values()) {
            double loss = Conform.of(form)
                    .evaluate(maps, List.of(TokenGroup.of(2, 3), TokenGroup.of(5, 6)), false)
                    .loss();
            double swapped = Conform.of(form)
                    .evaluate(maps, List.of(TokenGroup.of(5, 6), TokenGroup.of(2, 3)), false)
                    .loss();
            assertThat(loss).isPositive().isCloseTo(swapped, Offset.offset(1e-14));
        }
    }

    @Test
    void evaluate_identicalNegatives_isLogOfOnePlusTheirNumber() {
        LossValue value = Conform.of(LossForm.RANKING).evaluate(TestMaps.uniform(4, 4, 20), TWO_WORDS, false);
        // Each token's own copy is its positive; the other token and its copy are two negatives of cosine 1.
        assertThat(value.loss()).isCloseTo(Math.log(3), Offset.offset(1e-12));
    }

    @Test
    void mixedPairing_readsTheFirstSubjectOnly() {
        AttentionMaps maps = TestMaps.blobs(6, 8, 8, 20, 8, 2, 3, 5);
        TokenGroup one = TokenGroup.of(5);
        TokenGroup two = TokenGroup.of(2, 3);
        assertThat(loss(Conform.Pairing.NT_XENT_OR_CONTRASTIVE, maps, one, two))
                .isEqualTo(loss(Conform.Pairing.CONTRASTIVE, maps, one, two));
        assertThat(loss(Conform.Pairing.NT_XENT_OR_CONTRASTIVE, maps, two, one))
                .isEqualTo(loss(Conform.Pairing.NT_XENT, maps, two, one));
    }

    @Test
    void contrastive_ownPrevious_doesNotCountRounding() {
        AttentionMaps maps = TestMaps.blobs(7, 9, 9, 20, 8, 2, 5);
        var own = new Conform(Conform.Pairing.CONTRASTIVE, 0.5, false, true, true, null, 77);
        var none = new Conform(Conform.Pairing.CONTRASTIVE, 0.5, false, true, false, null, 77);
        assertThat(own.evaluate(maps, TWO_WORDS, false).loss())
                .isCloseTo(none.evaluate(maps, TWO_WORDS, false).loss(), Offset.offset(1e-14));
    }

    @Test
    void evaluate_emptyMap_hasNoDirectionAndNoGradient() {
        AttentionMaps maps = TestMaps.blobs(8, 4, 4, 20, 8, 5);
        for (int p = 0; p < 16; p++) {
            maps.cross()[p * 20 + 2] = 0;
        }
        LossValue value = Conform.of(LossForm.RANKING).evaluate(maps, TWO_WORDS, true);
        assertThat(value.loss()).isFinite();
        for (int p = 0; p < 16; p++) {
            assertThat(value.gradient().cross()[p * 20 + 2]).isZero();
        }
    }

    @Test
    void withPrevious_otherShape_isAnError() {
        var loss = Conform.of(LossForm.PUBLISHED).withPrevious(TestMaps.uniform(4, 5, 20));
        assertThatThrownBy(() -> loss.evaluate(TestMaps.uniform(5, 4, 20), TWO_WORDS, false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("previous_cross: [4, 5, 20] (expected: [5, 4, 20])");
    }

    @Test
    void constructor_temperatureOfZero_isAnError() {
        assertThatThrownBy(() -> new Conform(Conform.Pairing.NT_XENT, 0, false, true, true, null, 77))
                .hasMessage("temperature: 0.0 (expected: > 0)");
    }

    private static double loss(Conform.Pairing pairing, AttentionMaps maps, TokenGroup first, TokenGroup second) {
        return new Conform(pairing, 0.5, false, true, false, null, 77)
                .evaluate(maps, List.of(first, second), false)
                .loss();
    }

    private static AttentionMaps twoBlobs(double distance) {
        double[] cross = new double[16 * 16 * 20];
        for (int p = 0; p < 256; p++) {
            double y = p / 16 - 8;
            double x = p % 16 - 3;
            cross[p * 20 + 2] = 0.01 + 0.3 * Math.exp(-(y * y + x * x) / 4);
            cross[p * 20 + 5] = 0.01 + 0.3 * Math.exp(-(y * y + (x - distance) * (x - distance)) / 4);
        }
        return new AttentionMaps(16, 16, 20, cross, null);
    }

    private static double[] smoothedColumn(AttentionMaps maps, int token) {
        return new TokenMaps(maps, new int[] {token}, null, true).map(0);
    }

    private static double cosine(double[] a, double[] b) {
        double ab = 0;
        double aa = 0;
        double bb = 0;
        for (int p = 0; p < a.length; p++) {
            ab += a[p] * b[p];
            aa += a[p] * a[p];
            bb += b[p] * b[p];
        }
        return ab / Math.sqrt(aa * bb);
    }
}
