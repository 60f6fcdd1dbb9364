package dev.prenoise.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.server.SearchClient;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.server.ops.SidecarServer;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.AttentionRanking;
import dev.prenoise.v1.Budget;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.Conditioning;
import dev.prenoise.v1.DataType;
import dev.prenoise.v1.LossForm;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Prompt;
import dev.prenoise.v1.Sampling;
import dev.prenoise.v1.Subject;
import dev.prenoise.v1.Tensor;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * As a host that has encoded the prompt itself: a file in a models folder, embeddings and token indices on the wire. The file holds a UNet and
 * nothing else, and there are no tokenizer files, so neither can have been read. What is expected was computed by diffusers and by the
 * published losses; see src/test/resources/parity/README.md of the engine.
 */
class HostConditioningTest {
    private static final Path PARITY = Path.of("..", "src", "test", "resources", "parity");

    @TempDir
    private Path folder;

    /** The goldens' latents are torch's noise of these seeds, so candidate 0 is them without being sent. */
    @ParameterizedTest
    @CsvSource({"sd1, 100, leading", "sd2_v, 102, trailing", "sdxl, 103, trailing"})
    void optimizeNoise_withConditioningAndTokenIndices_scoresAsTheReference(String family, long seed, String schedule)
            throws IOException {
        writeUNet(family, Files.createDirectories(folder.resolve("models")).resolve(family + ".safetensors"));
        SafetensorsFile golden = SafetensorsFile.open(PARITY.resolve(family + "/golden.safetensors"));
        JsonObject numbers =
                JsonParser.parseString(golden.metadata().get("numbers")).getAsJsonObject();

        List<Candidate> candidates = search(request(golden, family, seed, schedule));

        assertThat(candidates).extracting(Candidate::getIndex).containsExactly(0, 1);
        Candidate first = candidates.get(0);
        assertThat(first.getScore()).isCloseTo(numbers.get("initno").getAsDouble(), within(2e-5));
        for (String term : List.of("cross", "self", "clean")) {
            assertThat(first.getTermsMap().get(term))
                    .as(term)
                    .isCloseTo(numbers.get("initno." + term).getAsDouble(), within(2e-5));
        }
        assertThat(first.getRecipe().getSeed()).isEqualTo(seed);
        assertThat(candidates.get(1).getScore()).isNotEqualTo(first.getScore());
    }

    private List<Candidate> search(OptimizeNoiseRequest request) {
        try (ModelCatalog catalog = Catalogs.create(
                        CatalogOptions.of(folder.resolve("cache")).withModels(List.of(folder.resolve("models"))));
                SidecarServer server = new SidecarServer(SidecarConfig.DEFAULT, catalog)) {
            ManagedChannel channel = server.startInProcess();
            try {
                SearchClient search = SearchClient.start(channel, request);
                search.summary();
                return search.candidates();
            } finally {
                channel.shutdownNow();
            }
        }
    }

    private static OptimizeNoiseRequest request(SafetensorsFile golden, String family, long seed, String schedule) {
        Conditioning.Builder conditioning = Conditioning.newBuilder().setEmbeddings(tensor(golden, "context"));
        if (golden.contains("pooled")) {
            conditioning.setPooled(tensor(golden, "pooled"));
            for (float id : values(golden, "time_ids")) {
                conditioning.addTimeIds(id);
            }
        }
        List<Long> latents = golden.entry("latents").shape();
        return OptimizeNoiseRequest.newBuilder()
                .setBackbone(family + ".safetensors")
                .setPrompt(Prompt.newBuilder()
                        .setConditioning(conditioning)
                        .addSubjects(Subject.newBuilder().setText("cat").addAllTokenIndices(List.of(2, 3)))
                        .addSubjects(Subject.newBuilder().setText("dog").addAllTokenIndices(List.of(6, 7))))
                .setHeight(Math.toIntExact(8 * latents.get(2)))
                .setWidth(Math.toIntExact(8 * latents.get(3)))
                .setSeed(seed)
                .setSampling(Sampling.newBuilder()
                        .setSampler("ddim")
                        .setSchedule(schedule)
                        .setSteps(50)
                        .setGuidanceScale(1))
                .setAttention(AttentionRanking.newBuilder()
                        .setLoss(AttentionLoss.ATTENTION_LOSS_INITNO)
                        .setForm(LossForm.LOSS_FORM_PUBLISHED))
                .setBudget(Budget.newBuilder().setLossEvaluations(2))
                .build();
    }

    private static Tensor tensor(SafetensorsFile golden, String name) {
        float[] values = values(golden, name);
        ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return Tensor.newBuilder()
                .setDataType(DataType.DATA_TYPE_FLOAT32)
                .addAllShape(golden.entry(name).shape())
                .setData(ByteString.copyFrom(bytes))
                .build();
    }

    private static float[] values(SafetensorsFile golden, String name) {
        try (dev.prenoise.tensor.Tensor stored = golden.load(name, Compute.cpu(), DType.FLOAT32)) {
            return stored.toFloats();
        }
    }

    /** The tiny model's UNet under its LDM names, by the rule of the parity README. */
    private static void writeUNet(String family, Path file) throws IOException {
        JsonObject header = new JsonObject();
        List<String[]> lines = Files.readAllLines(PARITY.resolve(family + "/tensors.tsv")).stream()
                .map(line -> line.split("\t", -1))
                .filter(columns -> columns[0].equals("unet"))
                .toList();
        long offset = 0;
        for (String[] columns : lines) {
            long end = offset + (long) Float.BYTES * size(columns[2]);
            header.add(
                    columns[6],
                    JsonParser.parseString("{\"dtype\": \"F32\", \"shape\": [" + columns[2] + "], \"data_offsets\": ["
                            + offset + ", " + end + "]}"));
            offset = end;
        }
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        try (OutputStream out = Files.newOutputStream(file)) {
            out.write(ByteBuffer.allocate(Long.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(json.length)
                    .array());
            out.write(json);
            for (String[] columns : lines) {
                out.write(draw(family + "/unet/" + columns[1], columns));
            }
        }
    }

    private static int size(String shape) {
        return Arrays.stream(shape.split(",")).mapToInt(Integer::parseInt).reduce(1, Math::multiplyExact);
    }

    private static byte[] draw(String key, String[] columns) {
        int bits = Integer.parseInt(columns[3]);
        int exponent = Integer.parseInt(columns[4]);
        int offset = Integer.parseInt(columns[5]);
        long state = 0xCBF29CE484222325L;
        for (byte b : key.getBytes(StandardCharsets.UTF_8)) {
            state = (state ^ b) * 0x100000001B3L;
        }
        ByteBuffer values = ByteBuffer.allocate(Float.BYTES * size(columns[2])).order(ByteOrder.LITTLE_ENDIAN);
        while (values.hasRemaining()) {
            state += 0x9E3779B97F4A7C15L;
            long z = (state ^ (state >>> 30)) * 0xBF58476D1CE4E5B9L;
            z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
            values.putFloat(offset + Math.scalb((float) ((z ^ (z >>> 31)) >> (64 - bits)), exponent));
        }
        return values.array();
    }
}
