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
import org.junit.jupiter.params.provider.MethodSource;

/** In float64, on a network that is a formula. */
class TrajectoryTest {
    private static final int STEPS = 5;

    private final Compute cpu = Compute.cpu();
    private final GradMode off = GradMode.off();
    private final Scope scope = new Scope();

    @AfterEach
    void free() {
        scope.close();
        off.close();
    }

    @ParameterizedTest
    @MethodSource("dev.prenoise.diffusion.Samplers#names")
    void gradient_byEverySampler_isTheDifferenceQuotient(String sampler) {
        for (Prediction prediction : Prediction.values()) {
            SamplingPlan plan = plan(sampler, prediction);
            double[] noise = values(24, 1);
            double[] direction = values(24, 2);
            double[] weights = values(24, 3);
            double[] gradient = gradient(plan, prediction, noise, weights, 0);
            double step = 1e-5;
            double up = dot(latents(plan, prediction, moved(noise, direction, step)), weights);
            double down = dot(latents(plan, prediction, moved(noise, direction, -step)), weights);
            double slope = dot(gradient, direction);
            assertThat(slope)
                    .as(sampler + " " + prediction)
                    .isCloseTo((up - down) / (2 * step), within(1e-6 * Math.max(1, Math.abs(slope))));
            assertThat(Math.abs(slope)).isGreaterThan(1e-3);
        }
    }

    @Test
    void gradient_throughNoDenoiserButTheLast_scalesWithSigma() {
        SamplingPlan plan = plan("euler", Prediction.EPSILON);
        double[] weights = values(24, 3);
        double[] last = gradient(plan, Prediction.EPSILON, values(24, 1), weights, 1);
        // the last step's own, at the latents where it begins, which are the noise times sigma if what was answered
        // before is constant
        double sigma = plan.sigmas().get(STEPS - 1);
        double[] x = at(plan, values(24, 1));
        double start = plan.firstInputScale() / Prediction.EPSILON.inputScale(plan.firstSigma());
        Denoiser denoiser = denoiser(Prediction.EPSILON);
        double step = 1e-5;
        for (int i = 0; i < 24; i += 7) {
            double[] unit = new double[24];
            unit[i] = 1;
            double timestep = plan.timesteps().get(STEPS - 1);
            double up = dot(
                    denoiser.x0(tensor(moved(x, unit, step)), sigma, timestep).toDoubles(), weights);
            double down = dot(
                    denoiser.x0(tensor(moved(x, unit, -step)), sigma, timestep).toDoubles(), weights);
            assertThat(last[i]).isCloseTo((up - down) / (2 * step) * start * sigma / plan.firstSigma(), within(1e-7));
        }
    }

    @ParameterizedTest
    @CsvSource({"euler, 0, 5", "euler, 2, 2", "euler, 9, 5", "heun, 0, 9", "heun, 1, 1", "heun, 2, 3"})
    void callsBack_ofTheLastSteps_areThoseComputedAgain(String sampler, int lastSteps, int expected) {
        SamplingPlan plan = plan(sampler, Prediction.EPSILON);
        assertThat(Trajectory.callsBack(Samplers.of(sampler), plan, lastSteps, Prediction.EPSILON))
                .isEqualTo(expected);
        int[] calls = {0};
        Denoiser counting = Denoisers.of(Prediction.EPSILON, (input, timestep) -> {
            calls[0]++;
            return SamplersTest.formula(input, timestep);
        });
        try (Trajectory run = Trajectory.sample(
                Samplers.of(sampler), tensor(values(24, 1)), plan, counting, StepNoise.NONE, StepListener.NONE)) {
            int forward = calls[0];
            run.gradient(tensor(values(24, 3)), counting, lastSteps);
            assertThat(calls[0] - forward).isEqualTo(expected);
        }
    }

    private double[] gradient(
            SamplingPlan plan, Prediction prediction, double[] noise, double[] ofLatents, int lastSteps) {
        try (Trajectory run = Trajectory.sample(
                Samplers.of(plan.sampler()),
                tensor(noise),
                plan,
                denoiser(prediction),
                this::stepNoise,
                StepListener.NONE)) {
            return run.gradient(tensor(ofLatents), denoiser(prediction), lastSteps)
                    .toDoubles();
        }
    }

    private double[] latents(SamplingPlan plan, Prediction prediction, double[] noise) {
        return Samplers.of(plan.sampler())
                .sample(tensor(noise), plan, denoiser(prediction), this::stepNoise, StepListener.NONE)
                .toDoubles();
    }

    /** x at the last step's sigma. */
    private double[] at(SamplingPlan plan, double[] noise) {
        ProbabilityFlow flow = new ProbabilityFlow(plan, denoiser(Prediction.EPSILON));
        Tensor x = flow.start(tensor(noise));
        for (int i = 0; i < STEPS - 1; i++) {
            x = flow.down(x, i);
        }
        return x.toDoubles();
    }

    private static SamplingPlan plan(String sampler, Prediction prediction) {
        NoiseSchedule schedule =
                prediction == Prediction.FLOW ? NoiseSchedule.flow(3) : NoiseSchedule.stableDiffusion(prediction);
        return SamplingPlan.of(schedule, sampler, "simple", STEPS, List.of());
    }

    private static Denoiser denoiser(Prediction prediction) {
        return Denoisers.of(prediction, SamplersTest::formula);
    }

    private Tensor stepNoise(int step) {
        return tensor(values(24, 10 + step));
    }

    private Tensor tensor(double[] values) {
        return Tensor.of(cpu, values, 1, 4, 2, 3);
    }

    private static double[] values(int count, int phase) {
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = 1.5 * Math.sin(i * i + phase);
        }
        return values;
    }

    private static double[] moved(double[] from, double[] direction, double step) {
        double[] moved = from.clone();
        for (int i = 0; i < moved.length; i++) {
            moved[i] += step * direction[i];
        }
        return moved;
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
