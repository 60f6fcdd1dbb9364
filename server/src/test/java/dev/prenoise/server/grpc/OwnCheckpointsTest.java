package dev.prenoise.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.EngineOptions;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.server.SearchClient;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.server.ops.SidecarServer;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.Backbone;
import dev.prenoise.v1.Conditioning;
import dev.prenoise.v1.DataType;
import dev.prenoise.v1.GetCapabilitiesRequest;
import dev.prenoise.v1.GetCapabilitiesResponse;
import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.ReleaseMemoryRequest;
import dev.prenoise.v1.Subject;
import dev.prenoise.v1.Tensor;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A sidecar on folders of tiny checkpoints and LoRAs, as a user would point it at theirs. */
class OwnCheckpointsTest {
    private static final Path RESOURCES = Path.of("../src/test/resources");
    private static final Path UNET = RESOURCES.resolve("backbone/tiny_sd1/diffusion_pytorch_model.safetensors");

    @TempDir
    private Path folder;

    private Path models;
    private ModelCatalog catalog;
    private SidecarServer server;
    private ManagedChannel channel;

    @BeforeEach
    void start() throws IOException {
        models = Files.createDirectories(folder.resolve("models"));
        copy(UNET, models.resolve("sd15/bare.safetensors"));
        Files.writeString(models.resolve("sd15/bare.prenoise.json"), "{\"heads\": 2, \"norm_groups\": 16}");
        byte[] whole = Files.readAllBytes(UNET);
        Files.write(models.resolve("cut.safetensors"), Arrays.copyOf(whole, whole.length / 2));
        Files.write(models.resolve("old.ckpt"), new byte[] {(byte) 0x80, 2});
        diffusersFolder(models.resolve("tiny"));
        copy(RESOURCES.resolve("backbone/lora/kohya.safetensors"), folder.resolve("loras/styles/ink.safetensors"));
        copy(UNET, folder.resolve("loras/no-lora.safetensors"));
        open();
    }

    private void open() {
        catalog = Catalogs.create(CatalogOptions.of(folder.resolve("cache"))
                .withModels(List.of(models))
                .withLoras(List.of(folder.resolve("loras")))
                .withEngine(EngineOptions.of("cpu"))
                .withHashing(true));
        server = new SidecarServer(SidecarConfig.DEFAULT.withDataDir(folder.resolve("data")), catalog);
        channel = server.startInProcess();
    }

    @AfterEach
    void stop() {
        channel.shutdownNow();
        server.close();
        catalog.close();
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to.getParent());
        Files.copy(from, to);
    }

    /** Stable Diffusion 2's shape; its tokenizer's vocabulary is a few hundred words. */
    private static void diffusersFolder(Path to) throws IOException {
        Path from = RESOURCES.resolve("backbone/tiny_sd2");
        copy(from.resolve("unet/config.json"), to.resolve("unet/config.json"));
        copy(from.resolve("unet/model.safetensors"), to.resolve("unet/diffusion_pytorch_model.safetensors"));
        copy(from.resolve("vae/config.json"), to.resolve("vae/config.json"));
        copy(from.resolve("vae/model.safetensors"), to.resolve("vae/diffusion_pytorch_model.safetensors"));
        copy(from.resolve("text_encoder/config.json"), to.resolve("text_encoder/config.json"));
        copy(from.resolve("text_encoder/model.safetensors"), to.resolve("text_encoder/model.safetensors"));
        try (Stream<Path> files = Files.list(RESOURCES.resolve("text/clip-tiny"))) {
            for (Path file : files.toList()) {
                copy(file, to.resolve("tokenizer").resolve(file.getFileName().toString()));
            }
        }
        Files.writeString(to.resolve("model_index.json"), "{}");
    }

    private NoiseProviderGrpc.NoiseProviderBlockingStub client() {
        return NoiseProviderGrpc.newBlockingStub(channel);
    }

    private GetCapabilitiesResponse capabilities() {
        return client().getCapabilities(GetCapabilitiesRequest.getDefaultInstance());
    }

    private List<String> ids() {
        return capabilities().getBackbonesList().stream().map(Backbone::getId).toList();
    }

    private Backbone backbone(String id) {
        return capabilities().getBackbonesList().stream()
                .filter(backbone -> backbone.getId().equals(id))
                .findFirst()
                .orElseThrow();
    }

    private SearchClient search(OptimizeNoiseRequest.Builder request) {
        return SearchClient.start(channel, request.build());
    }

    /** On embeddings of the caller's own, which need neither tokenizer nor text encoder. */
    private static OptimizeNoiseRequest.Builder conditioned(String backbone, int width, DataType type) {
        Random random = new Random(1);
        int bytes = type == DataType.DATA_TYPE_FLOAT64 ? 8 : 4;
        ByteBuffer data = ByteBuffer.allocate(77 * width * bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (data.hasRemaining()) {
            float value = (float) random.nextGaussian();
            if (bytes == 8) {
                data.putDouble(value);
            } else {
                data.putFloat(value);
            }
        }
        OptimizeNoiseRequest.Builder request = OptimizeNoiseRequest.newBuilder()
                .setBackbone(backbone)
                .setSeed(7)
                .setWidth(256)
                .setHeight(256);
        request.getPromptBuilder()
                .addSubjects(Subject.newBuilder().setText("cat").addTokenIndices(2))
                .addSubjects(Subject.newBuilder().setText("frog").addTokenIndices(5))
                .setConditioning(Conditioning.newBuilder()
                        .setEmbeddings(Tensor.newBuilder()
                                .setDataType(type)
                                .addAllShape(List.of(1L, 77L, (long) width))
                                .setData(ByteString.copyFrom(data.flip()))));
        request.getAttentionBuilder().setLoss(AttentionLoss.ATTENTION_LOSS_INITNO);
        request.getBudgetBuilder().setLossEvaluations(3);
        return request;
    }

    private List<Double> scores(OptimizeNoiseRequest.Builder request) {
        SearchClient search = search(request);
        search.summary();
        return search.candidates().stream()
                .map(candidate -> candidate.getScore())
                .toList();
    }

    @Test
    void capabilities_listWhatIsThereAndWhatIsWrongWithIt() {
        assertThat(ids())
                .containsExactly("shapes", "shapes-v", "cut.safetensors", "old.ckpt", "sd15/bare.safetensors", "tiny");
        Backbone bare = backbone("sd15/bare.safetensors");
        assertThat(bare.getFamily()).isEqualTo("sd1");
        assertThat(bare.getProblem()).isEmpty();
        assertThat(bare.getNativeSize()).isEqualTo(512);
        assertThat(bare.getPrediction()).isEqualTo("eps");
        assertThat(bare.getBytes()).isEqualTo(UNET.toFile().length());
        assertThat(bare.getLoaded()).isFalse();
        assertThat(backbone("cut.safetensors").getProblem()).contains("cut short");
        assertThat(backbone("old.ckpt").getProblem()).startsWith("a pickle");
        assertThat(backbone("tiny").getFamily()).isEqualTo("sd2");
        assertThat(capabilities().getLorasList())
                .extracting(lora -> lora.getName() + (lora.getProblem().isEmpty() ? "" : " with a problem"))
                .containsExactly("no-lora.safetensors with a problem", "styles/ink.safetensors");
        SearchClient.await(() -> !backbone("sd15/bare.safetensors").getSha256().isEmpty()
                && !backbone("tiny").getSha256().isEmpty());
    }

    @Test
    void backbone_thatCannotBeUsed_isRefusedWithTheReason() {
        assertThat(search(conditioned("cut.safetensors", 24, DataType.DATA_TYPE_FLOAT32))
                        .failure())
                .hasMessageStartingWith("FAILED_PRECONDITION: backbone: \"cut.safetensors\" cannot be used: ")
                .hasMessageContaining("cut short");
        assertThat(search(conditioned("old.ckpt", 24, DataType.DATA_TYPE_FLOAT32))
                        .failure())
                .hasMessageStartingWith("FAILED_PRECONDITION: backbone: \"old.ckpt\" cannot be used: a pickle");
        for (String path : List.of(UNET.toAbsolutePath().toString(), "../models/cut.safetensors", models + "/tiny")) {
            assertThat(search(conditioned(path, 24, DataType.DATA_TYPE_FLOAT32)).failure())
                    .hasMessageStartingWith("NOT_FOUND: backbone: ");
        }
    }

    @Test
    void conditioning_onABareUnet_isSearchedOnByAnyOfItsNames() {
        List<Double> scores = scores(conditioned("sd15/bare.safetensors", 24, DataType.DATA_TYPE_FLOAT32));
        assertThat(scores).hasSize(3).doesNotHaveDuplicates().allMatch(Double::isFinite);
        assertThat(backbone("sd15/bare.safetensors").getLoaded()).isTrue();
        assertThat(scores(conditioned("bare", 24, DataType.DATA_TYPE_FLOAT64))).isEqualTo(scores);
        SearchClient.await(() -> !backbone("sd15/bare.safetensors").getSha256().isEmpty());
        String hash = backbone("sd15/bare.safetensors").getSha256().substring(0, 10);
        assertThat(scores(conditioned(hash, 24, DataType.DATA_TYPE_FLOAT32))).isEqualTo(scores);
        assertThat(client().releaseMemory(ReleaseMemoryRequest.getDefaultInstance())
                        .getBytesFreed())
                .isPositive();
        assertThat(backbone("sd15/bare.safetensors").getLoaded()).isFalse();
        assertThat(search(conditioned("bare", 32, DataType.DATA_TYPE_FLOAT32)).failure())
                .hasMessageContaining("prompt.conditioning.embeddings.shape: [1, 77, 32] (expected: [1, T, 24]");
    }

    @Test
    void lora_changesTheScores_andAFileThatIsNoneIsRefused() {
        OptimizeNoiseRequest.Builder request =
                conditioned("tiny", 12, DataType.DATA_TYPE_FLOAT32).setWidth(64).setHeight(64);
        List<Double> plain = scores(request);
        request.addLoraBuilder().setName("ink").setStrength(0.75);
        assertThat(scores(request)).hasSize(3).isNotEqualTo(plain);
        request.getLoraBuilder(0).setStrength(0);
        assertThat(scores(request)).isEqualTo(plain);
        request.getLoraBuilder(0).setName("no-lora");
        assertThat(search(request).failure())
                .hasMessageStartingWith("INVALID_ARGUMENT: lora[0].name: \"no-lora\" cannot be used: ");
    }

    @Test
    void folders_thatChange_areSeenAtOnce() throws Exception {
        assertThat(ids()).contains("sd15/bare.safetensors");
        copy(UNET, models.resolve("new/later.safetensors"));
        assertThat(ids()).contains("new/later.safetensors");
        Path card = Files.writeString(models.resolve("new/later.prenoise.json"), "{\"heads\": \"two\"}");
        assertThat(backbone("new/later.safetensors").getProblem()).contains("later.prenoise.json", "heads");
        Files.writeString(card, "{\"heads\": 2, \"norm_groups\": 16}");
        assertThat(backbone("new/later.safetensors").getProblem()).isEmpty();
        Files.delete(models.resolve("sd15/bare.safetensors"));
        assertThat(ids()).doesNotContain("sd15/bare.safetensors");
        assertThat(search(conditioned("sd15/bare.safetensors", 24, DataType.DATA_TYPE_FLOAT32))
                        .failure())
                .hasMessageStartingWith(
                        "NOT_FOUND: backbone: \"sd15/bare.safetensors\" (expected: one of shapes, shapes-v, new/later");
    }

    @Test
    void search_whoseFileIsReplacedMeanwhile_endsWithTheFilesName() throws Exception {
        OptimizeNoiseRequest.Builder request = conditioned("sd15/bare.safetensors", 24, DataType.DATA_TYPE_FLOAT32);
        request.getBudgetBuilder().setLossEvaluations(100_000);
        SearchClient search = search(request);
        search.awaitCandidates(1);
        Path model = models.resolve("sd15/bare.safetensors");
        byte[] bytes = Files.readAllBytes(model);
        bytes[bytes.length - 1] ^= 1;
        Files.move(Files.write(folder.resolve("other"), bytes), model, StandardCopyOption.REPLACE_EXISTING);
        client().releaseMemory(ReleaseMemoryRequest.getDefaultInstance());
        assertThat(search.failure())
                .hasMessageStartingWith("FAILED_PRECONDITION: " + model)
                .hasMessageContaining("the file was changed since it was opened");
    }

    @Test
    void search_goesOnAfterARestart_butNotOnAnotherFileOrUnderAnotherCard() throws Exception {
        OptimizeNoiseRequest.Builder request = conditioned("sd15/bare.safetensors", 24, DataType.DATA_TYPE_FLOAT32)
                .setSearchId("mine");
        request.getBudgetBuilder().setLossEvaluations(100_000);
        SearchClient.await(() -> !backbone("sd15/bare.safetensors").getSha256().isEmpty());
        SearchClient first = search(request);
        first.awaitCandidates(2);
        first.cancel();
        stop();
        byte[] bytes = Files.readAllBytes(models.resolve("sd15/bare.safetensors"));
        bytes[bytes.length - 1] ^= 1;
        Files.write(models.resolve("sd15/bare.safetensors"), bytes);
        open();
        assertThat(search(request).failure())
                .hasMessageStartingWith(
                        "FAILED_PRECONDITION: search_id: \"mine\" cannot go on: the files of \"sd15/bare.safetensors\"");
        bytes[bytes.length - 1] ^= 1;
        Files.write(models.resolve("sd15/bare.safetensors"), bytes);
        SearchClient.await(() -> !backbone("sd15/bare.safetensors").getSha256().isEmpty());
        Path card = models.resolve("sd15/bare.prenoise.json");
        Files.writeString(card, "{\"heads\": 4, \"norm_groups\": 16}");
        assertThat(search(request).failure())
                .hasMessageStartingWith(
                        "FAILED_PRECONDITION: search_id: \"mine\" cannot go on: the card, the configs, the precision or the service of ");
        Files.writeString(card, "{\"heads\": 2, \"norm_groups\": 16}");
        SearchClient again = search(request);
        again.awaitCandidates(first.candidates().size());
        assertThat(again.candidates().subList(0, 2))
                .isEqualTo(first.candidates().subList(0, 2));
        again.cancel();
    }
}
