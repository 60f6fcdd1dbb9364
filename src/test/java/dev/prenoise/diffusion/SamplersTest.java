package dev.prenoise.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The samplers step by step against diffusers', on a network that is a formula. */
class SamplersTest {
    private static final Path GOLDEN = Path.of("test/resources/diffusion/trajectories.safetensors");
    private static final NoiseSchedule EPSILON = NoiseSchedule.stableDiffusion(Prediction.EPSILON);
    private static final NoiseSchedule V = NoiseSchedule.stableDiffusion(Prediction.V);

    private final Compute cpu = Compute.cpu();
    private final GradMode off = GradMode.off();
    private final Scope scope = new Scope();

    @AfterEach
    void free() {
        scope.close();
        off.close();
    }

    @ParameterizedTest
    @CsvSource({
        "ddim_eps_leading, EPSILON, ddim, leading",
        "ddim_eps_trailing, EPSILON, ddim, trailing",
        "ddim_v_leading, V, ddim, leading",
        "euler_eps_leading, EPSILON, euler, leading",
        "euler_eps_linspace, EPSILON, euler, linspace",
        "euler_v_trailing, V, euler, trailing",
        "euler_flow, FLOW, euler, linspace",
    })
    void sample_onAFormula_equalsDiffusers(String name, Prediction prediction, String sampler, String spacing) {
        NoiseSchedule schedule =
                prediction == Prediction.FLOW ? NoiseSchedule.flow(3) : NoiseSchedule.stableDiffusion(prediction);
        assertEqualsGolden(name, schedule, SamplingPlan.of(schedule, sampler, spacing, 10, List.of()));
    }

    @Test
    void sample_ofZeroTerminalSignal_equalsDiffusers() {
        NoiseSchedule schedule = NoiseSchedule.read(Path.of("test/resources/diffusion/v_zero_terminal.json"));
        SamplingPlan plan = SamplingPlan.of(schedule, "ddim", "", 10, List.of());
        assertThat(plan.firstSigma()).isBetween(4518.0, 4519.0);
        assertEqualsGolden("ddim_v_zero_terminal", schedule, plan);
    }

    /** From sigma 4518 down. */
    @ParameterizedTest
    @MethodSource("dev.prenoise.diffusion.Samplers#names")
    void sample_ofZeroTerminalSignalByEverySampler_endsInFiniteLatents(String sampler) {
        NoiseSchedule schedule = NoiseSchedule.read(Path.of("test/resources/diffusion/v_zero_terminal.json"));
        for (String spacing : SamplingPlan.scheduleNames(Prediction.V)) {
            SamplingPlan plan = SamplingPlan.of(schedule, sampler, spacing, 7, List.of());
            float[] latents = sample(plan, Denoisers.of(Prediction.V, SamplersTest::formula), noise(3), this::stepNoise)
                    .toFloats();
            for (float value : latents) {
                assertThat(value).as(sampler + " " + spacing).isFinite();
            }
        }
    }

    private void assertEqualsGolden(String name, NoiseSchedule schedule, SamplingPlan plan) {
        SafetensorsFile golden = SafetensorsFile.open(GOLDEN);
        List<float[]> predictions = new ArrayList<>();
        Tensor latents = Samplers.of(plan.sampler())
                .sample(
                        golden.load("noise", cpu, DType.FLOAT32),
                        plan,
                        Denoisers.of(schedule.prediction(), SamplersTest::formula),
                        StepNoise.NONE,
                        (step, steps, x0) -> predictions.add(x0.toFloats()));
        float[] x0 = golden.load(name + ".x0", cpu, DType.FLOAT32).toFloats();
        assertThat(predictions).hasSize(10);
        for (int step = 0; step < 10; step++) {
            int size = predictions.get(step).length;
            assertClose(
                    predictions.get(step),
                    Arrays.copyOfRange(x0, step * size, (step + 1) * size),
                    name + " x0 of step " + (step + 1));
        }
        assertClose(
                latents.toFloats(),
                golden.load(name + ".latents", cpu, DType.FLOAT32).toFloats(),
                name + " latents");
    }

    @ParameterizedTest
    @CsvSource({
        "ddim, leading",
        "ddim, karras",
        "euler, linspace",
        "euler, beta",
        "euler_ancestral, normal",
        "heun, karras",
        "dpmpp_2m, leading",
        "dpmpp_2m_sde, simple"
    })
    void sample_ofABatch_equalsEachAlone(String sampler, String schedule) {
        SamplingPlan plan = SamplingPlan.of(EPSILON, sampler, schedule, 6, List.of());
        Denoiser denoiser = Denoisers.of(Prediction.EPSILON, SamplersTest::formula);
        Tensor noise = noise(3);
        Tensor together = sample(plan, denoiser, noise, step -> stepNoise(step));
        for (int i = 0; i < 3; i++) {
            int element = i;
            Tensor alone = sample(plan, denoiser, noise.narrow(0, i, 1), step -> stepNoise(step)
                    .narrow(0, element, 1));
            assertClose(together.narrow(0, i, 1).toFloats(), alone.toFloats(), "element " + i);
        }
    }

    @ParameterizedTest
    @CsvSource({"EPSILON, normal", "EPSILON, leading", "V, karras", "FLOW, linspace"})
    void sample_whenTheNetworkKnowsThePicture_endsAtIt(Prediction prediction, String name) {
        NoiseSchedule schedule =
                prediction == Prediction.FLOW ? NoiseSchedule.flow(3) : NoiseSchedule.stableDiffusion(prediction);
        Tensor picture = noise(3).sin();
        Tensor noise = noise(3);
        Denoiser truth = new Denoiser() {
            @Override
            public Tensor x0(Tensor x, double sigma, double timestep) {
                return picture.mul(1);
            }

            @Override
            public double signal(double sigma) {
                return prediction.signal(sigma);
            }
        };
        for (String sampler : Samplers.names()) {
            SamplingPlan plan = SamplingPlan.of(schedule, sampler, name, 5, List.of());
            if (plan.lastSigma() == 0) {
                assertClose(
                        sample(plan, truth, noise, this::stepNoise).toFloats(),
                        picture.toFloats(),
                        sampler + " " + name);
            }
        }
    }

    @Test
    void x0_fromTheTruePrediction_isThePicture() {
        Tensor picture = noise(1).sin();
        Tensor noise = noise(1);
        double sigma = 1.7;
        double keep = 1 / Math.sqrt(1 + sigma * sigma);
        Tensor v = noise.mul(keep).sub(picture.mul(sigma * keep));
        Tensor noisy = picture.add(noise.mul(sigma));
        assertClose(
                Denoisers.of(Prediction.EPSILON, (x, t) -> noise)
                        .x0(noisy, sigma, 5)
                        .toFloats(),
                picture.toFloats(),
                "eps");
        assertClose(Denoisers.of(Prediction.V, (x, t) -> v).x0(noisy, sigma, 5).toFloats(), picture.toFloats(), "v");
        Tensor mixed = picture.mul(0.4).add(noise.mul(0.6));
        Tensor velocity = noise.sub(picture);
        assertClose(
                Denoisers.of(Prediction.FLOW, (x, t) -> velocity)
                        .x0(mixed, 0.6, 600)
                        .toFloats(),
                picture.toFloats(),
                "flow");
    }

    @Test
    void sample_firstInput_isTheNoiseTimesThePlansScale() {
        for (SamplingPlan plan : List.of(
                SamplingPlan.of(EPSILON, "ddim", "", 20, List.of()),
                SamplingPlan.of(EPSILON, "euler", "trailing", 20, List.of()),
                SamplingPlan.of(EPSILON, "euler", "ddim_uniform", 20, List.of()))) {
            List<Tensor> inputs = new ArrayList<>();
            Denoiser denoiser = Denoisers.of(Prediction.EPSILON, (input, timestep) -> {
                if (inputs.isEmpty()) {
                    assertThat(timestep).isEqualTo(plan.firstTimestep());
                    assertClose(
                            input.toFloats(),
                            noise(1).mul(plan.firstInputScale()).toFloats(),
                            plan.schedule());
                }
                inputs.add(input);
                return formula(input, timestep);
            });
            sample(plan, denoiser, noise(1), StepNoise.NONE);
            assertThat(inputs).hasSize(Samplers.of(plan.sampler()).calls(plan));
        }
    }

    @Test
    void guided_ofTwoPredictions_goesBeyondTheConditional() {
        Denoisers.Network batched = (input, timestep) -> {
            assertThat(input.shape()).containsExactly(4, 4, 2, 3);
            return Tensor.cat(
                    0, input.narrow(0, 0, 2).mul(2), input.narrow(0, 2, 2).mul(5));
        };
        Tensor input = noise(2);
        assertClose(
                Denoisers.guided(batched, 3).predict(input, 1).toFloats(),
                input.mul(11).toFloats(),
                "2 + 3 (5 - 2)");
        assertClose(
                Denoisers.guided(batched, 0).predict(input, 1).toFloats(),
                input.mul(2).toFloats(),
                "2");
    }

    @ParameterizedTest
    @ValueSource(strings = {"euler", "dpmpp_2m"})
    void sample_afterAStep_freesItsTensors(String sampler) {
        SamplingPlan plan = SamplingPlan.of(EPSILON, sampler, "karras", 4, List.of());
        List<Tensor> seen = new ArrayList<>();
        Denoiser denoiser = (x, sigma, timestep) -> {
            for (Tensor earlier : seen) {
                assertThatThrownBy(earlier::toFloats).isInstanceOf(IllegalStateException.class);
            }
            Tensor x0 = x.mul(0.5);
            seen.add(x);
            seen.add(x0);
            return x0;
        };
        assertThat(sample(plan, denoiser, noise(1), StepNoise.NONE).toFloats()).hasSize(24);
        assertThat(seen).hasSize(8);
    }

    /** 6.7: Heun's counts 2n - 1, one more where it ends above 0. */
    @ParameterizedTest
    @CsvSource({
        "ddim, 4, 4",
        "euler, 4, 4",
        "euler_ancestral, 4, 4",
        "heun, 7, 8",
        "dpmpp_2m, 4, 4",
        "dpmpp_2m_sde, 4, 4"
    })
    void calls_ofAPlan_areThoseMade(String sampler, int toZero, int aboveZero) {
        for (double last : new double[] {0, 0.3}) {
            SamplingPlan plan = SamplingPlan.of(EPSILON, sampler, "", 0, List.of(9.0, 5.0, 2.0, 0.7, last));
            int[] calls = {0};
            Denoiser denoiser = (x, sigma, timestep) -> {
                calls[0]++;
                assertThat(timestep).isEqualTo(EPSILON.timestep(sigma));
                return x.mul(0.5);
            };
            List<Integer> heard = new ArrayList<>();
            Samplers.of(sampler)
                    .sample(noise(3), plan, denoiser, this::stepNoise, (step, steps, x0) -> heard.add(step));
            assertThat(calls[0]).isEqualTo(last == 0 ? toZero : aboveZero);
            assertThat(Samplers.of(sampler).calls(plan)).isEqualTo(calls[0]);
            assertThat(heard).containsExactly(1, 2, 3, 4);
        }
    }

    @Test
    void sample_withoutStepNoise_asksForItWhereItIsNeeded() {
        SamplingPlan plan = SamplingPlan.of(EPSILON, "euler_ancestral", "karras", 2, List.of());
        assertThatThrownBy(() -> sample(plan, (x, sigma, timestep) -> x.mul(0.5), noise(1), StepNoise.NONE))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith("step noise: asked for at step 0");
    }

    @Test
    void sample_byAnySampler_leavesTheNoiseAsItWas() {
        for (String name : Samplers.names()) {
            Tensor noise = noise(3);
            float[] before = noise.toFloats();
            sample(
                    SamplingPlan.of(V, name, "normal", 3, List.of()),
                    Denoisers.of(Prediction.V, SamplersTest::formula),
                    noise,
                    this::stepNoise);
            assertThat(noise.toFloats()).isEqualTo(before);
        }
    }

    @Test
    void of_unknownName_listsThoseThereAre() {
        assertThatThrownBy(() -> Samplers.of("foo"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "sampler: \"foo\" (expected: one of ddim, euler, euler_ancestral, heun, dpmpp_2m, dpmpp_2m_sde)");
    }

    private static Tensor sample(SamplingPlan plan, Denoiser denoiser, Tensor noise, StepNoise stepNoise) {
        return Samplers.of(plan.sampler()).sample(noise, plan, denoiser, stepNoise, StepListener.NONE);
    }

    private Tensor stepNoise(int step) {
        return noise(3).mul(3.0 + step).cos();
    }

    /** The network of make_goldens.py. */
    static Tensor formula(Tensor x, double timestep) {
        return x.mul(0.7).add(0.01 * timestep).sin().add(x.mul(0.3));
    }

    private Tensor noise(int batch) {
        float[] values = new float[batch * 24];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) Math.sin(i * i + 1.0) * 1.5f;
        }
        return Tensor.of(cpu, values, batch, 4, 2, 3);
    }

    static void assertClose(float[] actual, float[] expected, String what) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        double worst = 0;
        double largest = 1;
        for (int i = 0; i < actual.length; i++) {
            worst = Math.max(worst, Math.abs(actual[i] - expected[i]));
            largest = Math.max(largest, Math.abs(expected[i]));
        }
        assertThat(worst / largest).as(what).isLessThan(2e-6);
    }
}
