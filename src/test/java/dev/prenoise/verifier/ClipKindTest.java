package dev.prenoise.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import dev.prenoise.image.Picture;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.SafetensorsWriter;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whole verifiers, from pictures and prompts to scores, against transformers on tiny models under the published names. */
class ClipKindTest {
    private static final double SCALE = Math.exp(3);
    private static final double TOLERANCE = 2e-6;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({
        "clip-l14,clip-vit-large-patch14,clip,logits",
        "clip-b16,clip-vit-base-patch16,clip,logits",
        "clip-b32,openai/clip-vit-base-patch32,clip_open_clip,open_clip_logits",
        "clip-h14,CLIP-ViT-H-14-laion2B-s32B-b79K,clip_h_open_clip,open_clip_logits",
        "clip-h14,models--laion--CLIP-ViT-H-14-laion2B-s32B-b79K/snapshots/1,clip_h,logits"
    })
    void score_ofClipScore_isTransformersCosineOnHesselsScale(String name, String place, String model, String golden)
            throws IOException {
        publish(model, place);
        double[] expected = Arrays.stream(golden(model, golden))
                .map(logit -> 2.5 * Math.max(logit / SCALE, 0))
                .toArray();
        assertThat(expected).contains(0);
        assertThat(Arrays.stream(expected).max().orElse(0)).isGreaterThan(0.5);
        assertClose(name + " in the layout of " + model, scores(name), expected);
    }

    @ParameterizedTest
    @CsvSource({"clip,logits", "clip_h_open_clip,open_clip_logits"})
    void score_ofPickScore_isTransformersLogit(String model, String golden) throws IOException {
        publish(model, "PickScore_v1");
        assertClose("pick in the layout of " + model, scores("pick"), golden(model, golden));
    }

    @ParameterizedTest
    @CsvSource({
        "clip-b16,clip-vit-base-patch16,clip",
        "clip-b32,clip-vit-base-patch32,clip_h",
        "clip-l14,clip-vit-large-patch14,clip_h",
        "clip-h14,CLIP-ViT-H-14-laion2B-s32B-b79K,clip_h"
    })
    void score_throughTemplates_isTransformersCosineWithTheMeanOfTheirEmbeddings(
            String name, String place, String model) throws IOException {
        publish(model, place);
        double[] scores = new double[12];
        try (Verifier verifier = open(name)) {
            for (int p = 0; p < 4; p++) {
                Question question = Question.throughTemplates(TinyClips.READ_THROUGH.get(p));
                try (Judge judge = verifier.judge(question)) {
                    double[] column = judge.score(shots());
                    for (int i = 0; i < 3; i++) {
                        scores[4 * i + p] = column[i];
                    }
                }
            }
        }
        assertClose(name + " through templates", scores, TinyClips.golden(model, "template_cosines"));
        assertThat(offer(name).takes()).containsExactly(VerifierOffer.Extra.TEMPLATES);
    }

    @Test
    void offers_ofOthersThanPlainClips_takeNoTemplates() throws IOException {
        publish("clip_h", "PickScore_v1");
        assertThat(offer("pick").problem()).isNull();
        assertThat(new ClipKind().offers(List.of(folder)))
                .filteredOn(offer -> offer.takes().contains(VerifierOffer.Extra.TEMPLATES))
                .extracting(VerifierOffer::name)
                .containsExactly("clip-b16", "clip-b32", "clip-l14", "clip-h14");
    }

    @Test
    void score_ofWeightsInTwoFiles_isThatOfOne() throws IOException {
        publish("clip_h", "clip-vit-large-patch14");
        double[] whole = scores("clip-l14");
        Path place = folder.resolve("clip-vit-large-patch14");
        Path file = place.resolve("model.safetensors");
        SafetensorsFile stored = SafetensorsFile.open(file);
        JsonObject map = new JsonObject();
        for (int part = 0; part < 2; part++) {
            String name = "model-0000" + part + "-of-00002.safetensors";
            Map<String, SafetensorsWriter.Content> tensors = new LinkedHashMap<>();
            for (String tensor : stored.names()) {
                if ((tensor.hashCode() & 1) == part) {
                    try (Tensor values = stored.load(tensor, Compute.cpu(), DType.FLOAT32)) {
                        tensors.put(tensor, SafetensorsWriter.Content.of(values));
                    }
                    map.addProperty(tensor, name);
                }
            }
            Files.write(place.resolve(name), SafetensorsWriter.write(tensors, Map.of()));
        }
        Files.delete(file);
        JsonObject index = new JsonObject();
        index.add("weight_map", map);
        Files.writeString(place.resolve("model.safetensors.index.json"), index.toString());
        // not to the last bit: how a product is summed up depends on the address that a weight lies at
        assertClose("clip-l14 in two files", scores("clip-l14"), whole);
        try (Verifier verifier = open("clip-l14")) {
            assertThat(verifier.files())
                    .filteredOn(each -> each.toString().endsWith(".safetensors"))
                    .hasSize(2);
        }
    }

    @Test
    void score_ofHps_isTheCosineOfPicturesResizedAsNumbers() throws IOException {
        TinyClips.copy(TinyClips.tokenizer(), folder.resolve("clip-vit-large-patch14"));
        Path weights = TinyClips.folder("clip_h_open_clip").resolve("open_clip_model.safetensors");
        Files.copy(weights, folder.resolve("HPS_v2.1_compressed.safetensors"));
        Files.copy(
                TinyClips.folder("clip_h_open_clip").resolve("open_clip_config.json"),
                folder.resolve("open_clip_config.json"));
        assertClose("hps", scores("hps"), TinyClips.golden("clip_h", "hps"));
    }

    @ParameterizedTest
    @CsvSource({"clip,aesthetic", "clip_h,aesthetic"})
    void score_ofTheAestheticPredictor_isThatOfItsLayersOneByOne(String model, String golden) throws IOException {
        publish(model, "clip-vit-large-patch14");
        Files.copy(
                TinyClips.folder(model).resolve("aesthetic.safetensors"),
                folder.resolve("sac+logos+ava1-l14-linearMSE.safetensors"));
        try (Verifier verifier = open("aesthetic-l14")) {
            double[] scores = verifier.judge(Question.of("")).score(shots());
            assertClose("aesthetic-l14 on " + model, scores, TinyClips.golden(model, golden));
            assertThat(verifier.files())
                    .extracting(file -> file.getFileName().toString())
                    .contains("model.safetensors", "sac+logos+ava1-l14-linearMSE.safetensors");
        }
    }

    @Test
    void score_ofAClass_isTheLogarithmOfItsProbability() throws IOException {
        publish("clip", "clip-vit-base-patch16");
        Files.writeString(folder.resolve("labels.txt"), "cat, kitty\ndog\nfire truck\nstrawberry\n");
        double[] logits = TinyClips.golden("clip", "classes");
        try (Verifier verifier = open("clip-class")) {
            for (int label = 0; label < 4; label++) {
                double[] scores = verifier.judge(new Question("", String.valueOf(label), ""))
                        .score(shots());
                double[] expected = new double[3];
                for (int i = 0; i < 3; i++) {
                    double[] row = Arrays.copyOfRange(logits, 4 * i, 4 * i + 4);
                    double sum = Arrays.stream(row).map(Math::exp).sum();
                    expected[i] = row[label] - Math.log(sum);
                }
                assertClose("clip-class " + label, scores, expected);
            }
            assertThat(verifier.judge(Question.of("two kitties, or a kitty")).score(shots()))
                    .containsExactly(verifier.judge(new Question("", "Cat", "")).score(shots()));
            assertThatThrownBy(() -> verifier.judge(Question.of("a boat")))
                    .isInstanceOf(VerifierException.class)
                    .hasMessageContaining("label: ");
        }
    }

    @Test
    void open_ofSeveralOnOneFile_sharesItsWeights() throws IOException {
        publish("clip_h", "clip-vit-large-patch14");
        Files.copy(
                TinyClips.folder("clip_h").resolve("aesthetic.safetensors"),
                folder.resolve("sac+logos+ava1-l14-linearMSE.safetensors"));
        ClipKind kind = new ClipKind();
        try (Verifier clip = open(kind, "clip-l14");
                Verifier aesthetic = open(kind, "aesthetic-l14");
                Verifier likeness = open(kind, "clip-ssl")) {
            assertThat(aesthetic.body()).isSameAs(clip.body()).isSameAs(likeness.body());
            assertThat(open(new ClipKind(), "clip-l14").body()).as("elsewhere").isNotSameAs(clip.body());
            double[] beauty = aesthetic.judge(Question.of("")).score(shots());
            long loaded = aesthetic.loadedBytes();
            assertThat(loaded).isPositive();
            double[] fit = clip.judge(Question.of("a red cat")).score(shots());
            assertThat(aesthetic.loadedBytes()).isEqualTo(clip.loadedBytes()).isGreaterThan(loaded);
            assertThat(clip.unload()).isPositive();
            assertThat(aesthetic.loadedBytes()).isZero();
            assertThat(aesthetic.judge(Question.of("")).score(shots())).containsExactly(beauty);
            assertThat(clip.judge(Question.of("a red cat")).score(shots())).containsExactly(fit);

            Path config = folder.resolve("clip-vit-large-patch14/config.json");
            Files.writeString(config, Files.readString(config) + "\n");
            try (Verifier changed = open(kind, "clip-l14")) {
                assertThat(changed.body()).as("of another file").isNotSameAs(clip.body());
            }
        }
    }

    @Test
    void prepare_readsAFewClassesAtATime_toTheSameScores() throws IOException {
        publish("clip", "clip-vit-base-patch16");
        StringBuilder labels = new StringBuilder("cat\ndog\n");
        for (int i = 0; i < 20; i++) {
            labels.append("a thing of kind ").append(i).append('\n');
        }
        Files.writeString(folder.resolve("labels.txt"), labels);
        Question dog = new Question("", "dog", "");
        try (Verifier parts = open("clip-class");
                Verifier whole = open("clip-class")) {
            assertThat(parts.prepare(dog)).isTrue();
            assertThat(parts.prepare(new Question("", "cat", ""))).isTrue();
            assertThat(parts.prepare(dog)).isFalse();
            assertThat(parts.prepare(dog)).isFalse();
            assertThat(parts.judge(dog).score(shots()))
                    .containsExactly(whole.judge(dog).score(shots()));
            assertThatThrownBy(() -> open("clip-class").prepare(Question.of("a boat")))
                    .isInstanceOf(VerifierException.class)
                    .hasMessageContaining("label: ");
        }
    }

    @Test
    void files_ofAClassifier_areAllThatItsScoresDependOn() throws IOException {
        publish("clip", "clip-vit-base-patch16");
        Files.writeString(folder.resolve("labels.txt"), "cat\ndog\n");
        try (Verifier verifier = open("clip-class")) {
            assertThat(verifier.files())
                    .extracting(file -> file.getFileName().toString())
                    .contains("model.safetensors", "labels.txt", "config.json", "preprocessor_config.json")
                    .containsAnyOf("tokenizer.json", "vocab.json");
        }
    }

    @Test
    void score_ofSimilarity_isTheCosineOfBothPictures() throws IOException {
        publish("clip_h", "CLIP-ViT-H-14-laion2B-s32B-b79K");
        double[] features = TinyClips.golden("clip_h", "features");
        List<Picture> pictures = TinyClips.pictures();
        List<Shot> shots = List.of(
                new Shot(pictures.get(0), pictures.get(1)),
                new Shot(pictures.get(1), null),
                new Shot(pictures.get(2), pictures.get(2)));
        try (Verifier verifier = open("clip-ssl");
                Judge judge = verifier.judge(Question.of(""))) {
            double[] scores = judge.score(shots);
            assertThat(judge.readsPrediction()).isTrue();
            assertThat(scores[0]).isCloseTo(cosine(features, 0, 1), within(TOLERANCE));
            assertThat(scores[1]).isNaN();
            assertThat(scores[2]).isCloseTo(1, within(TOLERANCE));
            assertThat(judge.warnings()).hasSize(1);
        }
    }

    @Test
    void score_besideOthers_isTheSameToTheLastBit() throws IOException {
        publish("clip", "clip-vit-large-patch14");
        List<Shot> many = new ArrayList<>(
                Collections.nCopies(4, shots()).stream().flatMap(List::stream).toList());
        try (Verifier verifier = open("clip-l14");
                Judge judge = verifier.judge(Question.of("a red cat"))) {
            double[] together = judge.score(many);
            double[] alone = many.stream()
                    .mapToDouble(shot -> judge.score(List.of(shot))[0])
                    .toArray();
            assertThat(together).containsExactly(alone);
        }
    }

    @ParameterizedTest
    @CsvSource({"clip-l14", "pick", "aesthetic-l14", "hps"})
    void scoreTensor_ofAPicturesNumbers_isNearItsScoreAndHasAGradient(String name) throws IOException {
        publish("clip_h_open_clip", "clip-vit-large-patch14");
        publish("clip_h_open_clip", "PickScore_v1");
        publish("clip_h_open_clip", "HPSv2");
        Files.move(
                folder.resolve("HPSv2/open_clip_model.safetensors"),
                folder.resolve("HPSv2/HPS_v2.1_compressed.safetensors"));
        Files.copy(
                TinyClips.folder("clip_h").resolve("aesthetic.safetensors"),
                folder.resolve("sac+logos+ava1-l14-linearMSE.safetensors"));
        Picture picture = TinyClips.pictures().get(0);
        try (Verifier verifier = open(name);
                Judge judge = verifier.judge(Question.of("A  portrait,of an Astronaut!"));
                GradMode on = GradMode.on();
                Scope scope = new Scope()) {
            Tensor image = numbers(picture).requireGradient();
            Tensor score = judge.scoreTensor(image);
            assertThat(judge.differentiable()).isTrue();
            assertThat(score.shape()).containsExactly(1);
            double bytes = judge.score(List.of(new Shot(picture, null)))[0];
            assertThat(bytes).isNotZero();
            assertThat(score.toDoubles()[0]).isCloseTo(bytes, within(0.02 * (1 + Math.abs(bytes))));
            score.sum().backward();
            double steepness =
                    Arrays.stream(image.gradient().toDoubles()).map(Math::abs).sum();
            assertThat(steepness).isPositive().isFinite();
        }
    }

    @Test
    void offers_ofAnEmptyFolder_sayWhatToPutWhere() {
        List<VerifierOffer> offers = new ClipKind().offers(List.of(folder));
        assertThat(offers)
                .extracting(VerifierOffer::name)
                .containsExactly(
                        "clip-b16",
                        "clip-b32",
                        "clip-l14",
                        "clip-h14",
                        "pick",
                        "hps",
                        "aesthetic-l14",
                        "clip-class",
                        "clip-ssl");
        assertThat(offers).allSatisfy(offer -> assertThat(offer.problem())
                .contains("(expected: ")
                .contains(".safetensors of ")
                .contains(folder.toString()));
        assertThatThrownBy(() -> offers.get(0).opener().open(Compute.cpu(), DType.FLOAT32))
                .isInstanceOf(VerifierException.class)
                .hasMessageStartingWith("clip-b16: ");
    }

    @ParameterizedTest
    @CsvSource({
        "clip-b16, clip-vit-base-patch16/pytorch_model.bin, model.safetensors",
        "hps, HPS_v2.1_compressed.pt, HPS_v2.1_compressed.safetensors",
        "aesthetic-l14, sac+logos+ava1-l14-linearMSE.pth, sac+logos+ava1-l14-linearMSE.safetensors"
    })
    void offers_ofPickles_sayHowToConvertThem(String name, String pickle, String converted) throws IOException {
        publish("clip", "clip-vit-large-patch14");
        Files.createDirectories(folder.resolve(pickle).getParent());
        Files.write(folder.resolve(pickle), new byte[] {1});
        assertThat(offer(name).problem())
                .isEqualTo(folder.resolve(pickle) + " is a pickle, which can run code when it is read (expected: "
                        + converted + "; src/tools/to_safetensors.py makes it of the pickle)");
    }

    @Test
    void open_ofAnAestheticHeadOfAnotherClip_namesTheLayer() throws IOException {
        publish("clip_h", "clip-vit-large-patch14");
        Path head = folder.resolve("sac+logos+ava1-l14-linearMSE.safetensors");
        Files.copy(TinyClips.folder("clip").resolve("aesthetic.safetensors"), head);
        assertThatThrownBy(() -> open("aesthetic-l14"))
                .isInstanceOf(VerifierException.class)
                .hasMessage(
                        "aesthetic-l14: " + head + ": tensor \"layers.0.weight\": shape [12, 8] (expected: [12, 10])");
    }

    @Test
    void open_withPicturesPreparedForAnotherSize_namesBoth() throws IOException {
        publish("clip", "clip-vit-large-patch14");
        Path file = folder.resolve("clip-vit-large-patch14/preprocessor_config.json");
        Files.writeString(file, Files.readString(file).replace("32", "64"));
        assertThatThrownBy(() -> open("clip-l14"))
                .isInstanceOf(VerifierException.class)
                .hasMessageStartingWith("clip-l14: " + file + ": ")
                .hasMessageContaining("(expected: pictures of 32 x 32");
    }

    private Verifier open(String name) {
        return offer(name).opener().open(Compute.cpu(), DType.FLOAT32);
    }

    private Verifier open(ClipKind kind, String name) {
        return offer(kind, name).opener().open(Compute.cpu(), DType.FLOAT32);
    }

    private VerifierOffer offer(String name) {
        return offer(new ClipKind(), name);
    }

    private VerifierOffer offer(ClipKind kind, String name) {
        return kind.offers(List.of(folder)).stream()
                .filter(each -> each.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /** Of three pictures with each of the prompts, as the goldens have them. */
    private double[] scores(String name) {
        double[] scores = new double[12];
        try (Verifier verifier = open(name)) {
            for (int p = 0; p < 4; p++) {
                try (Judge judge = verifier.judge(Question.of(TinyClips.PROMPTS.get(p)))) {
                    double[] column = judge.score(shots());
                    for (int i = 0; i < 3; i++) {
                        scores[4 * i + p] = column[i];
                    }
                }
            }
        }
        return scores;
    }

    private static List<Shot> shots() {
        return TinyClips.pictures().stream()
                .map(picture -> new Shot(picture, null))
                .toList();
    }

    private static Tensor numbers(Picture picture) {
        int plane = picture.width() * picture.height();
        float[] values = new float[3 * plane];
        IntStream.range(0, values.length)
                .forEach(i -> values[i % 3 * plane + i / 3] = (picture.rgb()[i] & 0xff) / 255f);
        return Tensor.of(Compute.cpu(), values, 1, 3, picture.height(), picture.width());
    }

    private static double cosine(double[] rows, int a, int b) {
        int width = rows.length / 3;
        double dot = 0;
        double first = 0;
        double second = 0;
        for (int i = 0; i < width; i++) {
            dot += rows[a * width + i] * rows[b * width + i];
            first += rows[a * width + i] * rows[a * width + i];
            second += rows[b * width + i] * rows[b * width + i];
        }
        return dot / Math.sqrt(first * second);
    }

    private static double[] golden(String model, String name) {
        return TinyClips.golden(model.replace("_open_clip", ""), name);
    }

    private static void assertClose(String what, double[] actual, double[] golden) {
        double difference = TinyClips.difference(actual, golden);
        TinyClips.report(what, difference);
        assertThat(difference).as(what).isLessThanOrEqualTo(TOLERANCE);
    }

    /** A tiny model under a published name, with a tokenizer. */
    private void publish(String model, String place) throws IOException {
        TinyClips.publish(model, folder.resolve(place));
    }
}
