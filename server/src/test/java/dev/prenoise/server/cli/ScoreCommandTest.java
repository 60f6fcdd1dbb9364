package dev.prenoise.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.image.Picture;
import dev.prenoise.image.Png;
import dev.prenoise.server.FakeCatalog;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.shapes.Captions;
import dev.prenoise.shapes.Look;
import dev.prenoise.shapes.Renderer;
import dev.prenoise.shapes.Scene;
import dev.prenoise.shapes.SceneSampler;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScoreCommandTest {
    @TempDir
    Path folder;

    private Path dark;
    private Path light;

    @BeforeEach
    void pictures() throws IOException {
        dark = grey("dark.png", 10);
        light = grey("light.png", 200);
    }

    @Test
    void score_severalVerifiers_printsTheBestFirst() {
        CommandLineRun run =
                run("score", dark, light, "--prompt", "a cat", "--verifier", "red", "--verifier", "dark:0.5");

        assertThat(run.err()).isEmpty();
        assertThat(run.out().lines())
                .containsExactly(
                        "RANKED       DARK       RED  IMAGE",
                        "0.5833  -200.0000  205.0000  " + light,
                        "0.4167   -10.0000   15.0000  " + dark);
        assertThat(run.exit()).isZero();
    }

    @Test
    void score_json_keepsTheOrderAndSaysWhatWasNotJudged() throws IOException {
        Path odd = grey("odd.png", 11);

        CommandLineRun run = run("score", odd, dark, "--verifier", "picky", "--json");

        JsonObject json = JsonParser.parseString(run.out()).getAsJsonObject();
        JsonObject first = json.getAsJsonArray("images").get(0).getAsJsonObject();
        assertThat(first.get("file").getAsString()).isEqualTo(odd.toString());
        assertThat(first.getAsJsonObject("scores").get("picky").isJsonNull()).isTrue();
        assertThat(first.get("ensemble").isJsonNull()).isTrue();
        assertThat(json.getAsJsonArray("images")
                        .get(1)
                        .getAsJsonObject()
                        .getAsJsonObject("scores")
                        .get("picky")
                        .getAsDouble())
                .isEqualTo(10);
        assertThat(json.getAsJsonArray("warnings").get(0).getAsString())
                .isEqualTo("picky: odd pictures are not judged");
    }

    @Test
    void score_class_isTheLabelOfEachVerifier() {
        CommandLineRun run = run("score", dark, "--verifier", "bright", "--class", "unicorn");

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err()).containsExactly("prenoise: verifiers[0].label: \"unicorn\" (expected: one of cat, frog)");
    }

    @Test
    void score_classWithoutAClassifier_isRefused() {
        CommandLineRun run = run("score", dark, "--verifier", "dark", "--class", "tabby");

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err())
                .containsExactly(
                        "prenoise: --class: without a --verifier that takes one (expected: with one of bright, sorter)");
    }

    @Test
    void score_classBesideOthers_isTheClassifiersAlone() {
        CommandLineRun run = run("score", dark, "--verifier", "dark", "--verifier", "bright", "--class", "tabby");

        assertThat(run.err()).isEmpty();
        assertThat(run.exit()).isZero();
    }

    @Test
    void models_aVerifierElsewhereUnderTheNameOfTheLanguageModels_isRefusedBesideOne() {
        CommandLineRun run = run(
                Models::open,
                "models",
                "--device",
                "cpu",
                "--verifier-at",
                "llm=127.0.0.1:9",
                "--llm",
                "http://localhost:9/v1",
                "--llm-model",
                "m");

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err())
                .first()
                .asString()
                .startsWith("prenoise: --llm: with --verifier-at llm=... (expected: one of them");
    }

    @Test
    void score_instructionsWithoutALanguageModel_areRefused() throws IOException {
        Path words = Files.writeString(folder.resolve("words.txt"), "be strict");

        CommandLineRun run = run("score", dark, "--verifier", "bright", "--instructions", words);

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err()).containsExactly("prenoise: --instructions: without --verifier llm (expected: with it)");
    }

    @Test
    void score_warning_standsOnStandardError() throws IOException {
        CommandLineRun run = run("score", grey("odd.png", 11), "--verifier", "picky");

        assertThat(run.out()).contains("     -      -  ");
        assertThat(run.err()).containsExactly("warning: picky: odd pictures are not judged");
    }

    @Test
    void score_fileThatIsNoPicture_isNamed() throws IOException {
        Path text = Files.writeString(folder.resolve("notes.txt"), "hello");

        CommandLineRun run = run("score", dark, text, "--verifier", "bright");

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err())
                .containsExactly("prenoise: " + text
                        + ": bytes that start with 68656c6c6f (expected: a PNG, JPEG or WebP file)");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "nofile --verifier bright | nofile: cannot be read (expected: a PNG, JPEG or WebP file)",
                "nofile --verifier bright:0 | --verifier: bright:0 (expected: a weight > 0 behind the colon)",
                "nofile | Missing required option: '--verifier=NAME[:WEIGHT]'",
                "--verifier bright | Missing required parameter: 'IMAGE'"
            })
    void score_wrongArguments_isOneLine(String arguments, String expected) {
        CommandLineRun run = run((Object[]) ("score " + arguments).split(" "));

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err()).singleElement().asString().contains(expected);
    }

    /** The models of this process, the oracle among them, and a verifier of a sidecar on another port. */
    @Test
    void score_oracleAndAVerifierElsewhere_areAskedTogether() throws IOException {
        Scene scene = SceneSampler.sample(1, 0, 0);
        Path drawn = folder.resolve("drawn.png");
        Files.write(
                drawn,
                Png.encode(new Picture(
                        64,
                        64,
                        Renderer.render(
                                        scene,
                                        Look.sample(1, 0, 0, scene.objects().size()))
                                .toRgb())));
        try (TestSidecar other = TestSidecar.onLoopback(SidecarConfig.DEFAULT)) {
            CommandLineRun run = run(
                    Models::open,
                    "score",
                    drawn,
                    dark,
                    "--prompt",
                    Captions.caption(scene, 1, 0, 0),
                    "--verifier",
                    "oracle",
                    "--verifier",
                    "mine",
                    "--device",
                    "cpu",
                    "--verifier-at",
                    "mine=" + other.channel.authority() + "/bright");

            assertThat(run.err()).isEmpty();
            List<String> lines = run.out().lines().toList();
            assertThat(lines.get(0)).matches("RANKED +MINE +ORACLE  IMAGE");
            assertThat(lines.get(1)).startsWith("0.7500").endsWith("  1.0000  " + drawn);
            assertThat(lines.get(2)).startsWith("0.2500   10.0000").endsWith(dark.toString());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "clip, --verifier-at: clip (expected: NAME=HOST:PORT or NAME=HOST:PORT/THEIR_NAME",
        "clip=host, --verifier-at: host (expected: host:port",
    })
    void verifierAt_wrong_isOneLine(String value, String expected) {
        CommandLineRun run = run(Models::open, "models", "--device", "cpu", "--verifier-at", value);

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err()).singleElement().asString().contains(expected);
    }

    @Test
    void models_listsVerifiersAndWhatIsMissing() {
        CommandLineRun run = run("models");

        assertThat(run.out())
                .contains(
                        "verifier  bright: bright\n",
                        "verifier  aesthetic-l14: not available, no files: put them into DIR\n");
    }

    private Path grey(String name, int level) throws IOException {
        byte[] rgb = new byte[64 * 64 * 3];
        Arrays.fill(rgb, (byte) level);
        return Files.write(folder.resolve(name), Png.encode(new Picture(64, 64, rgb)));
    }

    private static CommandLineRun run(Object... arguments) {
        return run(options -> new FakeCatalog(), arguments);
    }

    private static CommandLineRun run(Function<ModelOptions, ModelCatalog> models, Object... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Console console = new Console(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                false);
        int exit = Main.run(
                console, models, Arrays.stream(arguments).map(Object::toString).toArray(String[]::new));
        List<String> errors = err.toString(StandardCharsets.UTF_8).lines().toList();
        return new CommandLineRun(exit, out.toString(StandardCharsets.UTF_8), errors);
    }
}
