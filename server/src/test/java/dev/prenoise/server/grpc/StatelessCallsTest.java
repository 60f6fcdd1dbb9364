package dev.prenoise.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.AttentionMaps;
import dev.prenoise.v1.DataType;
import dev.prenoise.v1.EvaluateAttentionRequest;
import dev.prenoise.v1.EvaluateAttentionResponse;
import dev.prenoise.v1.LossForm;
import dev.prenoise.v1.NoiseRecipe;
import dev.prenoise.v1.NoiseStep;
import dev.prenoise.v1.Perturbation;
import dev.prenoise.v1.SampleNoiseRequest;
import dev.prenoise.v1.SampleNoiseResponse;
import dev.prenoise.v1.Subject;
import dev.prenoise.v1.Tensor;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipInputStream;
import org.assertj.core.data.Offset;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Calls that need no model, over a real connection. The goldens are the engine's, see the README beside them. */
class StatelessCallsTest {
    private static final TestSidecar SIDECAR = TestSidecar.onLoopback(SidecarConfig.DEFAULT);

    @AfterAll
    static void close() {
        SIDECAR.close();
    }

    @ParameterizedTest
    @CsvSource({
        "INITNO, PUBLISHED, initno.joint, initno, 5e-4",
        "SELF_CROSS, PUBLISHED, sc.joint, sc, 1e-5",
        "CONFORM, PUBLISHED, conform_t0.5.noprev.loss, conform_t0.5.noprev, 1e-5",
        "CONFORM, RANKING, conform_t0.5.selfprev.loss, conform_t0.5.selfprev, 1e-5",
        "ATTEND_AND_EXCITE, PUBLISHED, ae.loss, ae, 1e-5"
    })
    void evaluateAttention_lossAndGradient_equalTheAuthorsCode(
            String loss, String form, String scalar, String tag, double percent) throws IOException {
        for (String name : List.of("B_separated_2tok", "E_attributes_4tok")) {
            Golden golden = new Golden(name);
            EvaluateAttentionResponse response = SIDECAR.client()
                    .evaluateAttention(golden.request(loss, DataType.DATA_TYPE_FLOAT64)
                            .setForm(LossForm.valueOf("LOSS_FORM_" + form))
                            .setGradient(true)
                            .build());

            assertThat(response.getLoss()).isCloseTo(golden.scalar(scalar), Percentage.withPercentage(percent));
            assertGradient(response.getGradient().getCrossAttention(), golden.doubles(tag + ".dcross"));
            if (response.getGradient().hasSelfAttention()) {
                assertGradient(response.getGradient().getSelfAttention(), golden.doubles(tag + ".dself"));
            }
        }
    }

    private static void assertGradient(Tensor actual, double[] expected) {
        assertThat(actual.getDataType()).isEqualTo(DataType.DATA_TYPE_FLOAT64);
        double[] values = Tensors.doubles(actual);
        assertThat(values).hasSameSizeAs(expected);
        double largest = 0;
        double error = 0;
        for (int i = 0; i < values.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            error = Math.max(error, Math.abs(values[i] - expected[i]));
        }
        assertThat(error).isLessThanOrEqualTo(1e-5 * largest);
    }

    @Test
    void evaluateAttention_previousCrossAndEndOfText_areRead() throws IOException {
        Golden golden = new Golden("E_attributes_4tok");
        EvaluateAttentionRequest.Builder conform = golden.request("CONFORM", DataType.DATA_TYPE_FLOAT64)
                .setForm(LossForm.LOSS_FORM_PUBLISHED)
                .setPreviousCross(Tensors.of(golden.doubles("prev_cross"), DataType.DATA_TYPE_FLOAT64, 16, 16, 77));
        assertThat(SIDECAR.client().evaluateAttention(conform.build()).getLoss())
                .isCloseTo(golden.scalar("conform_t0.5.prev.loss"), Percentage.withPercentage(1e-5));
        EvaluateAttentionRequest.Builder words = golden.request("ATTEND_AND_EXCITE", DataType.DATA_TYPE_FLOAT64)
                .setEndOfTextIndex(golden.meta.get("eot_index").getAsInt());
        assertThat(SIDECAR.client().evaluateAttention(words.build()).getLoss())
                .isCloseTo(golden.scalar("ae_eot.loss"), Percentage.withPercentage(1e-5));
    }

    @ParameterizedTest
    @CsvSource({"DATA_TYPE_FLOAT32, 1e-6", "DATA_TYPE_FLOAT16, 3e-3", "DATA_TYPE_BFLOAT16, 3e-2"})
    void evaluateAttention_takesEveryFloatType(DataType type, double tolerance) throws IOException {
        Golden golden = new Golden("B_separated_2tok");
        double exact = SIDECAR.client()
                .evaluateAttention(
                        golden.request("SELF_CROSS", DataType.DATA_TYPE_FLOAT64).build())
                .getLoss();
        EvaluateAttentionResponse response = SIDECAR.client()
                .evaluateAttention(
                        golden.request("SELF_CROSS", type).setGradient(true).build());

        assertThat(response.getLoss()).isCloseTo(exact, Offset.offset(tolerance));
        assertThat(response.getGradient().getCrossAttention().getDataType()).isEqualTo(DataType.DATA_TYPE_FLOAT32);
        assertThat(response.getGradient().getSelfAttention().getShapeList()).containsExactly(16L, 16L, 256L);
    }

    @Test
    void evaluateAttention_tokenOutsideTheMaps_isNamed() throws IOException {
        EvaluateAttentionRequest.Builder request =
                new Golden("B_separated_2tok").request("CONFORM", DataType.DATA_TYPE_FLOAT32);
        request.getSubjectsBuilder(1).setTokenIndices(0, 76);
        StatusRuntimeException failure = catchThrowableOfType(
                StatusRuntimeException.class, () -> SIDECAR.client().evaluateAttention(request.build()));

        assertThat(TestSidecar.violations(failure)).singleElement().satisfies(violation -> {
            assertThat(violation.getField()).isEqualTo("subjects[1].token_indices[0]");
            assertThat(violation.getDescription()).isEqualTo("76 (expected: 1 to 75)");
        });
    }

    @Test
    void evaluateAttention_mapsThatALossCannotRead_areNamedAsOnTheWire() throws IOException {
        EvaluateAttentionRequest.Builder request =
                new Golden("B_separated_2tok").request("INITNO", DataType.DATA_TYPE_FLOAT32);
        request.getAttentionBuilder().setSelfAttention(Tensors.of(new float[16 * 16 * 256], 16, 16, 256));
        StatusRuntimeException failure = catchThrowableOfType(
                StatusRuntimeException.class, () -> SIDECAR.client().evaluateAttention(request.build()));

        assertThat(TestSidecar.violations(failure)).singleElement().satisfies(violation -> {
            assertThat(violation.getField()).isEqualTo("attention.self_attention");
            assertThat(violation.getDescription()).isEqualTo("rows that sum to 0.0 (expected: probabilities)");
        });
    }

    @Test
    void sampleNoise_isTheHostsNoise() {
        SampleNoiseResponse response = SIDECAR.client()
                .sampleNoise(SampleNoiseRequest.newBuilder()
                        .addRecipes(recipe(123).setSourceValue(2))
                        .addRecipes(recipe(-1))
                        .build());

        long[] shape = {1, 4, 6, 10};
        assertThat(response.getNoise(0))
                .isEqualTo(Tensors.of(NoiseGenerator.generate(NoiseSource.NV_PHILOX, 123, shape)));
        assertThat(response.getNoise(1))
                .isEqualTo(Tensors.of(NoiseGenerator.generate(NoiseSource.TORCH_CPU, -1, shape)));
    }

    @Test
    void sampleNoise_replaysSteps() {
        NoiseRecipe.Builder moved = recipe(1)
                .addSteps(NoiseStep.newBuilder()
                        .setPerturbation(Perturbation.newBuilder().setSeed(2).setStepSize(0.1)));
        SampleNoiseResponse response = SIDECAR.client()
                .sampleNoise(SampleNoiseRequest.newBuilder()
                        .addRecipes(recipe(1))
                        .addRecipes(moved)
                        .build());
        assertThat(norm(response.getNoise(1))).isCloseTo(norm(response.getNoise(0)), Percentage.withPercentage(1e-4));
        assertThat(response.getNoise(1)).isNotEqualTo(response.getNoise(0));
    }

    @Test
    void sampleNoise_badRecipe_isNamed() {
        assertThatThrownBy(() -> SIDECAR.client()
                        .sampleNoise(SampleNoiseRequest.newBuilder()
                                .addRecipes(NoiseRecipe.newBuilder().addShape(-1))
                                .build()))
                .hasMessage("INVALID_ARGUMENT: recipes[0].shape[0]: -1 (expected: >= 1)");
    }

    private static double norm(Tensor tensor) {
        double sum = 0;
        for (float value : Tensors.floats(tensor)) {
            sum += value * value;
        }
        return Math.sqrt(sum);
    }

    private static NoiseRecipe.Builder recipe(long seed) {
        return NoiseRecipe.newBuilder().setSeed(seed).addAllShape(List.of(1L, 4L, 6L, 10L));
    }

    private static final class Golden {
        private final Map<String, ByteBuffer> arrays = new HashMap<>();
        private final JsonObject meta;

        Golden(String name) throws IOException {
            try (InputStream file = Files.newInputStream(Path.of("../src/test/resources/attention", name + ".npz"));
                    ZipInputStream zip = new ZipInputStream(file)) {
                for (var entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                    arrays.put(entry.getName().replace(".npy", ""), ByteBuffer.wrap(zip.readAllBytes()));
                }
            }
            meta = JsonParser.parseString(
                            StandardCharsets.UTF_8.decode(data("meta")).toString())
                    .getAsJsonObject();
        }

        EvaluateAttentionRequest.Builder request(String loss, DataType type) {
            EvaluateAttentionRequest.Builder request = EvaluateAttentionRequest.newBuilder()
                    .setLoss(AttentionLoss.valueOf("ATTENTION_LOSS_" + loss))
                    .setAttention(AttentionMaps.newBuilder()
                            .setCrossAttention(encode(doubles("cross"), type, 16, 16, 77))
                            .setSelfAttention(encode(doubles("self"), type, 16, 16, 256)));
            for (JsonElement group : meta.getAsJsonArray("groups")) {
                request.addSubjects(Subject.newBuilder()
                        .addAllTokenIndices(group.getAsJsonArray().asList().stream()
                                .map(JsonElement::getAsInt)
                                .toList()));
            }
            return request;
        }

        double scalar(String tag) {
            return meta.getAsJsonObject("scalars").get(tag).getAsDouble();
        }

        double[] doubles(String array) {
            ByteBuffer data = data(array);
            boolean wide = header(array).contains("'<f8'");
            double[] values = new double[data.remaining() / (wide ? 8 : 4)];
            for (int i = 0; i < values.length; i++) {
                values[i] = wide ? data.getDouble() : data.getFloat();
            }
            return values;
        }

        private String header(String array) {
            ByteBuffer entry = arrays.get(array).duplicate().order(ByteOrder.LITTLE_ENDIAN);
            return StandardCharsets.ISO_8859_1
                    .decode(entry.position(10).limit(10 + entry.getShort(8)))
                    .toString();
        }

        private ByteBuffer data(String array) {
            ByteBuffer entry = arrays.get(array).duplicate().order(ByteOrder.LITTLE_ENDIAN);
            return entry.position(10 + entry.getShort(8)).slice().order(ByteOrder.LITTLE_ENDIAN);
        }

        private static Tensor encode(double[] values, DataType type, long... shape) {
            if (type == DataType.DATA_TYPE_FLOAT64 || type == DataType.DATA_TYPE_FLOAT32) {
                return Tensors.of(values, type, shape);
            }
            ByteBuffer bytes = ByteBuffer.allocate(values.length * 2).order(ByteOrder.LITTLE_ENDIAN);
            for (double value : values) {
                bytes.putShort(type == DataType.DATA_TYPE_BFLOAT16 ? bfloat16(value) : float16(value));
            }
            return Tensors.of(new float[0], shape).toBuilder()
                    .setDataType(type)
                    .setData(ByteString.copyFrom(bytes.array()))
                    .build();
        }

        private static short bfloat16(double value) {
            return (short) (Float.floatToIntBits((float) value) >>> 16);
        }

        /** Truncated; of a value in [0, 1]. */
        private static short float16(double value) {
            int exponent = Math.max(-15, Math.getExponent(value));
            if (exponent < -14) {
                return (short) (value * (1 << 24));
            }
            int fraction = (int) ((value / Math.pow(2, exponent) - 1) * 1024);
            return (short) ((exponent + 15) << 10 | fraction);
        }
    }
}
