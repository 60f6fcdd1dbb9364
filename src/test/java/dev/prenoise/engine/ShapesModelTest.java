package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.LossForm;
import dev.prenoise.image.Picture;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.Shot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ShapesModelTest {
    private static final PromptSpec PROMPT = new PromptSpec("a red circle and a blue square", "", List.of());

    @TempDir
    static Path cache;

    private static ModelCatalog catalog;

    @BeforeAll
    static void open() {
        catalog = Catalogs.create(cache, List.of(), "cpu");
    }

    @AfterAll
    static void close() {
        catalog.close();
    }

    @ParameterizedTest
    @CsvSource({"shapes, reference.safetensors", "shapes-v, reference-v.safetensors"})
    void draw_ofTheReferencePrompt_equalsDiffusers(String model, String reference) {
        float[] expected = SafetensorsFile.open(Path.of("test/resources/shapes/" + reference))
                .load("image", Compute.cpu(), DType.FLOAT32)
                .toFloats();
        try (PromptSession session = catalog.open(model).prepare(PROMPT, SamplingSpec.DEFAULT, 0, 0)) {
            Picture picture = session.draw(List.of(seeded(7))).get(0);
            assertThat(picture.width()).isEqualTo(64);
            int worst = 0;
            for (int channel = 0; channel < 3; channel++) {
                for (int i = 0; i < 64 * 64; i++) {
                    float unit = Math.min(1, Math.max(0, expected[channel * 64 * 64 + i] / 2 + 0.5f));
                    worst = Math.max(worst, Math.abs(Math.round(unit * 255) - (picture.rgb()[i * 3 + channel] & 255)));
                }
            }
            assertThat(worst).isLessThanOrEqualTo(1);
        }
    }

    @Test
    void shapesV_predictsV_isScoredOnTheSameGrid_andJudgedByTheOracle() {
        BackboneInfo info = catalog.list().get(1);
        assertThat(info.id()).isEqualTo("shapes-v");
        assertThat(info.prediction()).isEqualTo("v");
        assertThat(info.family()).isEqualTo(catalog.list().get(0).family());
        assertThat(info.sha256()).isNotEqualTo(catalog.list().get(0).sha256());
        try (PromptSession session = catalog.open("shapes-v").prepare(PROMPT, SamplingSpec.DEFAULT, 0, 0);
                Judge oracle = catalog.verifiers().open("oracle").judge(Question.of(PROMPT.text()))) {
            AttentionMaps maps = session.maps(noise(1));
            assertThat(List.of(maps.rows(), maps.columns())).containsExactly(16, 16);
            assertThat(session.subjects()).hasSize(2);
            List<Picture> pictures =
                    session.draw(List.of(seeded(1), seeded(2), seeded(3), seeded(4), seeded(5), seeded(6)));
            double[] scores = oracle.score(
                    pictures.stream().map(picture -> new Shot(picture, null)).toList());
            assertThat(Arrays.stream(scores).max().orElseThrow())
                    .as("the best of six")
                    .isGreaterThan(0.8);
        }
    }

    @Test
    void prepare_findsSubjectsAndTheirTokens() {
        try (PromptSession session = session(PROMPT)) {
            assertThat(session.subjects())
                    .containsExactly(
                            new SubjectSpec("circle", List.of("red"), List.of(2, 3)),
                            new SubjectSpec("square", List.of("blue"), List.of(6, 7)));
            assertThat(session.noiseShape()).containsExactly(1, 4, 16, 16);
        }
    }

    @Test
    void evaluate_inAnySplit_givesTheSameBits() {
        List<Noise> noises =
                IntStream.range(0, 7).mapToObj(ShapesModelTest::noise).toList();
        try (PromptSession session = session(PROMPT)) {
            Evaluator evaluator = session.attention(AttentionLosses.of("initno", LossForm.RANKING));
            assertThat(evaluator.maxBatch()).isEqualTo(4);
            List<Double> whole = scores(evaluator, noises, 4);
            assertThat(scores(evaluator, noises, 1)).isEqualTo(whole);
            assertThat(scores(evaluator, noises, 3)).isEqualTo(whole);
            assertThat(whole).doesNotHaveDuplicates();
        }
    }

    @Test
    void attentionPass_ofSeveralLosses_givesEachTheBitsThatItHasAlone() {
        List<Noise> noises =
                IntStream.range(0, 5).mapToObj(ShapesModelTest::noise).toList();
        try (PromptSession session = session(PROMPT)) {
            for (List<String> names :
                    List.of(List.of("initno", "self-cross"), List.of("conform", "attend-and-excite"))) {
                List<AttentionLoss> losses = names.stream()
                        .map(name -> AttentionLosses.of(name, LossForm.RANKING))
                        .toList();
                boolean self = losses.get(0).readsSelfAttention();
                AttentionPass.Scores together =
                        session.attentionPass(losses, self).scores(noises);
                for (int i = 0; i < losses.size(); i++) {
                    List<Double> values = together.values().get(i).stream()
                            .map(value -> value.loss())
                            .toList();
                    assertThat(values).isEqualTo(scores(session.attention(losses.get(i)), noises, 4));
                    assertThat(together.lossSeconds().get(i)).isPositive().isLessThan(together.seconds());
                }
            }
            List<AttentionLoss> both = List.of(
                    AttentionLosses.of("initno", LossForm.RANKING), AttentionLosses.of("conform", LossForm.RANKING));
            AttentionPass.Scores mixed = session.attentionPass(both, true).scores(noises);
            assertThat(mixed.values().get(0).get(4).loss())
                    .isEqualTo(scores(session.attention(both.get(0)), noises, 4).get(4));
            assertThat(mixed.values().get(1).get(4).loss())
                    .isCloseTo(scores(session.attention(both.get(1)), noises, 4).get(4), within(1e-5));
            assertThatThrownBy(() -> session.attentionPass(both, false))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("as one of them reads self-attention");
        }
    }

    @Test
    void evaluateWithGradient_pointsUphill() {
        try (PromptSession session = session(PROMPT)) {
            Evaluator evaluator = session.attention(AttentionLosses.of("initno", LossForm.RANKING));
            Noise start = noise(3);
            Evaluation here = evaluator.evaluateWithGradient(List.of(start)).get(0);
            float[] gradient = here.gradient().data();
            double squared = 0;
            for (float g : gradient) {
                squared += (double) g * g;
            }
            double step = 1e-2 / Math.sqrt(squared);
            double up = evaluator
                    .evaluate(List.of(moved(start, gradient, step)))
                    .get(0)
                    .score();
            double down = evaluator
                    .evaluate(List.of(moved(start, gradient, -step)))
                    .get(0)
                    .score();
            assertThat((up - down) / (2 * step)).isCloseTo(squared, org.assertj.core.data.Percentage.withPercentage(2));
        }
    }

    @Test
    void prepare_ofUnknownSubject_namesTheFieldAndWhatWasFound() {
        PromptSpec prompt = new PromptSpec(
                PROMPT.text(),
                "",
                List.of(
                        new SubjectSpec("circle", List.of(), List.of()),
                        new SubjectSpec("star", List.of(), List.of())));
        assertThatThrownBy(() -> session(prompt))
                .isInstanceOf(InvalidFieldException.class)
                .hasMessageContaining("prompt.subjects[1].text: \"star\"")
                .hasMessageContaining("red circle, blue square");
    }

    @Test
    void prepare_ofWordsThatTheModelLacks_namesTheWord() {
        assertThatThrownBy(() -> session(new PromptSpec("a photo of a red circle", "", List.of())))
                .isInstanceOf(InvalidFieldException.class)
                .hasMessageStartingWith("prompt.text: \"photo\" (expected: words");
    }

    @Test
    void prepare_ofUnusableSizesAndSampling_namesTheField() {
        Model model = catalog.open("shapes");
        assertThatThrownBy(() -> model.prepare(PROMPT, SamplingSpec.DEFAULT, 63, 64))
                .isInstanceOf(InvalidFieldException.class)
                .hasMessageStartingWith("width: 63 (expected: a multiple of 4");
        assertThatThrownBy(() -> model.prepare(PROMPT, SamplingSpec.DEFAULT, 64, 4))
                .isInstanceOf(InvalidFieldException.class)
                .hasMessage("height: 4 (expected: a multiple of 4 from 8 to 256)");
        assertThatThrownBy(() -> model.prepare(PROMPT, SamplingSpec.DEFAULT, 260, 64))
                .isInstanceOf(InvalidFieldException.class)
                .hasMessage("width: 260 (expected: a multiple of 4 from 8 to 256)");
        assertThatThrownBy(() -> model.prepare(PROMPT, new SamplingSpec("euler", "no-such", 0, 0, List.of()), 0, 0))
                .isInstanceOf(InvalidFieldException.class)
                .hasMessageStartingWith("sampling.schedule: \"no-such\"");
    }

    @Test
    void releaseMemory_betweenEvaluations_changesNothing() {
        try (PromptSession session = session(PROMPT)) {
            Evaluator evaluator = session.attention(AttentionLosses.of("self-cross", LossForm.RANKING));
            List<Double> before = scores(evaluator, List.of(noise(1)), 4);
            assertThat(catalog.releaseMemory()).isGreaterThan(1_000_000);
            assertThat(catalog.list().get(0).loaded()).isFalse();
            assertThat(scores(evaluator, List.of(noise(1)), 4)).isEqualTo(before);
        }
    }

    @Test
    void open_ofUnknownBackbone_listsThoseThereAre() {
        assertThatThrownBy(() -> catalog.open("sd15"))
                .isInstanceOf(UnknownBackboneException.class)
                .hasMessage("backbone: \"sd15\" (expected: one of shapes, shapes-v)");
    }

    @Test
    void create_withFoldersInDiffusersLayout_opensTheWholeAndSaysWhatIsWrongWithTheBroken(@TempDir Path models)
            throws Exception {
        copyModel(models.resolve("mine/tiny"));
        Files.writeString(Files.createDirectories(models.resolve("broken")).resolve("model_index.json"), "{}");
        try (ModelCatalog mine = Catalogs.create(cache, List.of(models), "cpu");
                PromptSession session = mine.open("mine/tiny").prepare(PROMPT, SamplingSpec.DEFAULT, 0, 0)) {
            assertThat(mine.list().stream().map(BackboneInfo::id))
                    .containsExactly("shapes", "shapes-v", "broken", "mine/tiny");
            assertThat(mine.list().get(2).problem()).contains("which has a folder unet");
            assertThat(session.subjects()).hasSize(2);
        }
    }

    @Test
    void create_withLinks_followsThemButNotRoundInCircles(@TempDir Path models, @TempDir Path elsewhere)
            throws Exception {
        copyModel(elsewhere.resolve("tiny"));
        Files.createSymbolicLink(models.resolve("linked"), elsewhere.resolve("tiny"));
        Files.createSymbolicLink(models.resolve("round"), models);
        try (ModelCatalog mine = Catalogs.create(cache, List.of(models), "cpu")) {
            assertThat(mine.list().stream().map(BackboneInfo::id)).containsExactly("shapes", "shapes-v", "linked");
            assertThat(mine.open("linked").info().id()).isEqualTo("linked");
        }
    }

    @Test
    void open_ofAFolderWhoseFilesDoNotBelongTogether_namesTheFile(@TempDir Path models) throws Exception {
        copyModel(models.resolve("mixed"));
        Path tiny = Path.of("test/resources/backbone/tiny_sd1");
        for (String file : List.of("config.json", "diffusion_pytorch_model.safetensors")) {
            Files.copy(tiny.resolve(file), models.resolve("mixed/unet/" + file), StandardCopyOption.REPLACE_EXISTING);
        }
        copyModel(models.resolve("torn"));
        Files.delete(models.resolve("torn/unet/diffusion_pytorch_model.safetensors"));
        copyModel(models.resolve("stride"));
        Files.writeString(models.resolve("stride/prenoise.json"), "{\"attention_stride\": 3}");
        try (ModelCatalog mine = Catalogs.create(cache, List.of(models), "cpu")) {
            assertThatThrownBy(() -> mine.open("mixed"))
                    .isInstanceOf(ModelException.class)
                    .hasMessageEndingWith(
                            "mixed: the UNet attends to embeddings of width 24 (expected: 96, the text encoder's width)");
            assertThatThrownBy(() -> mine.open("torn"))
                    .isInstanceOf(ModelException.class)
                    .hasMessageContaining("torn")
                    .hasMessageContaining("unet");
            assertThatThrownBy(() -> mine.open("stride"))
                    .isInstanceOf(ModelException.class)
                    .hasMessageContaining("prenoise.json: attention_stride: 3 (expected: ");
        }
    }

    @Test
    void evaluate_onAnOblongPicture_scoresAndDrawsAtThatSize() {
        try (PromptSession session = catalog.open("shapes").prepare(PROMPT, SamplingSpec.DEFAULT, 96, 52)) {
            assertThat(session.noiseShape()).containsExactly(1, 4, 13, 24);
            Noise noise = NoiseGenerator.generate(NoiseSource.TORCH_CPU, 1, session.noiseShape());
            AttentionMaps maps = session.maps(noise);
            assertThat(List.of(maps.rows(), maps.columns())).containsExactly(13, 24);
            Evaluator evaluator = session.attention(AttentionLosses.of("self-cross", LossForm.RANKING));
            assertThat(evaluator.evaluate(List.of(noise)).get(0).score()).isFinite();
            Picture picture = session.draw(List.of(new SeededNoise(noise, 1))).get(0);
            assertThat(List.of(picture.width(), picture.height())).containsExactly(96, 52);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_sde"})
    void draw_byAnySampler_dependsOnNoiseAndSeedAlone(String sampler) {
        SamplingSpec sampling = new SamplingSpec(sampler, "karras", 4, 0, List.of());
        try (PromptSession session = catalog.open("shapes").prepare(PROMPT, sampling, 0, 0)) {
            assertThat(session.callsToDraw(seeded(2))).isEqualTo(sampler.equals("heun") ? 7 : 4);
            byte[] alone = session.draw(List.of(seeded(2))).get(0).rgb();
            List<Picture> together = session.draw(List.of(seeded(1), seeded(2), new SeededNoise(noise(2), 3)));
            assertThat(together.get(1).rgb()).isEqualTo(alone);
            boolean stochastic = sampler.equals("euler_ancestral") || sampler.equals("dpmpp_2m_sde");
            assertThat(Arrays.equals(together.get(2).rgb(), alone)).isEqualTo(!stochastic);
        }
    }

    @Test
    void close_twice_isNoError() {
        PromptSession session = session(PROMPT);
        session.close();
        session.close();
        assertThatThrownBy(() -> session.maps(noise(1))).isInstanceOf(IllegalStateException.class);
    }

    private static void copyModel(Path target) throws IOException {
        Path model = Path.of("main/resources/dev/prenoise/shapes/model");
        try (var files = Files.walk(model)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path copy = target.resolve(model.relativize(file).toString());
                Files.createDirectories(copy.getParent());
                Files.copy(file, copy);
            }
        }
    }

    private static PromptSession session(PromptSpec prompt) {
        return catalog.open("shapes").prepare(prompt, SamplingSpec.DEFAULT, 0, 0);
    }

    private static Noise noise(long seed) {
        return NoiseGenerator.generate(NoiseSource.TORCH_CPU, seed, new long[] {1, 4, 16, 16});
    }

    private static SeededNoise seeded(long seed) {
        return new SeededNoise(noise(seed), seed);
    }

    private static Noise moved(Noise noise, float[] direction, double step) {
        float[] values = noise.data().clone();
        for (int i = 0; i < values.length; i++) {
            values[i] += (float) (step * direction[i]);
        }
        return Noise.of(noise.shape(), values);
    }

    private static List<Double> scores(Evaluator evaluator, List<Noise> noises, int size) {
        List<Double> scores = new ArrayList<>();
        for (int i = 0; i < noises.size(); i += size) {
            evaluator
                    .evaluate(noises.subList(i, Math.min(noises.size(), i + size)))
                    .forEach(e -> scores.add(e.score()));
        }
        return scores;
    }
}
