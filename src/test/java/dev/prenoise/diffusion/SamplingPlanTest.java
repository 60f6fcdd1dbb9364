package dev.prenoise.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SamplingPlanTest {
    private static final NoiseSchedule SD = NoiseSchedule.stableDiffusion(Prediction.EPSILON);
    private static final NoiseSchedule FLOW = NoiseSchedule.flow(3);

    /** ALGORITHMS.md 8.2. */
    @ParameterizedTest
    @CsvSource({
        "ddim, '', 20, 951, 11.0283, 1",
        "ddim, '', 30, 958, 11.4769, 1",
        "ddim, '', 50, 981, 13.1204, 1",
        "euler, '', 50, 981, 13.1204, 1",
        "euler, leading, 50, 981, 13.1204, 1",
        "euler, linspace, 20, 999, 14.6146, 0.997667",
        "euler, trailing, 30, 999, 14.6146, 0.997667",
        "euler, normal, 20, 999, 14.6146, 1",
        "ddim, beta, 50, 999, 14.6146, 1",
        "euler, ddim_uniform, 20, 951, 11.0283, 0.995914",
        "euler, ddim_uniform, 30, 991, 13.9259, 0.997432",
        "heun, leading, 50, 981, 13.1204, 1",
        "euler_ancestral, linspace, 20, 999, 14.6146, 0.997667",
        "dpmpp_2m, leading, 20, 941, 10.4250, 1",
        "dpmpp_2m_sde, linspace, 20, 999, 14.6146, 1",
        "dpmpp_2m, karras, 20, 999, 14.6146, 1",
    })
    void of_hostAndSteps_startsAsTheHostDoes(
            String sampler, String schedule, int steps, double timestep, double sigma, double scale) {
        SamplingPlan plan = SamplingPlan.of(SD, sampler, schedule, steps, List.of());
        assertThat(plan.firstTimestep()).isEqualTo(timestep);
        assertThat(plan.firstSigma()).isCloseTo(sigma, within(1e-4));
        assertThat(plan.firstInputScale()).isCloseTo(scale, within(1e-6));
    }

    @Test
    void of_flow_startsFromTheNoiseItself() {
        SamplingPlan plan = SamplingPlan.of(FLOW, "euler", "", 28, List.of());
        assertThat(plan.schedule()).isEqualTo("linspace");
        assertThat(plan.firstSigma()).isEqualTo(1);
        assertThat(plan.firstTimestep()).isEqualTo(1000);
        assertThat(plan.firstInputScale()).isEqualTo(1);
    }

    /** ComfyUI's offset_first_sigma_for_snr. */
    @Test
    void of_flowForASamplerThatNeedsSignal_startsBelowOneFromTheSameLatents() {
        for (String schedule : List.of("linspace", "normal", "kl_optimal")) {
            SamplingPlan plan = SamplingPlan.of(FLOW, "dpmpp_2m_sde", schedule, 10, List.of());
            assertThat(plan.firstSigma()).isCloseTo(3 * 0.9999 / (1 + 2 * 0.9999), within(1e-12));
            assertThat(plan.firstTimestep()).isCloseTo(1000 * plan.firstSigma(), within(1e-9));
            assertThat(plan.firstInputScale()).isCloseTo(1, within(1e-12));
            assertThat(plan.sigmas().subList(1, 11))
                    .isEqualTo(SamplingPlan.of(FLOW, "dpmpp_2m", schedule, 10, List.of())
                            .sigmas()
                            .subList(1, 11));
        }
        assertThat(SamplingPlan.of(FLOW, "dpmpp_2m_sde", "", 0, List.of(1.0, 0.99999, 0.0))
                        .firstSigma())
                .isBetween(0.99999, 0.999996);
        assertThat(SamplingPlan.of(FLOW, "dpmpp_2m_sde", "", 0, List.of(0.9, 0.5, 0.0))
                        .firstSigma())
                .isEqualTo(0.9);
    }

    @Test
    void of_ddim_endsAtTheLowestTrainedSigma_eulerAtZero() {
        assertThat(SamplingPlan.of(SD, "ddim", "", 20, List.of()).lastSigma()).isEqualTo(SD.sigmaMin());
        assertThat(SamplingPlan.of(SD, "euler", "", 20, List.of()).lastSigma()).isZero();
        assertThat(SamplingPlan.of(SD, "ddim", "normal", 20, List.of()).lastSigma())
                .isZero();
    }

    @Test
    void of_hostSigmas_takesThemAsTheyAre() {
        SamplingPlan plan = SamplingPlan.of(SD, "euler", "not read", -1, List.of(14.614642, 3.0, 0.5));
        assertThat(plan.schedule()).isEqualTo("host");
        assertThat(plan.sigmas()).containsExactly(14.614642, 3.0, 0.5);
        assertThat(plan.timesteps()).containsExactly(999.0, SD.timestep(3));
        assertThat(plan.lastTimestep()).isEqualTo(SD.timestep(0.5));
        assertThat(plan.firstInputScale()).isEqualTo(1);
        assertThat(plan.steps()).isEqualTo(2);
        assertThat(SamplingPlan.of(SD, "euler", "", 1, List.of(7.0, 0.0)).firstInputScale())
                .isCloseTo(7 / Math.sqrt(50), within(1e-12));
        assertThat(SamplingPlan.of(SD, "euler", "", 1, List.of(80.0, 0.0)).firstInputScale())
                .isEqualTo(1);
        assertThat(SamplingPlan.of(FLOW, "euler", "", 1, List.of(0.6, 0.0)).firstInputScale())
                .isEqualTo(0.6);
    }

    @Test
    void withNoiseTimesSigma_ofAnyPlan_isTheScaleOfA1111() {
        SamplingPlan plan = SamplingPlan.of(SD, "euler", "karras", 20, List.of());
        assertThat(plan.withNoiseTimesSigma(Prediction.EPSILON).firstInputScale())
                .isCloseTo(0.99767, within(5e-6));
        assertThat(plan.withNoiseTimesSigma(Prediction.EPSILON).sigmas()).isEqualTo(plan.sigmas());
        assertThat(SamplingPlan.of(FLOW, "euler", "", 4, List.of())
                        .withNoiseTimesSigma(Prediction.FLOW)
                        .firstInputScale())
                .isEqualTo(1);
    }

    @Test
    void of_unknownSchedule_listsThoseThereAre() {
        assertThatThrownBy(() -> SamplingPlan.of(SD, "euler", "foo", 20, List.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "schedule: \"foo\" (expected: one of leading, trailing, linspace, normal, karras, exponential, simple,"
                                + " sgm_uniform, ddim_uniform, beta, kl_optimal, linear_quadratic)");
        assertThatThrownBy(() -> SamplingPlan.of(FLOW, "euler", "leading", 20, List.of()))
                .hasMessageStartingWith("schedule: \"leading\" (expected: one of linspace, normal,");
        assertThatThrownBy(() -> SamplingPlan.of(SD, "foo", "", 20, List.of()))
                .hasMessageStartingWith("sampler: \"foo\" (expected: one of ");
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, 1001, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void of_stepsOutOfRange_namesThem(int steps) {
        assertThatThrownBy(() -> SamplingPlan.of(SD, "ddim", "", steps, List.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("steps: " + steps + " (expected: 1 to 1000)");
    }

    @Test
    void of_stepsBeyondTheTable_namesThem() {
        assertThatThrownBy(() -> SamplingPlan.of(SD, "ddim", "", 1000, List.of()))
                .hasMessage("steps: 1000 (expected: 1 to 999 for schedule \"leading\" of this model)");
        assertThatThrownBy(() -> SamplingPlan.of(SD, "dpmpp_2m", "leading", 1000, List.of()))
                .hasMessage("steps: 1000 (expected: 1 to 998 for schedule \"leading\" of this model)");
        assertThatThrownBy(() -> SamplingPlan.of(SD, "dpmpp_2m", "linspace", 1000, List.of()))
                .hasMessage("steps: 1000 (expected: 1 to 999 for schedule \"linspace\" of this model)");
        assertThat(SamplingPlan.of(SD, "ddim", "", 999, List.of()).firstTimestep())
                .isEqualTo(999);
        assertThat(SamplingPlan.of(SD, "ddim", "normal", 1000, List.of()).steps())
                .isEqualTo(1000);
    }

    @Test
    void of_badSigmas_namesTheFirstBadOne() {
        assertSigmas(List.of(1.0), "sigmas: 1 values (expected: 2 to 1001)");
        assertSigmas(Collections.nCopies(1002, 1.0), "sigmas: 1002 values (expected: 2 to 1001)");
        assertSigmas(List.of(3.0, 3.0), "sigmas[1]: 3.0 (expected: 0 or more, below the one before, 3.0)");
        assertSigmas(List.of(3.0, 2.0, 2.5), "sigmas[2]: 2.5 (expected: 0 or more, below the one before, 2.0)");
        assertSigmas(List.of(3.0, -1.0), "sigmas[1]: -1.0 (expected: 0 or more, below the one before, 3.0)");
        assertSigmas(List.of(3.0, Double.NaN), "sigmas[1]: NaN (expected: 0 or more, below the one before, 3.0)");
        assertSigmas(List.of(0.0, 0.0), "sigmas[0]: 0.0 (expected: above 0, up to 1000000.0)");
        assertSigmas(List.of(Double.NaN, 0.0), "sigmas[0]: NaN (expected: above 0, up to 1000000.0)");
        assertSigmas(
                List.of(Double.POSITIVE_INFINITY, 0.0), "sigmas[0]: Infinity (expected: above 0, up to 1000000.0)");
        assertThatThrownBy(() -> SamplingPlan.of(FLOW, "euler", "", 1, List.of(14.6, 0.0)))
                .hasMessage("sigmas[0]: 14.6 (expected: above 0, up to 1.0)");
    }

    private static void assertSigmas(List<Double> sigmas, String message) {
        assertThatThrownBy(() -> SamplingPlan.of(SD, "euler", "", 20, sigmas))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(message);
    }

    @Test
    void constructor_ofUnequalLists_throws() {
        assertThatThrownBy(() -> new SamplingPlan("euler", "host", List.of(2.0, 1.0), List.of(5.0, 4.0), 0, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("timesteps: 2 values for 2 sigmas");
    }
}
