package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.LossForm;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.SafetensorsFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

    @Test
    void draw_ofTheReferencePrompt_equalsDiffusers() {
        float[] expected = SafetensorsFile.open(Path.of("test/resources/shapes/reference.safetensors"))
                .load("image", Compute.cpu(), DType.FLOAT32)
                .toFloats();
        try (PromptSession session = session(PROMPT)) {
            Picture picture = session.draw(List.of(noise(7))).get(0);
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
                .hasMessage("backbone: \"sd15\" (expected: one of shapes)");
    }

    @Test
    void create_withFoldersInDiffusersLayout_opensTheWholeAndLeavesOutTheBroken(@TempDir Path models) throws Exception {
        Path copy = models.resolve("mine/tiny");
        try (var files = Files.walk(Path.of("main/resources/dev/prenoise/shapes/model"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path target = copy.resolve(Path.of("main/resources/dev/prenoise/shapes/model")
                        .relativize(file)
                        .toString());
                Files.createDirectories(target.getParent());
                Files.copy(file, target);
            }
        }
        Files.writeString(Files.createDirectories(models.resolve("broken")).resolve("model_index.json"), "{}");
        try (ModelCatalog mine = Catalogs.create(cache, List.of(models), "cpu");
                PromptSession session = mine.open("mine/tiny").prepare(PROMPT, SamplingSpec.DEFAULT, 0, 0)) {
            assertThat(mine.list().stream().map(BackboneInfo::id)).containsExactly("shapes", "mine/tiny");
            assertThat(session.subjects()).hasSize(2);
        }
    }

    private static PromptSession session(PromptSpec prompt) {
        return catalog.open("shapes").prepare(prompt, SamplingSpec.DEFAULT, 0, 0);
    }

    private static Noise noise(long seed) {
        return NoiseGenerator.generate(NoiseSource.TORCH_CPU, seed, new long[] {1, 4, 16, 16});
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
