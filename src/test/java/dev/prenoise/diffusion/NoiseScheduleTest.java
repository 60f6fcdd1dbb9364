package dev.prenoise.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NoiseScheduleTest {
    private static final NoiseSchedule SD = NoiseSchedule.stableDiffusion(Prediction.EPSILON);

    @TempDir
    Path folder;

    /** ALGORITHMS.md 8.2. */
    @ParameterizedTest
    @CsvSource({"0, 0.0291672", "999, 14.6146412", "981, 13.1204", "958, 11.4769", "951, 11.0283"})
    void sigma_ofStableDiffusion_isThePublished(int timestep, double sigma) {
        assertThat(SD.sigma(timestep)).isCloseTo(sigma, within(sigma * 5e-6));
    }

    @ParameterizedTest
    @CsvSource({"999, 0.068265", "981, 0.075997", "951, 0.090305"})
    void alphaBar_ofStableDiffusion_isThePublished(int timestep, double root) {
        assertThat(Math.sqrt(SD.alphaBar(timestep))).isCloseTo(root, within(1e-6));
    }

    @Test
    void timestep_ofEverySigma_isItsOwn() {
        for (int t = 0; t < 1000; t++) {
            assertThat(SD.timestep(SD.sigma(t))).isEqualTo(t);
            assertThat(SD.timestep(SD.sigma(t) * 1.0001)).isEqualTo(t);
        }
        assertThat(SD.timestep(1000)).isEqualTo(999);
        assertThat(SD.timestep(0.001)).isZero();
    }

    @Test
    void sigma_betweenTimesteps_isGeometric() {
        assertThat(SD.sigma(500.5)).isCloseTo(Math.sqrt(SD.sigma(500) * SD.sigma(501)), within(1e-12));
        assertThat(SD.sigma(-3)).isEqualTo(SD.sigmaMin());
        assertThat(SD.sigma(2000)).isEqualTo(SD.sigmaMax());
    }

    @Test
    void flow_withShift_isThePublished() {
        NoiseSchedule flow = NoiseSchedule.flow(3);
        assertThat(flow.sigmaMax()).isEqualTo(1);
        assertThat(flow.sigmaMin()).isCloseTo(0.003 / 1.002, within(1e-12));
        assertThat(flow.timestep(0.25)).isEqualTo(250);
        assertThat(flow.sigma(250)).isEqualTo(0.25);
        assertThat(flow.alphaBar(500)).isEqualTo(0.5);
    }

    @Test
    void read_theBuiltInModels_isStableDiffusionsWithItsSpacing() {
        NoiseSchedule read =
                NoiseSchedule.read(Path.of("main/resources/dev/prenoise/shapes/model/scheduler/scheduler_config.json"));
        assertThat(read.prediction()).isEqualTo(Prediction.EPSILON);
        assertThat(read.timesteps()).isEqualTo(1000);
        assertThat(SamplingPlan.of(read, "ddim", "", 20, List.of()))
                .isEqualTo(SamplingPlan.of(SD, "ddim", "", 20, List.of()));
    }

    @Test
    void read_ofNothing_isDiffusersDefaults() throws IOException {
        NoiseSchedule read = NoiseSchedule.read(write("{}"));
        assertThat(read.alphaBar(0)).isCloseTo(0.9999, within(1e-12));
        assertThat(read.alphaBar(999)).isCloseTo(4.0358e-5, within(1e-8));
        assertThat(SamplingPlan.of(read, "ddim", "", 20, List.of()).schedule()).isEqualTo("leading");
        assertThat(SamplingPlan.of(read, "ddim", "", 20, List.of()).lastSigma()).isZero();
        assertThat(SamplingPlan.of(read, "euler", "", 20, List.of()).schedule()).isEqualTo("linspace");
    }

    @Test
    void read_squaredCosine_isThePaper() throws IOException {
        NoiseSchedule read = NoiseSchedule.read(write("{\"beta_schedule\": \"squaredcos_cap_v2\"}"));
        double expected = Math.pow(Math.cos(0.508 / 1.008 * Math.PI / 2) / Math.cos(0.008 / 1.008 * Math.PI / 2), 2);
        assertThat(read.alphaBar(499)).isCloseTo(expected, within(1e-9));
    }

    @Test
    void read_zeroTerminal_keepsTheFirstAndPutsTheLastAtComfysNumber() {
        NoiseSchedule read = NoiseSchedule.read(Path.of("test/resources/diffusion/v_zero_terminal.json"));
        assertThat(read.prediction()).isEqualTo(Prediction.V);
        assertThat(read.alphaBar(999)).isCloseTo(4.8973451890853435e-8, within(1e-20));
        assertThat(read.sigmaMin()).isCloseTo(SD.sigmaMin(), within(1e-12));
        assertThat(read.sigmaMax()).isCloseTo(4518, within(1.0));
    }

    @Test
    void read_flowMatching_takesTheShift() throws IOException {
        NoiseSchedule read =
                NoiseSchedule.read(write("{\"_class_name\": \"FlowMatchEulerDiscreteScheduler\", \"shift\": 3.0}"));
        assertThat(read.prediction()).isEqualTo(Prediction.FLOW);
        assertThat(SamplingPlan.of(read, "euler", "", 10, List.of()))
                .isEqualTo(SamplingPlan.of(NoiseSchedule.flow(3), "euler", "", 10, List.of()));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "{\"beta_schedule\": \"foo\"} | beta_schedule: \"foo\" (expected: scaled_linear, linear or squaredcos_cap_v2)",
                "{\"beta_start\": 0} | beta_start: 0 (expected: above 0, below 1)",
                "{\"beta_start\": 0.1, \"beta_end\": 0.01} | beta_end: 0.01 (expected: beta_start or more, below 1)",
                "{\"beta_end\": \"x\"} | beta_end: \"x\" (expected: a number)",
                "{\"num_train_timesteps\": 1} | num_train_timesteps: 1 (expected: 2 to 100000)",
                "{\"prediction_type\": \"sample\"} | prediction_type: \"sample\" (expected: epsilon or v_prediction)",
                "{\"timestep_spacing\": \"foo\"} | timestep_spacing: \"foo\" (expected: one of leading, trailing, linspace)",
                "{\"steps_offset\": -1} | steps_offset: -1 (expected: 0 to 999)",
                "{\"trained_betas\": [0.1]} | trained_betas: [0.1] (expected: null: betas come from beta_schedule)",
                "{\"rescale_betas_zero_snr\": true} | rescale_betas_zero_snr: true (expected: false with prediction_type epsilon",
                "{\"_class_name\": \"FlowMatchEulerDiscreteScheduler\", \"shift\": 0} | shift: 0 (expected: above 0, up to 1000)",
                "{\"_class_name\": \"FlowMatchEulerDiscreteScheduler\", \"use_dynamic_shifting\": true} | use_dynamic_shifting: true (expected: false",
            })
    void read_badValue_namesFileAndKey(String json, String message) throws IOException {
        Path file = write(json);
        assertThatThrownBy(() -> NoiseSchedule.read(file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(file + ": " + message);
    }

    private Path write(String json) throws IOException {
        return Files.writeString(folder.resolve("scheduler_config.json"), json);
    }
}
