package dev.prenoise.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class AttentionLossesTest {
    private static final List<TokenGroup> SUBJECTS = List.of(TokenGroup.of(1, 2), TokenGroup.of(4));

    @Test
    void of_everyNameAndForm_isThatLoss() {
        assertThat(AttentionLosses.names()).containsExactly("initno", "conform", "self-cross", "attend-and-excite");
        AttentionMaps maps = TestMaps.blobs(1, 4, 6, 12, 8, 2, 4);
        var crossOnly = new AttentionMaps(4, 6, 12, maps.cross(), null);
        for (String name : AttentionLosses.names()) {
            for (LossForm form : LossForm.values()) {
                AttentionLoss loss = AttentionLosses.of(name, form);
                assertThat(loss.name()).isEqualTo(name);
                AttentionMaps read = loss.readsSelfAttention() ? maps : crossOnly;
                assertThat(loss.evaluate(read, SUBJECTS, true).loss()).isPositive();
            }
        }
    }

    @Test
    void evaluate_anyLoss_leavesTheMapsAlone() {
        for (String name : AttentionLosses.names()) {
            AttentionMaps maps = TestMaps.blobs(2, 5, 5, 12, 8, 2, 4);
            AttentionMaps untouched = TestMaps.blobs(2, 5, 5, 12, 8, 2, 4);
            AttentionLosses.of(name, LossForm.PUBLISHED).evaluate(maps, SUBJECTS, true);
            assertThat(maps.cross()).isEqualTo(untouched.cross());
            assertThat(maps.self()).isEqualTo(untouched.self());
        }
    }

    @Test
    void optimization_namedLoss_isTheJointWithThresholdTerms() {
        AttentionMaps maps = TestMaps.blobs(3, 16, 16, 77, 12, 2, 4);
        for (String name : List.of("initno", "self-cross")) {
            LossValue value =
                    AttentionLosses.optimization(name, LossForm.PUBLISHED).evaluate(maps, SUBJECTS, true);
            assertThat(value.terms()).containsKeys("cross", "self");
            assertThat(value.loss()).isEqualTo(value.terms().get("joint"));
        }
    }

    @Test
    void of_unknownName_listsTheNames() {
        assertThatThrownBy(() -> AttentionLosses.of("init-no", LossForm.RANKING))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("loss: init-no (expected: initno, conform, self-cross, attend-and-excite)");
        assertThatThrownBy(() -> AttentionLosses.optimization("conform", LossForm.RANKING))
                .hasMessage("loss: conform (expected: initno, self-cross)");
    }
}
