package dev.prenoise.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class TrainingPlanTest {
    private static final TrainingPlan PLAN = new TrainingPlan(200, 10, 100, 1, 0.1, 0, 1, 0.9, 1);

    @Test
    void rateAt_risesToTheHighest_staysThere_thenFallsAlongACosine() {
        assertThat(PLAN.rateAt(0)).isEqualTo(0.1, within(1e-12));
        assertThat(PLAN.rateAt(9)).isEqualTo(1, within(1e-12));
        assertThat(PLAN.rateAt(99)).isEqualTo(1, within(1e-12));
        assertThat(PLAN.rateAt(149)).as("half-way down").isEqualTo(0.55, within(1e-12));
        assertThat(PLAN.rateAt(199)).as("the last step").isEqualTo(0.1, within(1e-12));
    }

    @Test
    void plan_thatDecaysBeforeItHasWarmedUp_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new TrainingPlan(10, 6, 5, 1, 0, 0, 1, 0.9, 1))
                .withMessage("decay: 5 (expected: 0 to 4)");
    }
}
