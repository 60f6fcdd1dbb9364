package dev.prenoise.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class NoiseScheduleTest {
    @Test
    void sigma_ofStableDiffusion_isThePublishedTable() {
        NoiseSchedule schedule = NoiseSchedule.stableDiffusion(Prediction.EPSILON);
        assertThat(schedule.sigma(0)).isCloseTo(0.0291672, within(1e-7));
        assertThat(schedule.sigma(999)).isCloseTo(14.6146412, within(1e-6));
        assertThat(schedule.sigma(981)).isCloseTo(13.1204, within(1e-4));
        assertThat(Math.sqrt(schedule.alphaBar(951))).isCloseTo(0.090305, within(1e-6));
    }

    @Test
    void plan_ofDdim_startsWhereDiffusersDoes() {
        NoiseSchedule schedule = NoiseSchedule.stableDiffusion(Prediction.EPSILON);
        assertThat(SamplingPlan.of(schedule, "ddim", "", 20, List.of()).firstTimestep())
                .isEqualTo(951);
        assertThat(SamplingPlan.of(schedule, "ddim", "", 30, List.of()).firstTimestep())
                .isEqualTo(958);
        assertThat(SamplingPlan.of(schedule, "ddim", "", 50, List.of()).firstTimestep())
                .isEqualTo(981);
    }
}
