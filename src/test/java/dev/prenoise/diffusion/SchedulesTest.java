package dev.prenoise.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The schedules against what ComfyUI and diffusers compute. */
class SchedulesTest {
    private static JsonObject golden;

    @BeforeAll
    static void read() throws IOException {
        golden = JsonParser.parseString(Files.readString(Path.of("test/resources/diffusion/schedules.json")))
                .getAsJsonObject();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "normal",
                "karras",
                "exponential",
                "simple",
                "sgm_uniform",
                "ddim_uniform",
                "beta",
                "kl_optimal",
                "linear_quadratic"
            })
    void of_comfyName_equalsComfy(String name) {
        List<Row> rows = rows().filter(r -> r.host.equals("comfyui") && r.schedule.equals(name))
                .toList();
        assertThat(rows).hasSize(6);
        for (Row row : rows) {
            SamplingPlan plan = row.plan();
            // ComfyUI rescales in float32 and takes the arc tangent of 4518 in it; ties between timesteps fall either
            // way.
            boolean rough = row.model.equals("zero_terminal");
            assertClose(plan.sigmas(), row.sigmas, rough ? 2e-4 : 3e-6, row);
            assertClose(plan.timesteps(), row.timesteps, rough ? 2.1e-3 : row.model.equals("flow3") ? 3e-6 : 0, row);
        }
    }

    @Test
    void of_comfySigmasAsTheHosts_isTheSamePlan() {
        rows().filter(r -> r.host.equals("comfyui") && r.model.equals("sd")).forEach(row -> {
            SamplingPlan named = row.plan();
            SamplingPlan given = SamplingPlan.of(row.noise(), row.sampler, "", 0, row.sigmas);
            assertThat(given.schedule()).isEqualTo("host");
            assertThat(given.timesteps()).as(row.toString()).isEqualTo(named.timesteps());
            assertThat(given.firstInputScale()).isCloseTo(named.firstInputScale(), within(1e-6));
        });
    }

    @ParameterizedTest
    @MethodSource("spacings")
    void of_diffusersName_equalsDiffusers(String sampler, String name) {
        List<Row> rows = rows().filter(
                        r -> r.host.equals("diffusers") && r.sampler.equals(sampler) && r.schedule.equals(name))
                .toList();
        assertThat(rows).hasSizeBetween(4, 8);
        for (Row row : rows) {
            SamplingPlan plan = row.plan();
            // diffusers' table comes from float32 alpha-bars, which leave that of the lowest sigma.
            assertClose(plan.sigmas(), row.sigmas, 2e-5, row);
            assertClose(plan.timesteps(), row.timesteps, 1e-6, row);
            assertThat(plan.firstInputScale()).as(row.toString()).isCloseTo(row.firstScale, within(1e-6));
        }
    }

    static Stream<Arguments> spacings() {
        return Stream.of("ddim", "euler", "dpmpp_2m").flatMap(sampler -> Stream.of("leading", "trailing", "linspace")
                .map(name -> Arguments.of(sampler, name)));
    }

    @Test
    void quantile_ofTheSymmetricBeta_equalsScipy() {
        SymmetricBeta beta = new SymmetricBeta(0.6);
        for (JsonElement pair : golden.getAsJsonArray("beta")) {
            double p = pair.getAsJsonArray().get(0).getAsDouble();
            double x = pair.getAsJsonArray().get(1).getAsDouble();
            assertThat(beta.quantile(p)).as("p %s", p).isCloseTo(x, within(1e-13 + 1e-12 * x));
        }
    }

    @Test
    void quantile_ofTheUniform_isItself() {
        assertThat(new SymmetricBeta(1).quantile(0.3)).isCloseTo(0.3, within(1e-15));
        assertThat(new SymmetricBeta(1).quantile(1)).isEqualTo(1);
    }

    @Test
    void of_anyNameAndSteps_fallsFromWithinTheTableToItsEnd() {
        for (NoiseSchedule noise : List.of(NoiseSchedule.stableDiffusion(Prediction.V), NoiseSchedule.flow(3))) {
            for (String name : SamplingPlan.scheduleNames(noise.prediction())) {
                for (int steps : List.of(1, 2, 3, 7, 33, 250)) {
                    SamplingPlan plan = SamplingPlan.of(noise, "euler", name, steps, List.of());
                    String what = name + " " + steps;
                    assertThat(plan.firstSigma()).as(what).isLessThanOrEqualTo(noise.sigmaMax() * (1 + 1e-12));
                    assertThat(plan.lastSigma()).as(what).isZero();
                    for (int i = 0; i < plan.steps(); i++) {
                        assertThat(plan.sigmas().get(i + 1))
                                .as(what)
                                .isLessThan(plan.sigmas().get(i));
                    }
                }
            }
        }
    }

    private static void assertClose(List<Double> actual, List<Double> expected, double relative, Row row) {
        assertThat(actual).as(row.toString()).hasSameSizeAs(expected);
        for (int i = 0; i < actual.size(); i++) {
            assertThat(actual.get(i))
                    .as("%s at %d", row, i)
                    .isCloseTo(expected.get(i), within(relative * Math.abs(expected.get(i)) + 1e-12));
        }
    }

    private static Stream<Row> rows() {
        return StreamSupport.stream(golden.getAsJsonArray("schedules").spliterator(), false)
                .map(JsonElement::getAsJsonObject)
                .map(Row::of);
    }

    private record Row(
            String host,
            String model,
            String sampler,
            String schedule,
            int steps,
            double firstScale,
            List<Double> sigmas,
            List<Double> timesteps) {
        static Row of(JsonObject json) {
            return new Row(
                    json.get("host").getAsString(),
                    json.get("model").getAsString(),
                    json.get("sampler").getAsString(),
                    json.get("schedule").getAsString(),
                    json.get("steps").getAsInt(),
                    json.has("first_scale") ? json.get("first_scale").getAsDouble() : Double.NaN,
                    numbers(json.getAsJsonArray("sigmas")),
                    numbers(json.getAsJsonArray("timesteps")));
        }

        private static List<Double> numbers(JsonArray array) {
            return StreamSupport.stream(array.spliterator(), false)
                    .map(JsonElement::getAsDouble)
                    .toList();
        }

        NoiseSchedule noise() {
            return switch (model) {
                case "sd" -> NoiseSchedule.stableDiffusion(Prediction.EPSILON);
                case "zero_terminal" -> NoiseSchedule.read(Path.of("test/resources/diffusion/v_zero_terminal.json"));
                default -> NoiseSchedule.flow(3);
            };
        }

        SamplingPlan plan() {
            return SamplingPlan.of(noise(), sampler, schedule, steps, List.of());
        }

        @Override
        public String toString() {
            return host + " " + model + " " + sampler + " " + schedule + " " + steps;
        }
    }
}
