package dev.prenoise.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whole pictures to scores against the published code, preprocessing by Pillow included. */
class VisionKindsTest {
    private static final Question CRANE = new Question("a bird", "crane", "");

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "dino-ssl,dino-vitb16,dino-ssl",
        "dino-ssl,dinov2-base,dinov2-ssl",
        "siglip-ssl,siglip-base-patch16-224,siglip-ssl",
        "dino-class,dino-vitb16,dino-class.crane",
        "dino-class,dinov2-base-imagenet1k-1-layer,dinov2-class.crane"
    })
    void score_ofPictures_equalsThePublishedCode(String name, String repository, String golden) throws IOException {
        String stored = repository.equals("dinov2-base") ? "dinov2-base-imagenet1k-1-layer" : repository;
        copy(stored, repository);
        for (DType type : List.of(DType.FLOAT64, DType.FLOAT32)) {
            try (Verifier verifier = offer(name, folder).opener().open(Compute.cpu(), type);
                    Judge judge = verifier.judge(CRANE)) {
                assertThat(verifier.loadedBytes()).isZero();
                TinyNetworks.assertNear(judge.score(TinyNetworks.shots()), golden, type, 1e-5);
                assertThat(verifier.loadedBytes()).isPositive();
                assertThat(judge.warnings()).isEmpty();
                assertThat(verifier.unload()).isPositive();
                assertThat(verifier.loadedBytes()).isZero();
                assertThat(judge.score(TinyNetworks.shots().subList(1, 2))[0])
                        .isCloseTo(TinyNetworks.golden(golden)[1], within(1e-5));
            }
        }
    }

    @Test
    void similarity_withoutAPrediction_isNotJudgedAndSaysSo() {
        try (Verifier verifier = open("siglip-ssl");
                Judge judge = verifier.judge(Question.of(""))) {
            assertThat(judge.readsPrediction()).isTrue();
            Shot whole = TinyNetworks.shots().get(0);
            double[] scores = judge.score(List.of(new Shot(whole.picture(), null), whole));
            assertThat(scores[0]).isNaN();
            assertThat(scores[1]).isCloseTo(TinyNetworks.golden("siglip-ssl")[0], within(1e-5));
            assertThat(judge.warnings())
                    .containsExactly(
                            "siglip-ssl: 1 pictures were not judged: it compares a picture with its prediction on the"
                                    + " way, and there was none");
        }
    }

    @Test
    void similarity_ofAPictureWithItself_isOne() {
        try (Verifier verifier = open("dino-ssl");
                Judge judge = verifier.judge(Question.of(""))) {
            Shot same = new Shot(TinyNetworks.picture(2, 0), TinyNetworks.picture(2, 0));
            double[] scores = judge.score(Collections.nCopies(9, same));
            assertThat(scores).hasSize(9);
            for (double score : scores) {
                assertThat(score).isCloseTo(1, within(1e-6));
            }
        }
    }

    @Test
    void dinoClass_gradientToThePicture_equalsFiniteDifferences() {
        try (Verifier verifier =
                        offer("dino-class", TinyNetworks.FOLDER).opener().open(Compute.cpu(), DType.FLOAT64);
                Judge judge = verifier.judge(CRANE);
                Scope scope = new Scope();
                GradMode on = GradMode.on()) {
            double[] values = new double[3 * 40 * 34];
            for (int i = 0; i < values.length; i++) {
                values[i] = (i * 7919L % 251) / 400.0 + 0.2;
            }
            Tensor image = Tensor.of(Compute.cpu(), values, 1, 3, 40, 34).requireGradient();
            judge.scoreTensor(image).sum().backward();
            double[] gradient = image.gradient().toDoubles();
            for (int at : new int[] {600, 1999, 3300}) {
                double slope = (moved(judge, values, at, 1e-4) - moved(judge, values, at, -1e-4)) / 2e-4;
                assertThat(gradient[at]).isCloseTo(slope, within(1e-6 + 1e-4 * Math.abs(slope)));
            }
        }
    }

    private static double moved(Judge judge, double[] values, int at, double by) {
        double[] changed = values.clone();
        changed[at] += by;
        return judge.scoreTensor(Tensor.of(Compute.cpu(), changed, 1, 3, 40, 34))
                .toDoubles()[0];
    }

    @Test
    void dinoClass_withoutLabels_takesNumbersAlone() throws IOException {
        copy("dino-vitb16", "dino-vitb16");
        Files.delete(folder.resolve("dino-vitb16/labels.txt"));
        try (Verifier verifier = offer("dino-class", folder).opener().open(Compute.cpu(), DType.FLOAT32)) {
            try (Judge judge = verifier.judge(new Question("", "2", ""))) {
                TinyNetworks.assertNear(judge.score(TinyNetworks.shots()), "dino-class.crane", DType.FLOAT32, 1e-5);
            }
            assertThatThrownBy(() -> verifier.judge(CRANE))
                    .isInstanceOf(VerifierException.class)
                    .hasMessage(
                            "label: none, or no number (expected: 0 to 4; names are known where a labels.txt lies beside the"
                                    + " weights)");
        }
    }

    @Test
    void dinoClass_labelsInTheFolderOfAll_areRead() throws IOException {
        copy("dino-vitb16", "dino-vitb16");
        Files.move(folder.resolve("dino-vitb16/labels.txt"), folder.resolve("labels.txt"));
        try (Verifier verifier = offer("dino-class", folder).opener().open(Compute.cpu(), DType.FLOAT32);
                Judge judge = verifier.judge(CRANE)) {
            TinyNetworks.assertNear(judge.score(TinyNetworks.shots()), "dino-class.crane", DType.FLOAT32, 1e-5);
        }
    }

    @Test
    void dinoClass_labelsOfAnotherClassifier_areRefused() throws IOException {
        copy("dino-vitb16", "dino-vitb16");
        Path labels = Files.writeString(folder.resolve("dino-vitb16/labels.txt"), "cat\ndog\n");
        assertThatThrownBy(() -> offer("dino-class", folder).opener().open(Compute.cpu(), DType.FLOAT32))
                .isInstanceOf(VerifierException.class)
                .hasMessage("dino-class: " + labels.getParent()
                        + ": 2 labels in labels.txt or config.json (expected: 5, as the classifier has)");
    }

    @Test
    void offers_ofNothing_sayWhatToPutWhere() {
        assertThat(offer("dino-class", folder).problem())
                .contains("dinov2-base-imagenet1k-1-layer")
                .contains("dino_vitbase16_linearweights.safetensors");
        assertThat(offer("dino-ssl", folder).problem()).contains("facebook/dino-vitb16", "config.json");
        assertThat(offer("siglip-ssl", folder).problem()).contains("google/siglip-base-patch16-224");
    }

    @Test
    void dinoClass_transformerWithoutItsClassifier_saysWhichIsMissing() throws IOException {
        copy("dino-vitb16", "dino-vitb16");
        Files.delete(folder.resolve("dino-vitb16/dino_vitbase16_linearweights.safetensors"));
        assertThat(offer("dino-class", folder).problem())
                .startsWith("its files are missing (expected: dino_vitbase16_linearweights.safetensors");
    }

    private static Verifier open(String name) {
        return offer(name, TinyNetworks.FOLDER).opener().open(Compute.cpu(), DType.FLOAT32);
    }

    private static VerifierOffer offer(String name, Path folder) {
        return Stream.of(new DinoKind(), new SiglipKind())
                .flatMap(kind -> kind.offers(List.of(folder)).stream())
                .filter(offer -> offer.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private void copy(String from, String to) throws IOException {
        Path target = Files.createDirectory(folder.resolve(to));
        for (Path file : VerifierFiles.list(TinyNetworks.FOLDER.resolve(from), "*")) {
            Files.copy(file, target.resolve(String.valueOf(file.getFileName())));
        }
    }
}
