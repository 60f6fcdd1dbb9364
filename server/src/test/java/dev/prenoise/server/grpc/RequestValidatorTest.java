package dev.prenoise.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.TextFormat;
import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.v1.AttentionMaps;
import dev.prenoise.v1.EvaluateAttentionRequest;
import dev.prenoise.v1.NoiseRecipe;
import dev.prenoise.v1.NoiseStep;
import dev.prenoise.v1.Optimization;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Perturbation;
import dev.prenoise.v1.SampleNoiseRequest;
import dev.prenoise.v1.Subject;
import dev.prenoise.v1.Tensor;
import dev.prenoise.v1.Verifier;
import io.grpc.StatusRuntimeException;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RequestValidatorTest {
    private final RequestValidator validator = new RequestValidator(Limits.DEFAULT);

    private static OptimizeNoiseRequest.Builder valid() {
        return TestSidecar.request(4);
    }

    @Test
    void validRequest_passes() {
        validator.check(valid().setSearchId("A-z_0.9:b").build());
    }

    /** Each line is merged into a valid request; a line of the answer for each bad field. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        budget { loss_evaluations: -5 }          | budget.loss_evaluations: -5 (expected: >= 0)
        budget { loss_evaluations: 100001 }      | budget.loss_evaluations: 100001 (expected: at most 100000)
        budget { function_evaluations: -1 }      | budget.function_evaluations: -1 (expected: >= 0)
        budget { function_evaluations: 10000001 }| budget.function_evaluations: 10000001 (expected: at most 10000000)
        budget { wall_time { seconds: -1 } }     | budget.wall_time: -1 s 0 ns (expected: >= 0)
        budget { wall_time { nanos: -1 } }       | budget.wall_time: 0 s -1 ns (expected: >= 0)
        budget { wall_time { seconds: 86401 } }  | budget.wall_time: 86401 s (expected: at most 86400 s)
        width: -8                                | width: -8 (expected: >= 0)
        width: 4097                              | width: 4097 (expected: at most 4096)
        height: 4097                             | height: 4097 (expected: at most 4096)
        search_id: "a b"                         | search_id: "a b" (expected: 1 to 128 letters, digits, ".", "_", ":" or "-")
        search_id: "../x"                        | search_id: "../x" (expected: 1 to 128 letters, digits, ".", "_", ":" or "-")
        prompt { text: " " }                     | prompt.text: " " (expected: not empty, or prompt.conditioning set)
        prompt { subjects { } }                  | prompt.subjects[0].text: "" (expected: not empty, or token_indices set)
        prompt { subjects { text: "a" token_indices: 0 } } | prompt.subjects[0].token_indices[0]: 0 (expected: >= 1, as position 0 is BOS)
        prompt { subjects { text: "a" attributes: "" } }   | prompt.subjects[0].attributes[0]: "" (expected: not empty)
        prompt { weighting: 4 }                  | prompt.weighting: 4 (expected: 0 to 3)
        prompt { clip_skip: 13 }                 | prompt.clip_skip: 13 (expected: at most 12)
        prompt { clip_skip: -1 }                 | prompt.clip_skip: -1 (expected: >= 0)
        prompt { conditioning { } }              | prompt.conditioning.embeddings: not set (expected: [1, T, D])
        prompt { conditioning { embeddings { data_type: DATA_TYPE_FLOAT16 shape: [1, 2, 2] data: "1234567" } } } | prompt.conditioning.embeddings.data: 7 bytes (expected: 8 for shape [1, 2, 2] of DATA_TYPE_FLOAT16)
        prompt { conditioning { embeddings { data_type: DATA_TYPE_INT64 shape: [1, 1, 1] data: "12345678" } } } | prompt.conditioning.embeddings.data_type: DATA_TYPE_INT64 (expected: DATA_TYPE_FLOAT32, DATA_TYPE_FLOAT64, DATA_TYPE_FLOAT16 or DATA_TYPE_BFLOAT16)
        prompt { conditioning { embeddings { data_type: DATA_TYPE_BFLOAT16 shape: [2, 1, 1] data: "1234" } } } | prompt.conditioning.embeddings.shape: [2, 1, 1] (expected: [1, T, D], each at least 1)
        prompt { conditioning { embeddings { data_type: DATA_TYPE_BFLOAT16 shape: [1, 1, 2] data: "12\\200\\177" } } } | prompt.conditioning.embeddings.data[1]: Infinity (expected: finite)
        prompt { conditioning { embeddings { data_type: DATA_TYPE_FLOAT32 shape: [1, 2, 1] data: "12345678" } pooled { data_type: DATA_TYPE_FLOAT32 shape: 1 data: "1234" } } } | prompt.conditioning.pooled.shape: [1] (expected: [1, P], each at least 1)
        prompt { conditioning { embeddings { data_type: DATA_TYPE_FLOAT32 shape: [1, 2, 1] data: "12345678" } time_ids: 5 } } | prompt.conditioning.time_ids: 1 of them (expected: 6: original height, width, crop top, left, target height, width; or none)
        prompt { conditioning { embeddings { data_type: DATA_TYPE_FLOAT32 shape: [1, 2, 1] data: "12345678" } time_ids: [1, 2, 3, 4, 5, nan] } } | prompt.conditioning.time_ids[5]: NaN (expected: pixels, so finite and at most 1000000)
        prompt { conditioning { embeddings { data_type: DATA_TYPE_FLOAT32 shape: [1, 2, 1] data: "12345678" } } subjects { text: "a" token_indices: 2 } } | prompt.subjects[0].token_indices[0]: 2 (expected: less than the 2 tokens of prompt.conditioning.embeddings)
        prompt { text: "" conditioning { embeddings { data_type: DATA_TYPE_FLOAT32 shape: [1, 2, 1] data: "12345678" } } subjects { text: "a" } } | prompt.subjects[0].token_indices: empty (expected: at least one)
        prompt { text: "" conditioning { embeddings { data_type: DATA_TYPE_FLOAT32 shape: [1, 2, 1] data: "12345678" } } } | prompt.subjects: empty (expected: at least one with token_indices, as there is no text to find any in)
        lora { }                                 | lora[0].name: "" (expected: a name of GetCapabilities.loras)
        lora { name: "ink" strength: nan }       | lora[0].strength: NaN (expected: -10 to 10)
        lora { name: "ink" text_strength: -11 }  | lora[0].text_strength: -11.0 (expected: -10 to 10)
        noise_source: 7                          | noise_source: 7 (expected: 0 to 2)
        sampling { steps: 1001 }                 | sampling.steps: 1001 (expected: at most 1000)
        sampling { steps: -1 }                   | sampling.steps: -1 (expected: >= 0)
        sampling { guidance_scale: nan }         | sampling.guidance_scale: NaN (expected: 0 to 1000)
        sampling { guidance_scale: inf }         | sampling.guidance_scale: Infinity (expected: 0 to 1000)
        sampling { guidance_scale: -1 }          | sampling.guidance_scale: -1.0 (expected: 0 to 1000)
        sampling { sigmas: 0 }                   | sampling.sigmas[0]: 0.0 (expected: finite and > 0)
        sampling { sigmas: 3 sigmas: nan }       | sampling.sigmas[1]: NaN (expected: finite and >= 0)
        sampling { sigmas: 3 sigmas: 4 }         | sampling.sigmas[1]: 4.0 (expected: less than the one before, 3.0)
        attention { loss: 0 }                    | attention.loss: ATTENTION_LOSS_UNSPECIFIED (expected: ATTENTION_LOSS_INITNO, _CONFORM, _SELF_CROSS or _ATTEND_AND_EXCITE)
        attention { loss: 9 }                    | attention.loss: 9 (expected: ATTENTION_LOSS_INITNO, _CONFORM, _SELF_CROSS or _ATTEND_AND_EXCITE)
        attention { form: 3 }                    | attention.form: 3 (expected: 0 to 2)
        attention { then: 5 }                    | attention.then: 5 (expected: 0 to 4)
        budget { pictures: 5 }                   | budget.pictures: 5 (expected: 0, as an attention ranking draws none: loss_evaluations limits it)
        verifier { }                             | verifier.verifiers: empty (expected: at least one, by a name of GetCapabilities.verifiers)
        verifier { verifiers { } }               | verifier.verifiers[0].name: "" (expected: a name of GetCapabilities.verifiers)
        verifier { verifiers { name: "a" } verifiers { name: "b" weight: nan } } | verifier.verifiers[1].weight: NaN (expected: 0 to 1000000)
        verifier { verifiers { name: "a" weight: -1 } } | verifier.verifiers[0].weight: -1.0 (expected: 0 to 1000000)
        verifier { verifiers { name: "a" } algorithm: 6 } | verifier.algorithm: 6 (expected: 0 to 5)
        verifier { verifiers { name: "a" } neighbors: -1 } | verifier.neighbors: -1 (expected: >= 1)
        verifier { verifiers { name: "a" } step_size: inf } | verifier.step_size: Infinity (expected: > 0)
        verifier { verifiers { name: "a" } steps: 1001 } | verifier.steps: 1001 (expected: at most 1000)
        verifier { verifiers { name: "a" } restart_after: -1 } | verifier.restart_after: -1 (expected: >= 0)
        verifier { verifiers { name: "a" } paths { initial_paths: -1 } } | verifier.paths.initial_paths: -1 (expected: >= 1)
        verifier { verifiers { name: "a" } paths { width: 1025 } } | verifier.paths.width: 1025 (expected: at most 1024)
        verifier { verifiers { name: "a" } paths { initial_paths: 32 width: 33 } } | verifier.paths.initial_paths: 32 (expected: at most 31 with a width of 33, as a round looks at initial_paths * width points)
        verifier { verifiers { name: "a" } paths { initial_paths: 513 } } | verifier.paths.initial_paths: 513 (expected: at most 512 with a width of 2, as a round looks at initial_paths * width points)
        verifier { verifiers { name: "a" } paths { start_sigma: 1.5 } } | verifier.paths.start_sigma: 1.5 (expected: between 0 and 1)
        verifier { verifiers { name: "a" } paths { backward_step: 0.7 } } | verifier.paths.forward_step: 0.78 (expected: less than backward_step, 0.7, or no path ends)
        verifier { verifiers { name: "a" } paths { width: 1 } } | verifier.paths.width: 1 (expected: >= 2, or there is nothing to choose)
        verifier { verifiers { name: "a" } first_order { step_size: nan } } | verifier.first_order.step_size: NaN (expected: > 0)
        verifier { verifiers { name: "a" } first_order { last_steps: -1 } } | verifier.first_order.last_steps: -1 (expected: >= 0)
        cascade { screen { loss: 1 } }           | cascade.verify.verifiers: empty (expected: at least one, by a name of GetCapabilities.verifiers)
        cascade { verify { verifiers { name: "a" } } } | cascade.screen.loss: ATTENTION_LOSS_UNSPECIFIED (expected: ATTENTION_LOSS_INITNO, _CONFORM, _SELF_CROSS or _ATTEND_AND_EXCITE)
        cascade { screen { loss: 1 optimize: true } verify { verifiers { name: "a" } } } | cascade.screen.optimize: true (expected: false: noise is screened as it is drawn)
        cascade { screen { loss: 1 then: 2 } verify { verifiers { name: "a" } } } | cascade.screen.then: ATTENTION_LOSS_CONFORM (expected: not set: the verifiers are the second stage)
        cascade { screen { loss: 1 } keep: -1 verify { verifiers { name: "a" } } } | cascade.keep: -1 (expected: >= 0)
        output { best: -1 }                      | output.best: -1 (expected: >= 0)
        output { best: 65 }                      | output.best: 65 (expected: at most 64)
        output { noise: 4 }                      | output.noise: 4 (expected: 0 to 3)
        output { preview: 4 }                    | output.preview: 4 (expected: 0 to 3)
        """)
    void badField_isNamedWithItsValue(String merged, String message) throws TextFormat.ParseException {
        OptimizeNoiseRequest.Builder request = valid();
        if (merged.startsWith("attention { loss") || merged.startsWith("verifier") || merged.startsWith("cascade")) {
            request.clearAttention().clearBudget();
        }
        TextFormat.merge(merged, request);
        assertThatThrownBy(() -> validator.check(request.build()))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage(message);
    }

    @Test
    void budget_ofAVerifierSearch_countsPictures() {
        OptimizeNoiseRequest.Builder request = valid();
        request.getVerifierBuilder().addVerifiersBuilder().setName("a");
        assertThatThrownBy(() -> validator.check(request.build()))
                .hasMessage(
                        "budget.loss_evaluations: 4 (expected: 0, as a verifier search computes no attention losses:"
                                + " function_evaluations, pictures or wall_time limit it)");
        request.getBudgetBuilder().setFunctionEvaluations(20).setPictures(2);
        assertThatThrownBy(() -> validator.check(request.build()))
                .hasMessage(
                        "budget.pictures: 2 (expected: 0 where function_evaluations is set, which counts the same)");
        request.getBudgetBuilder().setPictures(0);
        validator.check(request.build());
    }

    @Test
    void verifiers_tooManyOrTooLong_areCounted() {
        OptimizeNoiseRequest.Builder request = valid().clearBudget();
        request.getVerifierBuilder()
                .addAllVerifiers(Collections.nCopies(
                        17, Verifier.newBuilder().setName("a").build()));
        assertThatThrownBy(() -> validator.check(request.build()))
                .hasMessage("verifier.verifiers: 17 of them (expected: at most 16)");
        request.getVerifierBuilder()
                .clearVerifiers()
                .addVerifiersBuilder()
                .setName("n".repeat(129))
                .setLabel("l".repeat(1025))
                .setInstructions("i".repeat(8193));
        InvalidRequestException invalid =
                catchThrowableOfType(InvalidRequestException.class, () -> validator.check(request.build()));
        assertThat(invalid.violations())
                .extracting(Violations.Violation::field)
                .containsExactly(
                        "verifier.verifiers[0].name",
                        "verifier.verifiers[0].label",
                        "verifier.verifiers[0].instructions");
    }

    @Test
    void strategy_notSet_isNamed() {
        assertThatThrownBy(() -> validator.check(valid().clearAttention().build()))
                .hasMessage("strategy: not set (expected: attention, verifier or cascade)");
    }

    @Test
    void lengths_areBounded() {
        OptimizeNoiseRequest.Builder request = valid().setSearchId("x".repeat(129));
        request.getPromptBuilder().setText("p".repeat(8193)).setNegativeText("n".repeat(8193));
        request.getSamplingBuilder()
                .setSampler("s".repeat(65))
                .setSchedule("s".repeat(65))
                .addAllSigmas(Collections.nCopies(1002, 1.0));
        InvalidRequestException invalid =
                catchThrowableOfType(InvalidRequestException.class, () -> validator.check(request.build()));
        assertThat(invalid.violations())
                .extracting(Violations.Violation::field)
                .containsExactly(
                        "search_id",
                        "prompt.text",
                        "prompt.negative_text",
                        "sampling.sampler",
                        "sampling.schedule",
                        "sampling.sigmas");
    }

    @Test
    void subjects_tooMany_areCounted() {
        OptimizeNoiseRequest.Builder request = valid();
        request.getPromptBuilder()
                .addAllSubjects(Collections.nCopies(
                        65, Subject.newBuilder().setText("a").build()));
        assertThatThrownBy(() -> validator.check(request.build()))
                .hasMessage("prompt.subjects: 65 of them (expected: at most 64)");
    }

    @Test
    void everyBadField_isReportedAtOnce() {
        OptimizeNoiseRequest.Builder request = valid().setWidth(-1).setHeight(-2);
        request.getBudgetBuilder().setLossEvaluations(-5);
        InvalidRequestException invalid =
                catchThrowableOfType(InvalidRequestException.class, () -> validator.check(request.build()));
        StatusRuntimeException status = Statuses.of(invalid);

        assertThat(status)
                .hasMessage("INVALID_ARGUMENT: width: -1 (expected: >= 0); height: -2 (expected: >= 0);"
                        + " budget.loss_evaluations: -5 (expected: >= 0)");
        assertThat(TestSidecar.violations(status))
                .extracting(violation -> violation.getField() + "|" + violation.getDescription())
                .containsExactly(
                        "width|-1 (expected: >= 0)",
                        "height|-2 (expected: >= 0)",
                        "budget.loss_evaluations|-5 (expected: >= 0)");
    }

    @Test
    void veryManyBadFields_stillFitIntoAStatus() {
        SampleNoiseRequest.Builder request = SampleNoiseRequest.newBuilder();
        for (int i = 0; i < 256; i++) {
            request.addRecipes(NoiseRecipe.newBuilder().setBaseSha256("ü\n".repeat(1000)));
        }
        InvalidRequestException invalid =
                catchThrowableOfType(InvalidRequestException.class, () -> validator.check(request.build()));
        StatusRuntimeException status = Statuses.of(invalid);

        assertThat(status.getStatus().getDescription())
                .matches("(?s)recipes\\[0].*; and \\d+ more")
                .doesNotContain("\n");
        int trailers = status.getTrailers().keys().stream()
                .mapToInt(key -> status.getTrailers()
                        .get(io.grpc.Metadata.Key.of(key, io.grpc.Metadata.BINARY_BYTE_MARSHALLER))
                        .length)
                .sum();
        assertThat(trailers).isLessThan(4000);
    }

    @Test
    void longValue_losesItsMiddleAndKeepsFieldAndExpectation() {
        String word = "\uD83D\uDC31".repeat(4000);

        StatusRuntimeException status =
                Statuses.of(new InvalidFieldException("prompt.text", word + " (expected: words that are known)"));

        assertThat(status.getStatus().getDescription())
                .startsWith("prompt.text: \uD83D\uDC31")
                .endsWith("\uD83D\uDC31 (expected: words that are known)");
        assertThat(status.getStatus().getDescription().getBytes(StandardCharsets.UTF_8))
                .hasSizeLessThanOrEqualTo(1000);
    }

    @Test
    void noise_isCheckedForTypeShapeLengthAndContent() {
        Tensor good = Tensors.of(new float[8], 1, 2, 2, 2);
        validator.check(valid().setNoise(good).build());

        assertNoise(good.toBuilder().setDataTypeValue(4).build(), "noise.data_type: DATA_TYPE_INT64 (expected:");
        assertNoise(good.toBuilder().setDataTypeValue(77).build(), "noise.data_type: 77 (expected:");
        assertNoise(
                Tensors.of(new float[8], 2, 1, 2, 2),
                "noise.shape: [2, 1, 2, 2] (expected: [1, C, H, W], each at least 1)");
        assertNoise(Tensors.of(new float[8], 1, 8), "noise.shape: [1, 8] (expected:");
        assertNoise(good.toBuilder().setShape(1, 0).build(), "noise.shape: [1, 0, 2, 2] (expected:");
        assertNoise(good.toBuilder().setShape(1, -2).build(), "noise.shape: [1, -2, 2, 2] (expected:");
        assertNoise(
                good.toBuilder().setShape(1, 3).build(),
                "noise.data: 32 bytes (expected: 48 for shape [1, 3, 2, 2] of DATA_TYPE_FLOAT32)");
        assertNoise(
                good.toBuilder().setShape(1, 1L << 62).setShape(2, 1L << 62).build(),
                "noise.data: 32 bytes (expected: as many for shape");
        assertNoise(
                Tensors.of(new float[] {0, 1, 2, Float.NaN, 0, 0, 0, 0}, 1, 2, 2, 2),
                "noise.data[3]: NaN (expected: finite)");
        assertNoise(
                Tensors.of(new float[] {0, Float.NEGATIVE_INFINITY, 0, 0, 0, 0, 0, 0}, 1, 2, 2, 2),
                "noise.data[1]: -Infinity (expected: finite)");
        assertNoise(
                Tensors.of(new float[] {0, 0, 1e38f, 0, 0, 0, 0, 0}, 1, 2, 2, 2),
                "noise.data[2]: 1.0E38 (expected: of unit variance, so -1000 to 1000)");
    }

    private void assertNoise(Tensor noise, String message) {
        assertThatThrownBy(() -> validator.check(valid().setNoise(noise).build()))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageStartingWith(message);
    }

    @Test
    void sampleNoise_recipes_areChecked() {
        SampleNoiseRequest.Builder request = SampleNoiseRequest.newBuilder()
                .addRecipes(NoiseRecipe.newBuilder())
                .addRecipes(
                        NoiseRecipe.newBuilder().addShape(1).addShape(1L << 40).addShape(1L << 40))
                .addRecipes(NoiseRecipe.newBuilder()
                        .addShape(4)
                        .setSourceValue(9)
                        .setBaseSha256("x")
                        .addSteps(NoiseStep.newBuilder().setOptimization(Optimization.getDefaultInstance())));
        InvalidRequestException invalid =
                catchThrowableOfType(InvalidRequestException.class, () -> validator.check(request.build()));
        assertThat(invalid.violations())
                .extracting(Violations.Violation::field)
                .contains(
                        "recipes[0].shape",
                        "recipes[1].shape",
                        "recipes[2].source",
                        "recipes[2].base_sha256",
                        "recipes[2].steps[0]");
    }

    @Test
    void sampleNoise_countAndTotal_areBounded() {
        NoiseRecipe large = NoiseRecipe.newBuilder().addShape(1 << 23).build();
        assertThatThrownBy(() -> validator.check(SampleNoiseRequest.newBuilder()
                        .addAllRecipes(Collections.nCopies(3, large))
                        .build()))
                .hasMessage("recipes: 25165824 values altogether (expected: at most 16777216)");
        NoiseRecipe deep = large.toBuilder()
                .addAllSteps(Collections.nCopies(
                        32,
                        NoiseStep.newBuilder()
                                .setPerturbation(Perturbation.newBuilder().setStepSize(0.1))
                                .build()))
                .build();
        assertThatThrownBy(() -> validator.check(
                        SampleNoiseRequest.newBuilder().addRecipes(deep).build()))
                .hasMessage(
                        "recipes: 276824064 random numbers, those of every step counted (expected: at most 268435456)");
        validator.check(SampleNoiseRequest.newBuilder()
                .addRecipes(deep.toBuilder().removeSteps(0))
                .build());
        assertThatThrownBy(() -> validator.check(SampleNoiseRequest.getDefaultInstance()))
                .hasMessage("recipes: 0 of them (expected: 1 to 256)");
        assertThatThrownBy(() -> validator.check(SampleNoiseRequest.newBuilder()
                        .addAllRecipes(Collections.nCopies(257, large))
                        .build()))
                .hasMessage("recipes: 257 of them (expected: 1 to 256)");
    }

    @Test
    void evaluateAttention_maps_areChecked() {
        EvaluateAttentionRequest.Builder request = EvaluateAttentionRequest.newBuilder()
                .setLossValue(1)
                .setFormValue(5)
                .setEndOfTextIndex(-1)
                .setAttention(AttentionMaps.newBuilder()
                        .setCrossAttention(Tensors.of(new float[8], 2, 2, 2))
                        .setSelfAttention(Tensors.of(new float[8], 2, 2, 2)))
                .setPreviousCross(Tensors.of(new float[12], 2, 2, 3))
                .addSubjects(Subject.getDefaultInstance());
        InvalidRequestException invalid =
                catchThrowableOfType(InvalidRequestException.class, () -> validator.check(request.build()));
        assertThat(invalid.violations())
                .extracting(Violations.Violation::toString)
                .containsExactly(
                        "form: 5 (expected: 0 to 2)",
                        "attention.cross_attention.shape: [2, 2, 2] (expected: at least 3 tokens)",
                        "attention.self_attention.shape: [2, 2, 2] (expected: [2, 2, 4])",
                        "previous_cross.shape: [2, 2, 3] (expected: [2, 2, 2], that of attention.cross_attention)",
                        "end_of_text_index: -1 (expected: >= 0)",
                        "subjects[0].token_indices: empty (expected: at least one)");
    }

    @Test
    void evaluateAttention_withoutTheMapsALossReads_saysSo() {
        EvaluateAttentionRequest.Builder request = EvaluateAttentionRequest.newBuilder()
                .setLossValue(3)
                .setAttention(AttentionMaps.newBuilder().setCrossAttention(Tensors.of(new float[12], 2, 2, 3)));
        assertThatThrownBy(() -> validator.check(request.build()))
                .hasMessage(
                        "attention.self_attention: not set (expected: [H, W, H*W], which ATTENTION_LOSS_SELF_CROSS reads);"
                                + " subjects: empty (expected: at least one)");
    }

    @Test
    void wallTime_ofTheLimit_passes() {
        OptimizeNoiseRequest.Builder request = valid();
        request.getBudgetBuilder().setWallTime(Duration.newBuilder().setSeconds(86400));
        validator.check(request.build());
    }

    @Test
    void data_longerThanTheShape_isRefused() {
        Tensor tensor = Tensors.of(new float[8], 1, 2, 2, 2);
        assertNoise(
                tensor.toBuilder()
                        .setData(tensor.getData().concat(ByteString.copyFrom(new byte[1])))
                        .build(),
                "noise.data: 33 bytes (expected: 32");
    }
}
