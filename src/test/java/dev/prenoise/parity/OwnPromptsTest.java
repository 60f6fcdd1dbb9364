package dev.prenoise.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.EngineOptions;
import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.engine.SamplingSpec;
import dev.prenoise.engine.SubjectSpec;
import dev.prenoise.engine.Weighting;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.tensor.SafetensorsType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Prompts on single files that lie in a ComfyUI, whose tokenizer is found above them. */
class OwnPromptsTest {
    private static final SamplingSpec TWO_STEPS = new SamplingSpec("euler", "", 2, 0, List.of());
    private static final int END = 199;

    @TempDir
    private Path disk;

    @ParameterizedTest
    @ValueSource(strings = {"sd1", "sd2", "sdxl"})
    void prepare_longWeightedPrompt_isReadInTwoChunksAndDrawn(String family) throws IOException {
        Path models = Files.createDirectories(disk.resolve("ComfyUI/models/checkpoints"));
        TinyModel.of(family).write(models, TinyModel.Layout.SINGLE_FILE, SafetensorsType.F16);
        writeTokenizer(disk.resolve("ComfyUI/comfy/sd1_tokenizer"));

        try (ModelCatalog catalog = catalog(models);
                PromptSession session = catalog.open(catalog.resolve(family))
                        .prepare(prompt("(red:1.3) cat , ", " and a [dog]", Weighting.COMFYUI), TWO_STEPS, 128, 128)) {
            List<SubjectSpec> subjects = session.subjects();
            assertThat(subjects.get(0).tokenIndices()).containsExactly(1, 2);
            assertThat(subjects.get(subjects.size() - 1).text()).isEqualTo("dog");
            assertThat(subjects.get(subjects.size() - 1).tokenIndices().get(0)).isBetween(78, 152);

            Noise noise = NoiseGenerator.generate(NoiseSource.TORCH_CPU, 1, session.noiseShape());
            AttentionMaps maps = session.maps(noise);
            assertThat(maps.tokens()).isEqualTo(154);
            assertThat(DoubleStream.of(maps.cross()).limit(154).sum()).isBetween(0.99, 1.01);
            assertThat(session.draw(List.of(new SeededNoise(noise, 1))).get(0).width())
                    .isEqualTo(128);
        }
    }

    @Test
    void prepare_asA1111_warnsAndRefusesInTheFieldsOfARequest() throws IOException {
        Path models = Files.createDirectories(disk.resolve("ComfyUI/models/checkpoints"));
        TinyModel.of("sd1").write(models, TinyModel.Layout.SINGLE_FILE, SafetensorsType.F16);
        writeTokenizer(disk.resolve("ComfyUI/comfy/sd1_tokenizer"));
        try (ModelCatalog catalog = catalog(models)) {
            String id = catalog.resolve("sd1");
            PromptSpec changing = new PromptSpec("a [cat:dog:0.5]", "", List.of(), null, Weighting.A1111, 0);
            try (PromptSession session = catalog.open(id).prepare(changing, TWO_STEPS, 128, 128)) {
                assertThat(session.subjects()).extracting(SubjectSpec::text).containsExactly("cat");
                assertThat(session.warnings()).singleElement().asString().contains("\"a cat\"");
            }
            PromptSpec lora = new PromptSpec("a cat <lora:x:1>", "", List.of());
            assertThatThrownBy(() -> catalog.open(id).prepare(lora, TWO_STEPS, 128, 128))
                    .isInstanceOf(InvalidFieldException.class)
                    .hasMessageStartingWith("prompt.text: \"<lora:x:1>\" (expected: ");
        }
    }

    @Test
    void prepare_withoutAnyTokenizer_saysWhereItLookedAndWhatElseWorks() throws IOException {
        TinyModel.of("sd1").write(disk, TinyModel.Layout.SINGLE_FILE, SafetensorsType.F16);
        Path empty = Files.createDirectories(disk.resolve("empty"));
        CatalogOptions options = CatalogOptions.of(disk.resolve("cache")).withModels(List.of(disk));
        CatalogOptions given = options.withEngine(new EngineOptions(
                "cpu", 0, options.engine().idle(), options.engine().precision(), List.of(empty)));
        try (ModelCatalog catalog = Catalogs.create(given)) {
            assertThatThrownBy(() -> catalog.open(catalog.resolve("sd1"))
                            .prepare(new PromptSpec("a cat", "", List.of()), TWO_STEPS, 128, 128))
                    .isInstanceOf(InvalidFieldException.class)
                    .hasMessageStartingWith("prompt.text: " + empty + ": no tokenizer files (expected: ")
                    .hasMessageContaining("or prompt.conditioning");
        }
    }

    private ModelCatalog catalog(Path models) {
        return Catalogs.create(CatalogOptions.of(disk.resolve("cache")).withModels(List.of(models)));
    }

    /** More than 75 tokens between the two ends. */
    private static PromptSpec prompt(String start, String end, Weighting weighting) {
        return new PromptSpec(start + "a red cat , ".repeat(20) + end, "a dog", List.of(), null, weighting, 0);
    }

    /** Whole words for the tiny models' 200 tokens, the last two of which begin and end a text, as CLIP's do. */
    private static void writeTokenizer(Path folder) throws IOException {
        JsonObject rules = JsonParser.parseString(
                        Files.readString(Path.of("test/resources/text/shapes/tokenizer.json")))
                .getAsJsonObject();
        JsonObject vocabulary = new JsonObject();
        List<String> words = List.of("!", "a", "red", "cat", ",", "and", "dog", "[", "]", "<unk>");
        words.forEach(word -> vocabulary.addProperty(word, vocabulary.size()));
        JsonObject special = rules.getAsJsonObject("post_processor").getAsJsonObject("special_tokens");
        for (Map.Entry<String, Integer> token :
                Map.of("<bos>", END - 1, "<eos>", END).entrySet()) {
            vocabulary.addProperty(token.getKey(), token.getValue());
            JsonArray ids = new JsonArray();
            ids.add(token.getValue());
            special.getAsJsonObject(token.getKey()).add("ids", ids);
        }
        rules.getAsJsonObject("model").add("vocab", vocabulary);
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("tokenizer.json"), rules.toString());
    }
}
