package dev.prenoise.server.grpc;

import static dev.prenoise.server.TestSidecar.request;
import static dev.prenoise.server.TestSidecar.violations;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.prenoise.engine.ConditioningSpec;
import dev.prenoise.engine.LoraSpec;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.engine.Weighting;
import dev.prenoise.server.FakeCatalog;
import dev.prenoise.server.SearchClient;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.v1.Accepted;
import dev.prenoise.v1.Conditioning;
import dev.prenoise.v1.DataType;
import dev.prenoise.v1.GetCapabilitiesRequest;
import dev.prenoise.v1.GetCapabilitiesResponse;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.Lora;
import dev.prenoise.v1.LoraInfo;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Output;
import dev.prenoise.v1.PromptWeighting;
import dev.prenoise.v1.SearchState;
import dev.prenoise.v1.Subject;
import dev.prenoise.v1.Tensor;
import io.grpc.StatusRuntimeException;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a request says about the user's own models, LoRAs and conditioning reaches the engine, and its answer the caller. */
class OwnModelsTest {
    private final TestSidecar sidecar = TestSidecar.inProcess(SidecarConfig.DEFAULT);

    @AfterEach
    void close() {
        sidecar.close();
    }

    private FakeCatalog.Prepared prepared() {
        return sidecar.catalog.prepared.get(sidecar.catalog.prepared.size() - 1);
    }

    private StatusRuntimeException failure(OptimizeNoiseRequest.Builder request) {
        return sidecar.search(request.build()).failure();
    }

    @Test
    void capabilities_listModelsAndLorasWithTheirProblems() {
        GetCapabilitiesResponse response =
                sidecar.client().getCapabilities(GetCapabilitiesRequest.getDefaultInstance());
        assertThat(response.getBackbones(0).getBytes()).isEqualTo(1000);
        assertThat(response.getBackbones(0).getPrediction()).isEqualTo("eps");
        assertThat(response.getBackbones(0).getProblem()).isEmpty();
        assertThat(response.getLorasList())
                .containsExactly(
                        LoraInfo.newBuilder()
                                .setName("styles/ink.safetensors")
                                .setFile("/loras/styles/ink.safetensors")
                                .setBytes(77)
                                .build(),
                        LoraInfo.newBuilder()
                                .setName("torn.safetensors")
                                .setFile("/loras/torn.safetensors")
                                .setBytes(5)
                                .setProblem("cut short")
                                .build());
    }

    @Test
    void backbone_withAProblem_isRefusedWithIt() {
        assertThat(failure(request(1).setBackbone(FakeCatalog.BROKEN)))
                .hasMessage("FAILED_PRECONDITION: backbone: \"broken\" cannot be used: cut short");
    }

    @Test
    void backbone_thatIsAPath_isNotFound() {
        for (String path : List.of("/etc/passwd", "../fake", "fake/../fake", "%66ake", "fake\0")) {
            assertThat(failure(request(1).setBackbone(path)).getMessage())
                    .startsWith("NOT_FOUND: backbone: ")
                    .contains("(expected: one of fake, other)");
        }
        assertThat(sidecar.catalog.opened).isEmpty();
    }

    @Test
    void lora_reachesTheModelUnderItsFullName() {
        OptimizeNoiseRequest.Builder request = request(1);
        request.addLoraBuilder().setName("ink");
        request.addLoraBuilder().setName("ink").setStrength(0.25);
        request.addLoraBuilder().setName("ink").setStrength(-1).setTextStrength(0);
        sidecar.search(request.build()).summary();
        assertThat(prepared().loras())
                .containsExactly(
                        new LoraSpec("styles/ink.safetensors", 1, 1),
                        new LoraSpec("styles/ink.safetensors", 0.25, 0.25),
                        new LoraSpec("styles/ink.safetensors", -1, 0));
    }

    @Test
    void lora_unknown_isNamedWithItsPlace() {
        OptimizeNoiseRequest.Builder request = request(1);
        request.addLoraBuilder().setName("ink");
        request.addLoraBuilder().setName("../ink");
        assertThat(violations(failure(request))).singleElement().satisfies(violation -> {
            assertThat(violation.getField()).isEqualTo("lora[1].name");
            assertThat(violation.getDescription()).isEqualTo("\"../ink\" (expected: one of styles/ink.safetensors)");
        });
    }

    @Test
    void lora_tooMany_isRefused() {
        OptimizeNoiseRequest.Builder request = request(1);
        for (int i = 0; i < 17; i++) {
            request.addLora(Lora.newBuilder().setName("ink"));
        }
        assertThat(failure(request)).hasMessage("INVALID_ARGUMENT: lora: 17 of them (expected: at most 16)");
    }

    @Test
    void weightingAndClipSkip_reachTheModel() {
        OptimizeNoiseRequest.Builder request = request(1);
        request.getPromptBuilder()
                .setWeighting(PromptWeighting.PROMPT_WEIGHTING_A1111)
                .setClipSkip(2);
        sidecar.search(request.build()).summary();
        assertThat(prepared().prompt().weighting()).isEqualTo(Weighting.A1111);
        assertThat(prepared().prompt().clipSkip()).isEqualTo(2);
        sidecar.search(request(1).build()).summary();
        assertThat(prepared().prompt()).isEqualTo(new PromptSpec("a cat and a frog", "", List.of()));
    }

    /** 1, -2 and 0.5 in each floating type. */
    @Test
    void conditioning_inAnyFloatingType_reachesTheModelAsFloats() {
        List<Tensor> tensors = List.of(
                tensor(DataType.DATA_TYPE_FLOAT32, "0000803f" + "000000c0" + "0000003f"),
                tensor(DataType.DATA_TYPE_FLOAT64, "000000000000f03f" + "00000000000000c0" + "000000000000e03f"),
                tensor(DataType.DATA_TYPE_FLOAT16, "003c" + "00c0" + "0038"),
                tensor(DataType.DATA_TYPE_BFLOAT16, "803f" + "00c0" + "003f"));
        for (Tensor tensor : tensors) {
            OptimizeNoiseRequest.Builder request = request(1);
            request.getPromptBuilder()
                    .setText("")
                    .addSubjects(Subject.newBuilder().addTokenIndices(2))
                    .setConditioning(Conditioning.newBuilder()
                            .setEmbeddings(tensor)
                            .setNegativeEmbeddings(tensor)
                            .setPooled(
                                    tensor.toBuilder().clearShape().addShape(1).addShape(3))
                            .addAllTimeIds(List.of(512.0, 768.0, 0.0, 8.0, 1024.0, 1536.0)));
            sidecar.search(request.build()).summary();
            ConditioningSpec conditioning = prepared().prompt().conditioning();
            assertThat(conditioning.embeddings().shape()).containsExactly(1L, 3L, 1L);
            assertThat(conditioning.embeddings().data()).containsExactly(1, -2, 0.5f);
            assertThat(conditioning.negativeEmbeddings().data()).containsExactly(1, -2, 0.5f);
            assertThat(conditioning.pooled().shape()).containsExactly(1L, 3L);
            assertThat(conditioning.negativePooled()).isNull();
            assertThat(conditioning.timeIds()).containsExactly(512.0, 768.0, 0.0, 8.0, 1024.0, 1536.0);
        }
    }

    private static Tensor tensor(DataType type, String hex) {
        return Tensor.newBuilder()
                .setDataType(type)
                .addAllShape(List.of(1L, 3L, 1L))
                .setData(ByteString.copyFrom(HexFormat.of().parseHex(hex)))
                .build();
    }

    @Test
    void warnings_areInAccepted_alsoWhenTheStoredSearchIsSentAgain() {
        sidecar.catalog.warnings = List.of("3 words were cut off", "ink: lora_te2_x matches nothing");
        OptimizeNoiseRequest request = request(2).setSearchId("warned").build();
        for (int i = 0; i < 2; i++) {
            SearchClient search = sidecar.search(request);
            search.summary();
            Accepted accepted = search.messages().get(0).getAccepted();
            assertThat(accepted.getWarningsList())
                    .containsExactly("3 words were cut off", "ink: lora_te2_x matches nothing");
        }
    }

    @Test
    void resume_onOtherWeights_isRefused() {
        OptimizeNoiseRequest request = request(3).setSearchId("s").build();
        sidecar.catalog.beforeEvaluation = prompt -> {
            if (sidecar.catalog.evaluations.size() == 2) {
                throw new IllegalStateException("stops here");
            }
        };
        sidecar.search(request).failure();
        sidecar.catalog.beforeEvaluation = prompt -> {};
        sidecar.catalog.stamp = "another";
        assertThat(sidecar.search(request).failure())
                .hasMessage(
                        "FAILED_PRECONDITION: search_id: \"s\" cannot go on: the files of \"fake\" are others than when it began "
                                + "(expected: the same files, or another search_id to begin anew)");
        assertThat(sidecar.state("s")).isEqualTo(SearchState.SEARCH_STATE_FAILED);

        sidecar.catalog.stamp = "as it was";
        sidecar.catalog.settings = "FLOAT16";
        assertThat(sidecar.search(request).failure())
                .hasMessage(
                        "FAILED_PRECONDITION: search_id: \"s\" cannot go on: the card, the configs, the precision or the service of \"fake\" are "
                                + "others than when it began (expected: all as they were, or another search_id to begin anew)");

        sidecar.catalog.settings = "FLOAT32";
        SearchClient resumed = sidecar.search(request);
        resumed.summary();
        assertThat(resumed.candidates()).hasSize(3);
        assertThat(sidecar.catalog.evaluations).hasSize(3);
        sidecar.catalog.stamp = "another";
        assertThat(sidecar.search(request).summary()).as("what is done is done").isEqualTo(resumed.summary());
        assertThatThrownBy(() -> sidecar.search(request.toBuilder()
                                .setOutput(Output.newBuilder().setPreview(Include.INCLUDE_ALL))
                                .build())
                        .summary())
                .as("its pictures are not drawn by other weights")
                .isInstanceOf(AssertionError.class);
    }
}
