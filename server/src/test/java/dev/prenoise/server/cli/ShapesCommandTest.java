package dev.prenoise.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShapesCommandTest {
    @TempDir
    private Path folder;

    private static CommandLineRun run(String... arguments) {
        return CommandLineRun.of(new FakeService(), arguments);
    }

    @Test
    void train_makesAModel_andAnotherRecipeDoesNotTouchIt() throws Exception {
        String out = folder.resolve("out").toString();
        List<String> small = List.of(
                "shapes", "train", "--out", out, "--channels", "16", "--batch", "2", "--steps", "2", "--scenes", "4");
        CommandLineRun trained = run(small.toArray(String[]::new));
        assertThat(trained.exit()).isZero();
        assertThat(trained.out()).isEqualTo(out + System.lineSeparator());
        byte[] scheduler = Files.readAllBytes(folder.resolve("out/scheduler/scheduler_config.json"));

        CommandLineRun other =
                run("shapes", "train", "--out", out, "--resume", "--scenes", "4", "--prediction", "v_prediction");

        assertThat(other.exit()).isEqualTo(2);
        assertThat(other.err().get(other.err().size() - 1))
                .startsWith("prenoise: " + folder.resolve("out/run/recipe.txt") + ": of another recipe, batch: 2,");
        assertThat(run(small.toArray(String[]::new)).err())
                .as("without --resume")
                .containsExactly("prenoise: " + folder.resolve("out/run")
                        + ": holds a run of 2 steps (expected: --resume, or another folder)");
        assertThat(Files.readAllBytes(folder.resolve("out/scheduler/scheduler_config.json")))
                .isEqualTo(scheduler);
    }

    @Test
    void train_byARecipeThatCannotBe_saysSo() {
        assertThat(run("shapes", "train", "--out", folder.toString(), "--prediction", "flow")
                        .err())
                .containsExactly("prenoise: prediction: \"flow\" (expected: epsilon or v_prediction)");
        assertThat(run("shapes", "train", "--out", folder.toString(), "--from", folder.toString())
                        .err())
                .containsExactly("prenoise: " + folder + ": no folder unet (expected: diffusers layout)");
    }

    @Test
    void verifiers_byNumbersThatCannotBe_saySo() {
        CommandLineRun trained = run("shapes", "train-verifiers", "--out", folder.toString(), "--batch", "12");
        assertThat(trained.exit()).isEqualTo(2);
        assertThat(trained.err()).endsWith("prenoise: batch: 12 (expected: a positive multiple of 8)");
        assertThat(folder.resolve("run")).doesNotExist();
        CommandLineRun judged = run("shapes", "judge-verifiers", "--output", folder.toString(), "--prompts", "1");
        assertThat(judged.exit()).isEqualTo(2);
        assertThat(judged.err()).endsWith("prenoise: prompts: 1, candidates: 8 (expected: >= 2, >= 2)");
        assertThat(run("shapes", "judge-verifiers", "--output", folder.toString(), "--prompts", "393")
                        .err())
                .endsWith("prenoise: prompts: 393 (expected: 2 to 392, as shape_shape has 56)");
    }

    @Test
    void judge_ofAnUnknownSuite_listsThoseThereAre() {
        CommandLineRun judged = run("shapes", "judge", "--suite", "animals");
        assertThat(judged.exit()).isEqualTo(2);
        assertThat(judged.err())
                .containsExactly("prenoise: --suite: \"animals\" (expected: one of two_objects, shape_shape,"
                        + " colour_shape, three_shapes, counting, relations, similar_shapes)");
    }
}
