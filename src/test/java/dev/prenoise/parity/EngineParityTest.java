package dev.prenoise.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.LossForm;
import dev.prenoise.engine.BackboneInfo;
import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ConditioningSpec;
import dev.prenoise.engine.ConditioningSpec.Values;
import dev.prenoise.engine.EngineOptions;
import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.LoraSpec;
import dev.prenoise.engine.MemoryNeeds;
import dev.prenoise.engine.Model;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.OutOfDeviceMemoryException;
import dev.prenoise.engine.Precision;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.engine.SamplingSpec;
import dev.prenoise.engine.SubjectSpec;
import dev.prenoise.engine.Weighting;
import dev.prenoise.image.Picture;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.parity.TinyModel.Layout;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.SafetensorsType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The way of a request on the tiny models: what a host sends, to scores, gradients and pictures, on files that may have a UNet alone. */
class EngineParityTest {
    private static final List<SubjectSpec> SUBJECTS =
            List.of(new SubjectSpec("one", List.of(), List.of(2, 3)), new SubjectSpec("two", List.of(), List.of(6, 7)));

    @TempDir
    private static Path temp;

    private static ModelCatalog catalog;

    static List<String> families() {
        return TinyModel.FAMILIES;
    }

    @BeforeAll
    static void open() throws IOException {
        for (String family : TinyModel.FAMILIES) {
            TinyModel.of(family).write(temp.resolve("models"), Layout.UNET_ONLY, SafetensorsType.F16);
        }
        for (String family : List.of("sd1", "sdxl")) {
            TinyModel.of(family).write(temp.resolve("models/whole"), Layout.SINGLE_FILE, SafetensorsType.F32);
        }
        Files.createDirectories(temp.resolve("loras"));
        String module = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_q";
        TinyModel.writeLora(temp.resolve("loras/some.safetensors"), module, 64, 64, 0.25f);
        catalog = catalog(EngineOptions.of("cpu"));
    }

    private static ModelCatalog catalog(EngineOptions engine) {
        return Catalogs.create(CatalogOptions.of(temp.resolve("cache"))
                .withModels(List.of(temp.resolve("models")))
                .withLoras(List.of(temp.resolve("loras")))
                .withEngine(engine));
    }

    private static EngineOptions options(long memoryLimit, Precision precision) {
        return new EngineOptions("cpu", memoryLimit, Duration.ZERO, precision, List.of());
    }

    @AfterAll
    static void close() {
        catalog.close();
    }

    @ParameterizedTest
    @MethodSource("families")
    void attention_withTheHostsConditioning_needsTheUNetAloneAndEqualsDiffusers(String family) {
        Golden golden = new Golden(family, DType.FLOAT32);
        try (PromptSession session = session(catalog, family, golden, List.of())) {
            assertThat(session.noiseShape())
                    .containsExactly(golden.shape("latents").stream()
                            .mapToLong(Long::longValue)
                            .toArray());
            assertThat(session.subjects()).isEqualTo(SUBJECTS);
            assertThat(session.warnings()).isEmpty();
            for (String loss : AttentionLosses.names()) {
                Evaluator evaluator = session.attention(AttentionLosses.of(loss, LossForm.PUBLISHED));
                Evaluation plain = evaluator.evaluate(List.of(noise(golden))).get(0);
                Evaluation steep =
                        evaluator.evaluateWithGradient(List.of(noise(golden))).get(0);
                assertThat(plain.score()).as(loss).isCloseTo(golden.number(loss), within(2e-5));
                assertThat(steep.score()).as(loss).isCloseTo(golden.number(loss), within(2e-5));
                assertThat(apart(steep.gradient(), golden.floats(loss + ".dlatents")))
                        .as(loss + "'s gradient")
                        .isLessThan(2e-4);
            }
        }
    }

    /** float16 on a CPU is slow and the same path as on a GPU. */
    @ParameterizedTest
    @CsvSource({
        "sd1, FP16, 0.01, 0.99",
        "sd2_v, FP16, 0.01, 0.99",
        "sdxl, FP16, 0.01, 0.99",
        "sd1, BF16, 0.05, 0.8",
        "sd2_v, BF16, 0.05, 0.8",
        "sdxl, BF16, 0.05, 0.8"
    })
    void attention_inHalves_isNearTheGolden(String family, Precision precision, double loss, double cosine) {
        Golden golden = new Golden(family, DType.FLOAT32);
        try (ModelCatalog halves = catalog(options(0, precision));
                PromptSession session = session(halves, family, golden, List.of())) {
            Evaluation found = session.attention(AttentionLosses.of("initno", LossForm.RANKING))
                    .evaluateWithGradient(List.of(noise(golden)))
                    .get(0);
            assertThat(found.score()).isCloseTo(golden.number("initno.ranking"), within(loss));
            assertThat(cosine(found.gradient(), golden.floats("initno.ranking.dlatents")))
                    .isGreaterThan(cosine);
        }
    }

    @Test
    void prepare_ofText_saysWhatIsMissingAndWhatCanBeSentInstead() {
        PromptSpec text = new PromptSpec("a cat and a dog", "", List.of());
        assertThatThrownBy(() -> catalog.open("sd1.safetensors").prepare(text, SamplingSpec.DEFAULT, 512, 512))
                .isInstanceOf(InvalidFieldException.class)
                .hasMessageStartingWith("prompt.text: ")
                .hasMessageContaining("no text encoder in ")
                .hasMessageContaining("sd1.safetensors")
                .hasMessageContaining("prompt.conditioning");
        assertThatThrownBy(() -> catalog.open("whole/sdxl.safetensors").prepare(text, SamplingSpec.DEFAULT, 512, 512))
                .isInstanceOf(InvalidFieldException.class)
                .hasMessageStartingWith("prompt.text: no tokenizer for ")
                .hasMessageContaining("prompt.conditioning");
    }

    @Test
    void list_ofAFolderWhoseScheduleIsNotKnown_hasTheReason() throws IOException {
        Path folder = TinyModel.of("sd1").write(temp.resolve("own"), Layout.FOLDER, SafetensorsType.F16);
        Path scheduler = folder.resolve("scheduler/scheduler_config.json");
        Files.writeString(scheduler, "{\"beta_schedule\": \"sigmoid\"}");
        CatalogOptions options = CatalogOptions.of(temp.resolve("cache")).withModels(List.of(temp.resolve("own")));
        try (ModelCatalog own = Catalogs.create(options)) {
            assertThat(own.list())
                    .filteredOn(model -> model.id().equals("sd1"))
                    .extracting(BackboneInfo::problem)
                    .containsExactly(scheduler + ": beta_schedule: \"sigmoid\""
                            + " (expected: scaled_linear, linear or squaredcos_cap_v2)");
        }
    }

    @Test
    void prepare_ofConditioningThatDoesNotFit_namesTheField() {
        Golden xl = new Golden("sdxl", DType.FLOAT32);
        ConditioningSpec whole = conditioning(xl, null);
        assertRefused(
                "sdxl",
                new ConditioningSpec(whole.embeddings(), null, null, null, List.of()),
                SUBJECTS,
                "prompt.conditioning.pooled: none (expected: [1, 128], ");
        assertRefused(
                "sd1", whole, SUBJECTS, "prompt.conditioning.embeddings.shape: [1, 77, 192] (expected: [1, T, 128], ");
        assertRefused(
                "sdxl",
                new ConditioningSpec(whole.embeddings(), whole.pooled(), null, null, List.of(1.0, 2.0)),
                SUBJECTS,
                "prompt.conditioning.time_ids: 2 values (expected: 6, or none)");
        assertRefused(
                "sdxl",
                whole,
                List.of(new SubjectSpec("one", List.of(), List.of(2, 76))),
                "prompt.subjects[0].token_indices[1]: 76 (expected: 1 to 75)");
    }

    /** Pictures need no subjects; what reads attention does. */
    @Test
    void requireSubjects_ofConditioningWithoutText_saysThatThereIsNoTokenizer() {
        ConditioningSpec whole = conditioning(new Golden("sdxl", DType.FLOAT32), null);
        PromptSpec prompt = new PromptSpec("", "", List.of(), whole, Weighting.COMFYUI, 0);
        try (PromptSession session = catalog.open("sdxl.safetensors").prepare(prompt, SamplingSpec.DEFAULT, 256, 256)) {
            assertThatThrownBy(session::requireSubjects)
                    .isInstanceOf(InvalidFieldException.class)
                    .hasMessageStartingWith("prompt.text: no tokenizer for ");
        }
    }

    private static void assertRefused(
            String family, ConditioningSpec conditioning, List<SubjectSpec> subjects, String message) {
        PromptSpec prompt = new PromptSpec("", "", subjects, conditioning, Weighting.COMFYUI, 0);
        assertThatThrownBy(() -> catalog.open(family + ".safetensors").prepare(prompt, SamplingSpec.DEFAULT, 256, 256))
                .isInstanceOf(InvalidFieldException.class)
                .hasMessageStartingWith(message);
    }

    @Test
    void draw_withAndWithoutAVae_givesAPictureOfTheSameSize() {
        Golden golden = new Golden("sd1", DType.FLOAT32);
        for (String id : List.of("sd1.safetensors", "whole/sd1.safetensors")) {
            Model model = catalog.open(id);
            SamplingSpec sampling = new SamplingSpec("ddim", "leading", 2, 3, List.of());
            try (PromptSession session =
                    model.prepare(prompt(conditioning(golden, golden.floats("context"))), sampling, 320, 384)) {
                Picture picture =
                        session.draw(List.of(new SeededNoise(noise(golden), 1))).get(0);
                assertThat(List.of(picture.width(), picture.height())).containsExactly(320, 384);
                assertThat(picture.rgb()).contains(picture.rgb()[0]).isNotEqualTo(new byte[picture.rgb().length]);
            }
            try (PromptSession session = model.prepare(prompt(conditioning(golden, null)), sampling, 320, 384)) {
                assertThatThrownBy(() -> session.draw(List.of(new SeededNoise(noise(golden), 1))))
                        .isInstanceOf(InvalidFieldException.class)
                        .hasMessageStartingWith("prompt.conditioning.negative_embeddings: none");
            }
        }
    }

    @Test
    void sessionsOnDifferentLoras_takeTurnsWithoutMixing() {
        Golden golden = new Golden("sd1", DType.FLOAT32);
        LoraSpec some = new LoraSpec("some.safetensors", 1, 1);
        LoraSpec against = new LoraSpec("some.safetensors", -1, 0);
        try (PromptSession plain = session(catalog, "sd1", golden, List.of());
                PromptSession with = session(catalog, "sd1", golden, List.of(some));
                PromptSession without = session(catalog, "sd1", golden, List.of(some, against))) {
            assertThat(with.warnings())
                    .singleElement()
                    .asString()
                    .contains("some.safetensors: 1 of 2 keys match nothing");
            double expected = golden.number("conform");
            double changed = score(with, golden);
            assertThat(score(plain, golden)).isCloseTo(expected, within(2e-5));
            assertThat(Math.abs(changed - expected)).isGreaterThan(1e-4);
            assertThat(score(without, golden)).isCloseTo(expected, within(2e-5));
            assertThat(score(with, golden)).isEqualTo(changed);
            assertThat(catalog.releaseMemory()).isPositive();
            assertThat(score(with, golden)).isEqualTo(changed);
        }
        assertThatThrownBy(() -> session(catalog, "sd1", golden, List.of(new LoraSpec("none", 1, 1))))
                .isInstanceOf(InvalidFieldException.class)
                .hasMessageStartingWith("lora[0].name: \"none\"");
    }

    @Test
    void evaluate_beyondTheMemoryLimit_isRefusedBeforeItIsTried() {
        Golden golden = new Golden("sd1", DType.FLOAT32);
        MemoryNeeds needs = catalog.open("sd1.safetensors").memoryNeeds(320, 384);
        long enough = needs.lossWeights() + needs.loss() + needs.loss() / 2;
        try (ModelCatalog tight = catalog(options(enough, Precision.AUTO));
                PromptSession session = session(tight, "sd1", golden, List.of())) {
            Evaluator evaluator = session.attention(AttentionLosses.of("initno", LossForm.RANKING));
            assertThat(evaluator.evaluate(List.of(noise(golden))).get(0).score())
                    .isFinite();
            assertThatThrownBy(() -> evaluator.evaluateWithGradient(List.of(noise(golden))))
                    .isInstanceOfSatisfying(OutOfDeviceMemoryException.class, e -> {
                        assertThat(e.limit()).isEqualTo(enough);
                        assertThat(e.needed()).isGreaterThanOrEqualTo(needs.gradient());
                    })
                    .hasMessageContaining(
                            "sd1.safetensors: one noise with its gradient at 320 x 384 pixels needs about");
        }
    }

    @Test
    void model_thatIsIdle_leavesTheDeviceAndComesBack() throws InterruptedException {
        Golden golden = new Golden("sd1", DType.FLOAT32);
        EngineOptions hasty = new EngineOptions("cpu", 0, Duration.ofMillis(200), Precision.AUTO, List.of());
        try (ModelCatalog models = catalog(hasty);
                PromptSession session = session(models, "sd1", golden, List.of())) {
            double before = score(session, golden);
            long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
            while (!loaded(models).isEmpty() && System.nanoTime() < deadline) {
                Thread.sleep(20);
            }
            assertThat(loaded(models)).isEmpty();
            assertThat(score(session, golden)).isEqualTo(before);
        }
    }

    @Test
    void models_makeRoomForEachOther() {
        Golden golden = new Golden("sd1", DType.FLOAT32);
        Golden other = new Golden("sd2", DType.FLOAT32);
        MemoryNeeds needs = catalog.open("sd2.safetensors").memoryNeeds(384, 576);
        try (ModelCatalog tight = catalog(options(needs.toRank() + needs.loss() / 2, Precision.AUTO));
                PromptSession first = session(tight, "sd1", golden, List.of());
                PromptSession second = session(tight, "sd2", other, List.of())) {
            double before = score(first, golden);
            assertThat(score(second, other)).isCloseTo(other.number("conform"), within(2e-5));
            assertThat(loaded(tight)).containsExactly("sd2.safetensors");
            assertThat(score(first, golden)).isEqualTo(before);
        }
    }

    /** Its place was taken meanwhile: another model's UNet fits only while its own is away. */
    @Test
    void evaluate_afterThePictureTookTheUNetsPlace_looksForRoomAgain() {
        Golden golden = new Golden("sd1", DType.FLOAT32);
        MemoryNeeds needs = catalog.open("whole/sd1.safetensors").memoryNeeds(64, 64);
        try (ModelCatalog tight = catalog(options(needs.toDraw(), Precision.AUTO));
                PromptSession first = whole(tight, golden, 64, 64);
                PromptSession second = session(tight, "sd1.safetensors", golden, 64, 64)) {
            List<Noise> noises = List.of(NoiseGenerator.generate(NoiseSource.TORCH_CPU, 1, first.noiseShape()));
            AttentionLoss loss = AttentionLosses.of("conform", LossForm.PUBLISHED);
            Evaluator evaluator = first.attention(loss);
            double before = evaluator.evaluate(noises).get(0).score();
            first.draw(List.of(new SeededNoise(noises.get(0), 1)));
            second.attention(loss).evaluate(noises);
            assertThat(loaded(tight))
                    .as("the VAE of one, the UNet of the other")
                    .containsExactlyInAnyOrder("whole/sd1.safetensors", "sd1.safetensors");
            assertThat(evaluator.evaluate(noises).get(0).score()).isEqualTo(before);
            assertThat(loaded(tight)).containsExactly("whole/sd1.safetensors");
        }
    }

    /** On the model that has a VAE. */
    private static PromptSession whole(ModelCatalog models, Golden golden, int width, int height) {
        return session(models, "whole/sd1.safetensors", golden, width, height);
    }

    /** Two steps without guidance. */
    private static PromptSession session(ModelCatalog models, String id, Golden golden, int width, int height) {
        SamplingSpec sampling = new SamplingSpec("ddim", "leading", 2, 1, List.of());
        return models.open(id).prepare(prompt(conditioning(golden, null)), sampling, width, height);
    }

    /** In tiles, where the limit does not leave what all at once takes: however much the machine has free. */
    @Test
    void draw_withinTheMemoryLimit_decodesInTilesThatItAllows() {
        Golden golden = new Golden("sd1", DType.FLOAT32);
        MemoryNeeds needs = catalog.open("whole/sd1.safetensors").memoryNeeds(320, 384);
        Picture free = picture(options(0, Precision.AUTO), golden);
        Picture ample = picture(options(20 * needs.toDraw(), Precision.AUTO), golden);
        Picture tight = picture(options(needs.toDraw(), Precision.AUTO), golden);
        assertThat(ample.rgb()).isEqualTo(free.rgb());
        assertThat(tight.rgb()).hasSameSizeAs(free.rgb()).isNotEqualTo(free.rgb());
    }

    private static Picture picture(EngineOptions options, Golden golden) {
        try (ModelCatalog models = catalog(options);
                PromptSession session = whole(models, golden, 320, 384)) {
            return session.draw(List.of(new SeededNoise(noise(golden), 1))).get(0);
        }
    }

    private static List<String> loaded(ModelCatalog models) {
        List<String> loaded = new ArrayList<>();
        models.list().stream().filter(info -> info.loaded()).forEach(info -> loaded.add(info.id()));
        return loaded;
    }

    private static double score(PromptSession session, Golden golden) {
        return session.attention(AttentionLosses.of("conform", LossForm.PUBLISHED))
                .evaluate(List.of(noise(golden)))
                .get(0)
                .score();
    }

    private static PromptSession session(ModelCatalog models, String family, Golden golden, List<LoraSpec> loras) {
        // which of diffusers' schedules begins at the golden's timestep
        SamplingSpec sampling =
                new SamplingSpec("ddim", golden.timestep() == 999 ? "trailing" : "leading", 50, 1, List.of());
        return models.open(family + ".safetensors")
                .prepare(
                        prompt(conditioning(golden, null)),
                        sampling,
                        loras,
                        Math.toIntExact(8 * golden.shape("latents").get(3)),
                        Math.toIntExact(8 * golden.shape("latents").get(2)));
    }

    private static PromptSpec prompt(ConditioningSpec conditioning) {
        return new PromptSpec("", "", SUBJECTS, conditioning, Weighting.COMFYUI, 0);
    }

    private static ConditioningSpec conditioning(Golden golden, float @Nullable [] negative) {
        Values context = new Values(golden.shape("context"), golden.floats("context"));
        Values without = negative == null ? null : new Values(golden.shape("context"), negative);
        if (!golden.has("pooled")) {
            return new ConditioningSpec(context, null, without, null, List.of());
        }
        List<Double> ids = new ArrayList<>();
        for (float id : golden.floats("time_ids")) {
            ids.add((double) id);
        }
        return new ConditioningSpec(
                context, new Values(golden.shape("pooled"), golden.floats("pooled")), without, null, ids);
    }

    private static Noise noise(Golden golden) {
        return Noise.of(
                golden.shape("latents").stream().mapToLong(Long::longValue).toArray(), golden.floats("latents"));
    }

    /** The largest difference as a share of the largest value. */
    private static double apart(Noise actual, float[] expected) {
        double worst = 0;
        double largest = 0;
        for (int i = 0; i < expected.length; i++) {
            worst = Math.max(worst, Math.abs(actual.data()[i] - expected[i]));
            largest = Math.max(largest, Math.abs(expected[i]));
        }
        return worst / largest;
    }

    private static double cosine(Noise a, float[] b) {
        double ab = 0;
        double aa = 0;
        double bb = 0;
        for (int i = 0; i < b.length; i++) {
            ab += (double) a.data()[i] * b[i];
            aa += (double) a.data()[i] * a.data()[i];
            bb += (double) b[i] * b[i];
        }
        return ab / Math.sqrt(aa * bb);
    }
}
