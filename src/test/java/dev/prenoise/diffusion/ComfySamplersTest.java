package dev.prenoise.diffusion;

import static org.assertj.core.api.Assertions.assertThat;

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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The samplers call by call against ComfyUI's, on a network that is a formula, with the same noise put in at each step. */
class ComfySamplersTest {
    private static final Path GOLDEN = Path.of("test/resources/diffusion/comfy_samplers.safetensors");
    private static final List<Double> SIGMAS = List.of(14.614642, 7.5, 3.1, 1.2, 0.4, 0.1, 0.0);
    private static final List<Double> FLOW_SIGMAS = List.of(1.0, 0.9, 0.72, 0.5, 0.3, 0.12, 0.0);

    private final SafetensorsFile golden = SafetensorsFile.open(GOLDEN);
    private final Compute cpu = Compute.cpu();
    private final GradMode off = GradMode.off();
    private final Scope scope = new Scope();

    @AfterEach
    void free() {
        scope.close();
        off.close();
    }

    @ParameterizedTest
    @CsvSource({"euler", "euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_sde"})
    void sample_ofEveryKindOfModel_equalsComfy(String sampler) {
        assertEqualsComfy(sampler + ".eps", Prediction.EPSILON, SIGMAS);
        assertEqualsComfy(sampler + ".v", Prediction.V, SIGMAS);
        assertEqualsComfy(sampler + ".flow", Prediction.FLOW, FLOW_SIGMAS);
    }

    @ParameterizedTest
    @CsvSource({"euler", "euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_sde"})
    void sample_toASigmaAboveZero_equalsComfy(String sampler) {
        assertEqualsComfy(sampler + ".eps_above_zero", Prediction.EPSILON, SIGMAS.subList(0, 6));
        assertEqualsComfy(sampler + ".flow_above_zero", Prediction.FLOW, FLOW_SIGMAS.subList(0, 6));
    }

    private void assertEqualsComfy(String name, Prediction prediction, List<Double> sigmas) {
        NoiseSchedule schedule =
                prediction == Prediction.FLOW ? NoiseSchedule.flow(3) : NoiseSchedule.stableDiffusion(prediction);
        Sampler sampler = Samplers.of(name.substring(0, name.indexOf('.')));
        SamplingPlan plan = SamplingPlan.of(schedule, sampler.name(), "", 0, sigmas);
        List<float[]> inputs = new ArrayList<>();
        Denoiser network = Denoisers.of(prediction, (input, timestep) -> {
            inputs.add(input.toFloats());
            return SamplersTest.formula(input, timestep);
        });
        Tensor stepNoise = load("step_noise");
        Tensor latents = sampler.sample(
                load("noise"),
                plan,
                network,
                step -> stepNoise.narrow(0, step, 1).reshape(2, 4, 2, 3),
                StepListener.NONE);
        assertThat(inputs).as(name).hasSize(sampler.calls(plan));
        float[] expected = load(name + ".inputs").toFloats();
        assertThat(expected).hasSize(inputs.size() * 48);
        for (int i = 0; i < inputs.size(); i++) {
            SamplersTest.assertClose(
                    inputs.get(i), Arrays.copyOfRange(expected, i * 48, (i + 1) * 48), name + " call " + (i + 1));
        }
        SamplersTest.assertClose(latents.toFloats(), load(name + ".latents").toFloats(), name + " latents");
    }

    private Tensor load(String name) {
        return golden.load(name, cpu, DType.FLOAT32);
    }
}
