package dev.prenoise.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonParser;
import dev.prenoise.backbone.checkpoint.Checkpoint;
import dev.prenoise.backbone.checkpoint.Family;
import dev.prenoise.shapes.ShapesModel;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.training.ShapesModelTraining.Recipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On networks of one level. */
class ShapesModelTrainingTest {
    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";

    @TempDir
    private Path folder;

    private static Recipe recipe(int steps, String prediction) {
        return new Recipe(steps, 8, List.of(16), prediction, 40, 7);
    }

    /** Stops as a kill would, in the middle of a step's news. */
    private static ShapesModelTraining.Progress untilStep(int last) {
        return new ShapesModelTraining.Progress() {
            @Override
            public void encoded(int scenes) {}

            @Override
            public void trained(int steps) {
                if (steps == last) {
                    throw new IllegalStateException("stopped");
                }
            }
        };
    }

    private static double mean(List<String> curve, int from, int to) {
        return curve.subList(from, to).stream()
                .mapToDouble(line -> Double.parseDouble(line.split(",")[1]))
                .average()
                .orElseThrow();
    }

    @Test
    void run_beginsByPredictingNothing_andLearns() throws Exception {
        new ShapesModelTraining(recipe(60, "epsilon"), null).run(folder, false, untilStep(-1));

        List<String> curve = Files.readAllLines(folder.resolve("run/loss.csv"));
        assertThat(curve.get(0)).isEqualTo("step,loss,less_noise,more_noise,gradient_norm,rate");
        assertThat(curve).hasSize(61);
        assertThat(mean(curve, 1, 2)).as("the noise's own variance").isEqualTo(1, within(0.05));
        assertThat(mean(curve, 51, 61)).isLessThan(0.75 * mean(curve, 1, 6));
    }

    @Test
    void run_thatPredictsV_learns_andWritesAModelThatOpens() throws Exception {
        new ShapesModelTraining(recipe(60, "v_prediction"), null).run(folder, false, untilStep(-1));

        List<String> curve = Files.readAllLines(folder.resolve("run/loss.csv"));
        assertThat(mean(curve, 51, 61)).isLessThan(0.8 * mean(curve, 1, 6));
        Checkpoint model = Checkpoint.open(folder);
        assertThat(model.family()).isEqualTo(Family.SHAPES);
        assertThat(model.prediction()).isEqualTo("v");
        assertThat(SafetensorsFile.open(folder.resolve(UNET))
                        .entry("conv_out.weight")
                        .shape())
                .containsExactly(4L, 16L, 3L, 3L);
        assertThat(Files.readAllBytes(folder.resolve("vae/diffusion_pytorch_model.safetensors")))
                .as("frozen")
                .isEqualTo(ShapesModel.SHAPES
                        .open("vae/diffusion_pytorch_model.safetensors")
                        .readAllBytes());
    }

    @Test
    void run_thatWasStoppedAndResumed_endsWithTheSameBits() throws Exception {
        Path whole = folder.resolve("whole");
        Path stopped = folder.resolve("stopped");
        new ShapesModelTraining(recipe(16, "v_prediction"), null, 5).run(whole, false, untilStep(-1));

        assertThatIllegalStateException().isThrownBy(() -> new ShapesModelTraining(recipe(16, "v_prediction"), null, 5)
                .run(stopped, false, untilStep(8)));
        new ShapesModelTraining(recipe(16, "v_prediction"), null, 5).run(stopped, true, untilStep(-1));

        for (String file : List.of(UNET, "run/loss.csv", "run/training.safetensors")) {
            assertThat(Files.mismatch(whole.resolve(file), stopped.resolve(file)))
                    .as(file)
                    .isEqualTo(-1);
        }
    }

    @Test
    void run_resumedWithAnotherRecipe_isRefused_andLeavesTheModelAsItIs() throws Exception {
        new ShapesModelTraining(recipe(2, "epsilon"), null).run(folder, false, untilStep(-1));

        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> new ShapesModelTraining(recipe(2, "v_prediction"), null).run(folder, true, untilStep(-1)))
                .withMessageContaining("prediction: epsilon")
                .withMessageContaining("expected: batch: 8, channels: [16], prediction: v_prediction");
        assertThat(Checkpoint.open(folder).prediction()).isEqualTo("eps");
    }

    @Test
    void run_whereThereIsAModelOrARun_isRefusedBeforeAnythingIsWritten() throws Exception {
        Recipe recipe = recipe(4, "v_prediction");
        new ShapesModelTraining(recipe(2, "epsilon"), null).run(folder, false, untilStep(-1));
        Files.delete(folder.resolve("run/latents.safetensors"));
        byte[] unet = Files.readAllBytes(folder.resolve(UNET));

        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ShapesModelTraining(recipe, null).run(folder, false, untilStep(-1)))
                .withMessage(
                        folder.resolve("run") + ": holds a run of 2 steps (expected: --resume, or another folder)");
        assertThatIllegalArgumentException()
                .as("a longer run, but the rate has fallen")
                .isThrownBy(
                        () -> new ShapesModelTraining(recipe(1000, "epsilon"), null).run(folder, true, untilStep(-1)))
                .withMessageContaining("training.safetensors: of another plan");
        Files.delete(folder.resolve("run/training.safetensors"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ShapesModelTraining(recipe(2, "epsilon"), null).run(folder, true, untilStep(-1)))
                .withMessage(folder + ": holds a model and no run of it (expected: another folder)");

        assertThat(Checkpoint.open(folder).prediction()).isEqualTo("eps");
        assertThat(Files.readAllBytes(folder.resolve(UNET))).isEqualTo(unet);
        assertThat(folder.resolve("run/latents.safetensors")).doesNotExist();
    }

    @Test
    void run_fromAModel_startsAtItsWeights() throws Exception {
        Path built = ShapesModel.SHAPES.extractTo(folder.resolve("cache"));
        Path tuned = folder.resolve("tuned");
        new ShapesModelTraining(new Recipe(2, 8, List.of(), "epsilon", 16, 7), built).run(tuned, false, untilStep(-1));

        float[] before = SafetensorsFile.open(built.resolve(UNET)).values("conv_in.weight");
        float[] after = SafetensorsFile.open(tuned.resolve(UNET)).values("conv_in.weight");
        double most = 0;
        for (int i = 0; i < before.length; i++) {
            most = Math.max(most, Math.abs(before[i] - after[i]));
        }
        assertThat(most).as("two small steps away").isBetween(1e-5, 0.01);
        double firstLoss = mean(Files.readAllLines(tuned.resolve("run/loss.csv")), 1, 2);
        assertThat(firstLoss).as("it knows the task").isLessThan(0.3);
        assertThat(JsonParser.parseString(Files.readString(tuned.resolve("scheduler/scheduler_config.json")))
                        .getAsJsonObject()
                        .get("prediction_type")
                        .getAsString())
                .isEqualTo("epsilon");
    }

    @Test
    void recipe_outOfRange_isRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> recipe(60, "flow"))
                .withMessage("prediction: \"flow\" (expected: epsilon or v_prediction)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Recipe(2, 3, List.of(16), "epsilon", 16, 7))
                .withMessage("batch: 3 (expected: a positive multiple of 2)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ShapesModelTraining(new Recipe(2, 8, List.of(20), "epsilon", 16, 7), null))
                .withMessage("channels: [20] (expected: 1 to 4 multiples of 16)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ShapesModelTraining(recipe(2, "epsilon"), folder))
                .withMessageContaining("expected: none, as " + folder + " has its own");
    }

    @Test
    void pool_isReadFromItsFile_unlessItIsAnotherOne() throws Exception {
        int[] encoded = new int[1];
        ShapesModelTraining.Progress counting = new ShapesModelTraining.Progress() {
            @Override
            public void encoded(int scenes) {
                encoded[0]++;
            }

            @Override
            public void trained(int steps) {}
        };
        new ShapesModelTraining(recipe(2, "epsilon"), null).run(folder, false, counting);
        assertThat(encoded[0]).as("40 scenes in batches of 32").isEqualTo(2);
        byte[] first = Files.readAllBytes(folder.resolve("run/latents.safetensors"));

        again();
        new ShapesModelTraining(recipe(2, "epsilon"), null).run(folder, false, counting);
        assertThat(encoded[0]).isEqualTo(2);
        again();
        new ShapesModelTraining(new Recipe(2, 8, List.of(16), "epsilon", 40, 8), null).run(folder, false, counting);
        assertThat(encoded[0]).as("another seed").isEqualTo(4);
        assertThat(Arrays.equals(first, Files.readAllBytes(folder.resolve("run/latents.safetensors"))))
                .isFalse();

        Path other = ShapesModel.SHAPES.extractTo(folder.resolve("cache"));
        Path vae = other.resolve("vae/diffusion_pytorch_model.safetensors");
        byte[] weights = Files.readAllBytes(vae);
        weights[weights.length - 1] ^= 1;
        Files.write(vae, weights);
        again();
        new ShapesModelTraining(new Recipe(2, 8, List.of(), "epsilon", 40, 8), other).run(folder, false, counting);
        assertThat(encoded[0]).as("another autoencoder").isEqualTo(6);
    }

    /** As if the first checkpoint had not come yet. */
    private void again() throws IOException {
        Files.delete(folder.resolve("run/training.safetensors"));
        Files.delete(folder.resolve(UNET));
    }
}
