package dev.prenoise.shapes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.image.Picture;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.Shot;
import dev.prenoise.verifier.Verifier;
import dev.prenoise.verifier.VerifierOffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShapesVerifiersTest {
    @TempDir
    private static Path cache;

    private static Verifier open(String name) {
        return new ShapesVerifiers(cache)
                .offers(List.of()).stream()
                        .filter(offer -> offer.name().equals(name))
                        .findFirst()
                        .orElseThrow()
                        .opener()
                        .open(Compute.cpu(), DType.FLOAT32);
    }

    private static Shot shot(ShapesImage image) {
        return new Shot(new Picture(World.SIZE, World.SIZE, image.toRgb()), null);
    }

    private static double score(Verifier verifier, String prompt, ShapesImage image) {
        try (Judge judge = verifier.judge(Question.of(prompt))) {
            return judge.score(List.of(shot(image)))[0];
        }
    }

    @Test
    void offers_canBeUsedAsTheyCome() {
        List<VerifierOffer> offers = new ShapesVerifiers(cache).offers(List.of());
        assertThat(offers).extracting(VerifierOffer::name).containsExactly("shapes-clip", "shapes-aesthetic");
        assertThat(offers).allMatch(offer -> offer.problem() == null && offer.differentiable());
        assertThat(offers).extracting(VerifierOffer::readsPrompt).containsExactly(true, false);
    }

    @Test
    void files_areWhatTheListSays_andSmall() throws Exception {
        long bytes = 0;
        open("shapes-clip").close();
        Path folder;
        try (var folders = Files.list(cache)) {
            folder = folders.filter(path -> path.getFileName().toString().startsWith("shapes-verifiers-"))
                    .findFirst()
                    .orElseThrow();
        }
        for (String file : ShapesVerifiers.files()) {
            byte[] content = Files.readAllBytes(folder.resolve(file));
            bytes += content.length;
            assertThat(HexFormat.of()
                            .formatHex(MessageDigest.getInstance("SHA-256").digest(content)))
                    .as(file)
                    .isEqualTo(ShapesVerifiers.sha256Of(file));
        }
        assertThat(ShapesVerifiers.files()).contains("clip/model.safetensors", "aesthetic/head.safetensors");
        assertThat(bytes).isLessThan(1_500_000);
    }

    /** The margins lie below what {@code prenoise shapes judge-verifiers} measures on more drawings. */
    @Test
    void clip_heldOutDrawings_rightCaptionScoresAboveOneThatIsWrongInOneWay() {
        int trials = 0;
        int right = 0;
        try (Verifier clip = open("shapes-clip")) {
            for (int i = 0; i < 20; i++) {
                for (CaptionTrial trial : CaptionTrial.of(77, i)) {
                    trials++;
                    if (score(clip, trial.right(), trial.image()) > score(clip, trial.wrong(), trial.image())) {
                        right++;
                    }
                }
            }
        }
        assertThat(right / (double) trials).isGreaterThan(0.8);
    }

    @Test
    void scoreTensor_ofAPicturesNumbers_isItsScore_andHasAGradient() {
        CaptionTrial trial = CaptionTrial.of(79, 0).get(0);
        byte[] rgb = trial.image().toRgb();
        float[] unit = new float[rgb.length];
        int plane = World.SIZE * World.SIZE;
        for (int i = 0; i < plane; i++) {
            for (int channel = 0; channel < 3; channel++) {
                unit[channel * plane + i] = (rgb[3 * i + channel] & 0xff) / 255f;
            }
        }
        for (String name : List.of("shapes-clip", "shapes-aesthetic")) {
            try (Verifier verifier = open(name);
                    Judge judge = verifier.judge(Question.of(trial.right()));
                    GradMode on = GradMode.on();
                    Scope scope = new Scope()) {
                Tensor images = Tensor.of(Compute.cpu(), unit, 1, 3, World.SIZE, World.SIZE)
                        .requireGradient();
                Tensor score = judge.scoreTensor(images);
                assertThat(score.shape()).containsExactly(1);
                assertThat(score.toDoubles()[0])
                        .as(name)
                        .isEqualTo(judge.score(List.of(shot(trial.image())))[0], within(1e-4));
                score.sum().backward();
                double norm = 0;
                for (float value : images.gradient().toFloats()) {
                    norm += value * value;
                }
                assertThat(norm).as(name).isGreaterThan(1e-8);
            }
        }
    }
}
