package dev.prenoise.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class TextColumnsTest {
    @Test
    void positions_oneChunk_leaveOutTheFirstAndTheLast() {
        assertThat(new TextColumns(77, 77, 0).positions())
                .hasSize(75)
                .startsWith(1)
                .endsWith(75);
        assertThat(new TextColumns(3, 77, 0).positions()).containsExactly(1);
    }

    @Test
    void positions_twoChunks_leaveOutEachStartAndTheVeryLast() {
        assertThat(new TextColumns(154, 77, 0).positions())
                .hasSize(151)
                .doesNotContain(0, 77, 153)
                .contains(76, 78, 152);
    }

    @Test
    void positions_lengthThatIsNoMultiple_isOneChunk() {
        assertThat(new TextColumns(100, 77, 0).positions()).hasSize(98).contains(77);
    }

    @Test
    void positions_endOfText_leavesItOutToo() {
        assertThat(new TextColumns(77, 77, 6).positions()).containsExactly(1, 2, 3, 4, 5);
    }

    @Test
    void require_indexOutsideTheText_namesItsField() {
        var text = new TextColumns(77, 77, 0);
        for (int index : new int[] {-1, 0, 76, 77, 1000}) {
            assertThatThrownBy(() -> text.require(List.of(TokenGroup.of(2), TokenGroup.of(3, index))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("subjects[1].token_indices[1]: " + index + " (expected: 1 to 75)");
        }
        assertThatCode(() -> text.require(List.of(TokenGroup.of(1), TokenGroup.of(75))))
                .doesNotThrowAnyException();
    }

    @Test
    void require_startOfALaterChunk_isNoWord() {
        assertThatThrownBy(() -> new TextColumns(154, 77, 0).require(List.of(TokenGroup.of(77))))
                .hasMessage("subjects[0].token_indices[0]: 77 (expected: 1 to 152, no multiple of 77)");
    }

    @Test
    void constructor_shortText_isAnError() {
        assertThatThrownBy(() -> new TextColumns(2, 77, 0)).hasMessage("tokens: 2 (expected: >= 3)");
    }

    @Test
    void softmax_twoChunks_sharesAmongAllTheirWords() {
        AttentionMaps maps = TestMaps.uniform(4, 4, 154);
        double loss = AttendAndExcite.of(LossForm.RANKING)
                .evaluate(maps, List.of(TokenGroup.of(80)), false)
                .loss();
        assertThat(loss).isCloseTo(1 - 1 / 151.0, Offset.offset(1e-6));
    }
}
