package dev.prenoise.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class AttendAndExciteTest {
    private static final List<TokenGroup> TWO = List.of(TokenGroup.of(1, 2), TokenGroup.of(5));

    @Test
    void evaluate_anyMap_isInitNosCrossTerm() {
        AttentionMaps maps = TestMaps.blobs(1, 16, 16, 77, 4, 2, 5);
        LossValue initNo = InitNo.of(LossForm.RANKING).evaluate(maps, TWO, false);
        LossValue value = AttendAndExcite.of(LossForm.RANKING).evaluate(maps, TWO, true);
        assertThat(value.loss()).isPositive().isEqualTo(initNo.terms().get("cross"));
        assertThat(value.terms()).containsOnlyKeys("cross").containsEntry("cross", value.loss());
        assertThat(value.gradient().self()).isNull();
    }

    @Test
    void evaluate_theWeakestSubject_isTheLoss() {
        AttentionMaps maps = TestMaps.blobs(2, 16, 16, 77, 4, 2, 5);
        AttendAndExcite loss = AttendAndExcite.of(LossForm.RANKING);
        double first = loss.evaluate(maps, TWO.subList(0, 1), false).loss();
        double second = loss.evaluate(maps, TWO.subList(1, 2), false).loss();
        assertThat(first).isNotEqualTo(second);
        assertThat(loss.evaluate(maps, TWO, false).loss()).isEqualTo(Math.max(first, second));
    }

    @Test
    void withEndOfTextIndex_uniformMap_sharesAmongWordsOnly() {
        AttentionMaps maps = TestMaps.uniform(8, 8, 77);
        AttendAndExcite loss = AttendAndExcite.of(LossForm.PUBLISHED);
        assertThat(loss.evaluate(maps, TWO, false).loss()).isCloseTo(1 - 1 / 75.0, Offset.offset(1e-6));
        assertThat(loss.withEndOfTextIndex(7).evaluate(maps, TWO, false).loss())
                .isCloseTo(1 - 1 / 6.0, Offset.offset(1e-6));
        assertThat(loss.withEndOfTextIndex(76).evaluate(maps, TWO, false).loss())
                .isEqualTo(loss.evaluate(maps, TWO, false).loss());
    }

    @Test
    void gradient_equalLargestValues_isSharedAmongThem() {
        AttentionMaps maps = TestMaps.uniform(4, 4, 12);
        double[] cross = AttendAndExcite.of(LossForm.PUBLISHED)
                .evaluate(maps, List.of(TokenGroup.of(5)), true)
                .gradient()
                .cross();
        // 16 equal patches at softmax 1/10 pull with 100 * 1/10 * 9/10 in all, however smoothing's rounding parts them.
        double sum = 0;
        for (int p = 0; p < 16; p++) {
            assertThat(cross[p * 12 + 5]).isNegative();
            sum += cross[p * 12 + 5];
        }
        assertThat(sum).isCloseTo(-9, Offset.offset(1e-5));
    }

    @Test
    void evaluate_subjectPastTheEndOfText_isAnError() {
        AttendAndExcite loss = AttendAndExcite.of(LossForm.PUBLISHED).withEndOfTextIndex(5);
        assertThatThrownBy(() -> loss.evaluate(TestMaps.uniform(4, 4, 77), TWO, false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("subjects[1].token_indices[0]: 5 (expected: 1 to 4)");
        assertThatThrownBy(() -> loss.withEndOfTextIndex(77).evaluate(TestMaps.uniform(4, 4, 77), TWO, false))
                .hasMessage("end_of_text_index: 77 (expected: 2 to 76, or 0)");
    }
}
