package dev.prenoise.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class ProbabilityFlowTest {
    private final Compute cpu = Compute.cpu();
    private final GradMode off = GradMode.off();
    private final Scope scope = new Scope();

    @AfterEach
    void free() {
        scope.close();
        off.close();
    }

    @ParameterizedTest
    @CsvSource({"EPSILON, euler, normal", "EPSILON, ddim, leading", "V, ddim, trailing", "FLOW, euler, linspace"})
    void down_toTheLastLevel_isTheSamplersWay(Prediction prediction, String sampler, String spacing) {
        NoiseSchedule schedule = schedule(prediction);
        SamplingPlan plan = SamplingPlan.of(schedule, sampler, spacing, 6, List.of());
        Denoiser denoiser = Denoisers.of(prediction, SamplersTest::formula);
        ProbabilityFlow flow = new ProbabilityFlow(plan, denoiser);
        Tensor x = flow.start(values(1));
        for (int level = 0; level < 6; level++) {
            x = flow.down(x, level);
        }
        SamplersTest.assertClose(
                flow.end(x).toFloats(),
                Samplers.of(sampler)
                        .sample(values(1), plan, denoiser, StepNoise.NONE, StepListener.NONE)
                        .toFloats(),
                sampler);
    }

    @ParameterizedTest
    @EnumSource
    void back_withCallsEnough_isWhereTheWalkBegan(Prediction prediction) {
        SamplingPlan plan = SamplingPlan.of(schedule(prediction), "euler", "simple", 12, List.of());
        ProbabilityFlow flow = new ProbabilityFlow(plan, Denoisers.of(prediction, (input, timestep) -> input.mul(0.3)
                .sin()));
        Tensor x = flow.start(values(1));
        for (int level = 0; level < 11; level++) {
            x = flow.down(x, level);
        }
        float[] noise = flow.noise(flow.back(x, 11, 25)).toFloats();
        float[] rough = flow.noise(flow.back(x, 11, 1)).toFloats();
        float[] expected = values(1).toFloats();
        double error = 0;
        double roughError = 0;
        for (int i = 0; i < noise.length; i++) {
            error = Math.max(error, Math.abs(noise[i] - expected[i]));
            roughError = Math.max(roughError, Math.abs(rough[i] - expected[i]));
        }
        assertThat(error).isLessThan(1e-4);
        assertThat(roughError).isGreaterThan(error);
    }

    /** Of x = a x0 + sigma e, the share of x0 and the variance of the noise are those of the level that is gone to. */
    @ParameterizedTest
    @EnumSource
    void addNoise_toAHigherLevel_hasItsShares(Prediction prediction) {
        SamplingPlan plan = SamplingPlan.of(schedule(prediction), "euler", "simple", 12, List.of());
        Denoiser denoiser = Denoisers.of(prediction, SamplersTest::formula);
        ProbabilityFlow flow = new ProbabilityFlow(plan, denoiser);
        for (int to : new int[] {0, 3, 8}) {
            double low = plan.sigmas().get(8);
            double high = plan.sigmas().get(to);
            Tensor picture = Tensor.of(cpu, new double[] {denoiser.signal(low), 0}, 1, 2, 1, 1);
            double[] clean = flow.addNoise(picture, 8, to, Tensor.of(cpu, new double[2], 1, 2, 1, 1))
                    .toDoubles();
            double[] noisy = flow.addNoise(
                            Tensor.of(cpu, new double[] {low, 0}, 1, 2, 1, 1),
                            8,
                            to,
                            Tensor.of(cpu, new double[] {0, 1}, 1, 2, 1, 1))
                    .toDoubles();
            assertThat(clean[0]).isCloseTo(denoiser.signal(high), within(1e-9));
            assertThat(noisy[0] * noisy[0] + noisy[1] * noisy[1]).isCloseTo(high * high, within(1e-9 * high * high));
        }
    }

    @Test
    void noise_afterStart_isTheNoise() {
        SamplingPlan plan = SamplingPlan.of(schedule(Prediction.EPSILON), "euler", "ddim_uniform", 20, List.of());
        ProbabilityFlow flow = new ProbabilityFlow(plan, Denoisers.of(Prediction.EPSILON, SamplersTest::formula));
        SamplersTest.assertClose(
                flow.noise(flow.start(values(1))).toFloats(), values(1).toFloats(), "noise");
    }

    /** ALGORITHMS 6.3: sigma 0.124 is 0.11, sigma 8.09 is 0.89. */
    @Test
    void flowTime_ofASigma_isTheShareOfNoise() {
        assertThat(Prediction.EPSILON.flowTime(0.124)).isCloseTo(0.11, within(1e-3));
        assertThat(Prediction.V.flowTime(8.09)).isCloseTo(0.89, within(1e-3));
        assertThat(Prediction.FLOW.flowTime(0.3)).isEqualTo(0.3);
    }

    private static NoiseSchedule schedule(Prediction prediction) {
        return prediction == Prediction.FLOW ? NoiseSchedule.flow(3) : NoiseSchedule.stableDiffusion(prediction);
    }

    private Tensor values(int phase) {
        float[] values = new float[24];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (1.5 * Math.sin(i * i + phase));
        }
        return Tensor.of(cpu, values, 1, 4, 2, 3);
    }
}
