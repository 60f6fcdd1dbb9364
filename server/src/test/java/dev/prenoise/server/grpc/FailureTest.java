package dev.prenoise.server.grpc;

import static dev.prenoise.server.TestSidecar.request;
import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.engine.ModelException;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Prompt;
import dev.prenoise.v1.ReleaseMemoryRequest;
import dev.prenoise.v1.SearchState;
import dev.prenoise.v1.Subject;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which status a caller gets for what went wrong, and that the sidecar goes on. */
class FailureTest {
    private final TestSidecar sidecar = TestSidecar.onLoopback(SidecarConfig.DEFAULT);

    @AfterEach
    void close() {
        sidecar.close();
    }

    private StatusRuntimeException failure(OptimizeNoiseRequest.Builder request) {
        return sidecar.search(request.build()).failure();
    }

    @Test
    void backbone_unknown_isNotFoundWithTheList() {
        assertThat(failure(request(1).setBackbone("nope")))
                .hasMessage("NOT_FOUND: backbone: \"nope\" (expected: one of fake, other)");
    }

    @Test
    void subject_notInThePrompt_namesTheFieldAndWhatWasFound() {
        Prompt.Builder prompt = Prompt.newBuilder()
                .setText("a cat and a frog")
                .addSubjects(Subject.newBuilder().setText("cat"))
                .addSubjects(Subject.newBuilder().setText("dog"));
        StatusRuntimeException failure = failure(request(1).setSearchId("s").setPrompt(prompt));

        assertThat(failure.getStatus().getCode()).isEqualTo(Code.INVALID_ARGUMENT);
        assertThat(TestSidecar.violations(failure)).singleElement().satisfies(violation -> {
            assertThat(violation.getField()).isEqualTo("prompt.subjects[1].text");
            assertThat(violation.getDescription())
                    .isEqualTo("\"dog\" (expected: a subject of the prompt; found: cat, frog)");
        });
        // The id is free for the request as it should have been.
        sidecar.search(request(1).setSearchId("s").build()).summary();
    }

    @Test
    void width_overTheModels_isInvalid() {
        assertThat(failure(request(1).setWidth(1024)))
                .hasMessage("INVALID_ARGUMENT: width: 1024 (expected: at most 512)");
    }

    @Test
    void noise_ofAnotherShape_isInvalid() {
        assertThat(failure(
                        request(1).setWidth(64).setHeight(64).setNoise(Tensors.of(new float[4 * 4 * 4], 1, 4, 4, 4))))
                .hasMessage("INVALID_ARGUMENT: noise.shape: [1, 4, 4, 4] (expected: [1, 4, 8, 8])");
        assertThat(failure(request(1).setNoise(Tensors.of(new float[2 * 4 * 4], 1, 2, 4, 4))))
                .hasMessage("INVALID_ARGUMENT: noise.shape: [1, 2, 4, 4] (expected: [1, 4, 8, 8])");
    }

    @Test
    void outOfMemory_isResourceExhaustedAndTheNextSearchRuns() {
        for (Throwable memory : new Throwable[] {
            new OutOfMemoryError("Java heap space"),
            new IllegalStateException("CUDA out of memory. Tried to allocate 2.00 GiB"),
            new RuntimeException(new IllegalStateException(
                    "DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"))
        }) {
            sidecar.catalog.beforeEvaluation = prompt -> {
                throw sneaky(memory);
            };
            assertThat(failure(request(2).setSearchId("oom")).getStatus().getCode())
                    .isEqualTo(Code.RESOURCE_EXHAUSTED);
            assertThat(sidecar.stored("oom").getState()).isEqualTo(SearchState.SEARCH_STATE_FAILED);
        }
        sidecar.catalog.beforeEvaluation = prompt -> {};
        sidecar.search(request(2).setSearchId("oom").build()).summary();
    }

    @Test
    void modelException_isFailedPrecondition() {
        sidecar.catalog.beforeEvaluation = prompt -> {
            throw new ModelException("model.safetensors: tensor conv_in.weight is missing");
        };
        assertThat(failure(request(2)))
                .hasMessage("FAILED_PRECONDITION: model.safetensors: tensor conv_in.weight is missing");
    }

    @Test
    void anythingElse_isInternalWithANumberAndNothingMore() {
        sidecar.catalog.beforeEvaluation = prompt -> {
            throw new IllegalStateException("a secret path");
        };
        assertThat(failure(request(2)).getMessage())
                .matches("INTERNAL: internal error [0-9a-f]{8}: the sidecar's log has it under this number");
    }

    @Test
    void message_tooLarge_isResourceExhausted() {
        StatusRuntimeException failure =
                failure(request(1).setNoise(Tensors.of(new float[17 << 20], 1, 17, 1024, 1024)));
        assertThat(failure.getStatus().getCode()).isEqualTo(Code.RESOURCE_EXHAUSTED);
        assertThat(failure).hasMessageContaining("exceeds maximum size 67108864");
    }

    @Test
    void releaseMemory_asksTheCatalog() {
        assertThat(sidecar.client()
                        .releaseMemory(ReleaseMemoryRequest.getDefaultInstance())
                        .getBytesFreed())
                .isEqualTo(123);
        assertThat(sidecar.catalog.released).hasValue(1);
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> RuntimeException sneaky(Throwable failure) throws E {
        throw (E) failure;
    }
}
