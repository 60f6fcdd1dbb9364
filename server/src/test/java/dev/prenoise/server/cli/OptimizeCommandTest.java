package dev.prenoise.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import com.google.rpc.BadRequest.FieldViolation;
import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.EngineOptions;
import dev.prenoise.engine.Precision;
import dev.prenoise.server.FakeCatalog;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.Budget;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.Lora;
import dev.prenoise.v1.LossForm;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.PromptWeighting;
import dev.prenoise.v1.SearchAlgorithm;
import dev.prenoise.v1.Verifier;
import dev.prenoise.v1.VerifierSearch;
import io.grpc.protobuf.StatusProto;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OptimizeCommandTest {
    @TempDir
    private Path folder;

    private Path output;
    private final FakeService service = new FakeService();

    @BeforeEach
    void setUp() {
        output = folder.resolve("a new/out folder");
    }

    @Test
    void optimize_writesEveryFileAndSaysWhatWasFound() throws Exception {
        CommandLineRun run = optimize("a red circle", "-n", "8");

        assertThat(run.exit()).isZero();
        assertThat(service.request.getSearchId()).startsWith("cli-");
        // Candidate 3 of 8 has the lowest 1 - frac(0.618 k).
        assertThat(run.out().lines().findFirst().orElseThrow())
                .isEqualTo("plain seed 123: 1.00000 -> seed 1003: 0.14600 (candidate 3 of 8), pictures in " + output);
        assertThat(names())
                .containsExactlyInAnyOrder(
                        "before.png",
                        "after.png",
                        "before-after.png",
                        "candidates.png",
                        "noise.safetensors",
                        "result.json");
        assertThat(run.out().lines().skip(1).map(String::strip))
                .containsExactlyInAnyOrderElementsOf(names().stream()
                        .map(name -> output.resolve(name).toString())
                        .toList());
        for (String name : List.of("before.png", "after.png", "before-after.png", "candidates.png")) {
            assertThat(ImageIO.read(output.resolve(name).toFile())).as(name).isNotNull();
        }
    }

    @Test
    void optimize_byAVerifier_asksForPicturesAndTakesTheHighestScore() throws Exception {
        service.judgesWarnings = List.of("oracle: one picture was not judged");
        CommandLineRun run = optimize("a red circle", "-n", "8", "--verifier", "oracle");

        assertThat(run.exit()).isZero();
        assertThat(service.request.getVerifier())
                .isEqualTo(VerifierSearch.newBuilder()
                        .setAlgorithm(SearchAlgorithm.SEARCH_ALGORITHM_RANDOM)
                        .addVerifiers(Verifier.newBuilder().setName("oracle"))
                        .build());
        assertThat(service.request.getBudget())
                .isEqualTo(Budget.newBuilder().setPictures(8).build());
        // 1 - frac(0.618 k) is highest for k = 0.
        assertThat(run.out()).startsWith("the plain seed 123 is the best of 8: 1.00000, pictures in " + output);
        assertThat(run.err()).contains("prenoise: note: oracle: one picture was not judged");
        JsonObject json = JsonParser.parseString(Files.readString(output.resolve("result.json")))
                .getAsJsonObject();
        assertThat(json.get("score_is_loss").getAsBoolean()).isFalse();
        assertThat(json.getAsJsonObject("strategy").get("search").getAsString()).isEqualTo("random");
        assertThat(json.getAsJsonObject("strategy").get("verifiers").toString())
                .isEqualTo("[{\"name\":\"oracle\",\"weight\":1.0}]");
        assertThat(json.getAsJsonArray("warnings").get(0).getAsString()).startsWith("oracle: one");
        assertThat(json.getAsJsonArray("candidates").asList().stream()
                        .map(candidate ->
                                candidate.getAsJsonObject().get("score").getAsDouble())
                        .toList())
                .isSortedAccordingTo(Comparator.reverseOrder());
    }

    @Test
    void optimize_bySeveralVerifiers_ranksAllAndTellsOfEach() throws Exception {
        CommandLineRun run =
                optimize("a red circle", "-n", "8", "--verifier", "clip:2", "--verifier", "oracle", "--best", "1");

        assertThat(service.request.getVerifier().getVerifiers(0).getWeight()).isEqualTo(2);
        assertThat(run.out().lines().skip(1).map(String::strip))
                .startsWith("clip: 1.00000 -> 1.00000", "oracle: 1.00000 -> 1.00000");
        JsonObject json = JsonParser.parseString(Files.readString(output.resolve("result.json")))
                .getAsJsonObject();
        // The best of 8 beats the other 7 and ties with itself.
        assertThat(json.getAsJsonObject("winner").get("score").getAsDouble()).isEqualTo(7.5 / 8);
        assertThat(json.getAsJsonArray("candidates")
                        .get(7)
                        .getAsJsonObject()
                        .get("score")
                        .getAsDouble())
                .isEqualTo(0.5 / 8);
    }

    @Test
    void optimize_pictureOptions_reachTheRequest() throws Exception {
        Path asked = Files.writeString(folder.resolve("asked.txt"), "be strict\n");
        optimize(
                "a red circle",
                "--search",
                "zero-order-then-paths",
                "--verifier",
                "llm",
                "--verifier",
                "clip-class:0.5",
                "--nfe",
                "400",
                "--neighbors",
                "4",
                "--cosine",
                "0.9",
                "--paths",
                "3x4",
                "--search-steps",
                "10",
                "--restart-after",
                "5",
                "--class",
                "tabby",
                "--instructions",
                asked.toString());

        VerifierSearch.Builder expected = VerifierSearch.newBuilder()
                .setAlgorithm(SearchAlgorithm.SEARCH_ALGORITHM_ZERO_ORDER_THEN_PATHS)
                .addVerifiers(Verifier.newBuilder().setName("llm").setInstructions("be strict"))
                .addVerifiers(Verifier.newBuilder()
                        .setName("clip-class")
                        .setWeight(0.5)
                        .setLabel("tabby"))
                .setNeighbors(4)
                .setStepSize(Math.sqrt(1 / (0.9 * 0.9) - 1))
                .setSteps(10)
                .setRestartAfter(5);
        expected.getPathsBuilder().setInitialPaths(3).setWidth(4);
        assertThat(service.request.getVerifier()).isEqualTo(expected.build());
        assertThat(service.request.getBudget())
                .isEqualTo(Budget.newBuilder().setFunctionEvaluations(400).build());

        optimize(
                "a red circle",
                "--screen",
                "conform",
                "--keep",
                "4",
                "-n",
                "32",
                "--search",
                "first-order",
                "--step-size",
                "0.2",
                "--last-steps",
                "3");
        assertThat(service.request.getCascade().getScreen().getLoss()).isEqualTo(AttentionLoss.ATTENTION_LOSS_CONFORM);
        assertThat(service.request.getCascade().getKeep()).isEqualTo(4);
        assertThat(service.request.getCascade().getVerify().getVerifiersList())
                .containsExactly(Verifier.newBuilder().setName("clip").build());
        assertThat(service.request.getCascade().getVerify().getFirstOrder().getStepSize())
                .isEqualTo(0.2);
        assertThat(service.request.getCascade().getVerify().getFirstOrder().getLastSteps())
                .isEqualTo(3);
        assertThat(service.request.getBudget())
                .isEqualTo(Budget.newBuilder().setLossEvaluations(32).build());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        --nfe 5                           | --nfe: without --search, --verifier or --screen (expected: with one of them)
        --keep 5 --verifier a             | --keep: without --screen (expected: with the loss that picks)
        --verifier a --loss conform       | --loss: with --search, --verifier or --screen (expected: without; --screen LOSS ranks by a loss first)
        --verifier a --optimize           | --optimize: with --search, --verifier or --screen (expected: without; --screen LOSS ranks by a loss first)
        --verifier a --cosine 1           | --cosine: 1.0 (expected: between 0 and 1)
        --verifier a --cosine .9 --step-size 1 | --cosine: with --step-size (expected: one of them)
        --verifier a --paths 2            | --paths: 2 (expected: NxM, such as 2x2)
        --verifier a --last-steps 2       | --last-steps: without --search first-order (expected: with it)
        --last-steps 2                    | --last-steps: without --search, --verifier or --screen (expected: with one of them)
        --verifier clip-l14 --class cat   | --class: without a --verifier that takes one (expected: with one of clip-class)
        --verifier a --instructions x     | --instructions: without --verifier llm (expected: with it)
        """)
    void optimize_pictureOptionsThatDoNotFit_areNamed(String options, String message) {
        List<String> arguments = new ArrayList<>(List.of("a red circle"));
        arguments.addAll(List.of(options.strip().split(" ")));
        CommandLineRun run = optimize(arguments.toArray(String[]::new));

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err()).contains("prenoise: " + message);
        assertThat(service.request).isNull();
    }

    @Test
    void optimize_pictures_areTheServicesOwnBytes() throws Exception {
        optimize("a red circle", "-n", "8");

        assertThat(ImageIO.read(output.resolve("after.png").toFile()).getRGB(0, 0) & 0xffffff)
                .isEqualTo(3 * 0x081018);
        assertThat(ImageIO.read(output.resolve("before.png").toFile()).getRGB(0, 0) & 0xffffff)
                .isZero();
    }

    @Test
    void optimize_resultJson_holdsRequestWinnerAndAllCandidates() throws Exception {
        optimize("a red circle", "-n", "8", "--best", "2", "--seed", "18446744073709551615");

        JsonObject json = JsonParser.parseString(Files.readString(output.resolve("result.json")))
                .getAsJsonObject();
        assertThat(json.keySet())
                .containsExactly(
                        "version",
                        "search_id",
                        "prompt",
                        "subjects",
                        "backbone",
                        "noise_shape",
                        "sampling",
                        "strategy",
                        "seed",
                        "score_is_loss",
                        "baseline",
                        "winner",
                        "use",
                        "candidates",
                        "spent",
                        "stop_reason",
                        "files");
        assertThat(json.get("prompt").getAsString()).isEqualTo("a red circle");
        assertThat(json.get("seed").getAsBigInteger()).isEqualTo("18446744073709551615");
        assertThat(json.get("strategy").toString())
                .isEqualTo("{\"loss\":\"initno\",\"form\":\"ranking\",\"optimize\":false}");
        assertThat(json.get("stop_reason").getAsString()).isEqualTo("budget");
        JsonObject winner = json.getAsJsonObject("winner");
        assertThat(winner.get("index").getAsInt()).isEqualTo(3);
        assertThat(winner.get("plain_seed").getAsBoolean()).isTrue();
        assertThat(winner.getAsJsonObject("recipe").toString())
                .isEqualTo("{\"seed\":1003,\"source\":\"torch-cpu\",\"shape\":[1,4,2,2],\"steps\":[]}");
        assertThat(winner.getAsJsonObject("terms").get("infinite").isJsonNull()).isTrue();
        assertThat(json.getAsJsonObject("use").get("comfyui").getAsString()).contains("seed 1003");
        assertThat(json.getAsJsonObject("use").get("a1111").getAsString()).contains("seed 1003", "CPU");
        assertThat(json.getAsJsonArray("candidates")).hasSize(8);
        List<Double> scores = json.getAsJsonArray("candidates").asList().stream()
                .map(candidate -> candidate.getAsJsonObject().get("score").getAsDouble())
                .toList();
        assertThat(scores).isSorted();
        assertThat(json.getAsJsonArray("files")).hasSize(5);
        assertThat(json.getAsJsonObject("spent").get("seconds").getAsDouble()).isEqualTo(1.5);
    }

    @Test
    void optimize_optimisedWinner_pointsToTheNoiseFile() throws Exception {
        CommandLineRun run = optimize("a red circle", "-n", "1", "--loss", "initno", "--optimize");

        assertThat(run.out()).contains("seed 1008, optimised");
        JsonObject json = JsonParser.parseString(Files.readString(output.resolve("result.json")))
                .getAsJsonObject();
        assertThat(json.getAsJsonObject("winner").get("plain_seed").getAsBoolean())
                .isFalse();
        assertThat(json.getAsJsonObject("use").get("comfyui").getAsString()).contains("noise.safetensors");
    }

    @Test
    void optimize_options_reachTheRequest() {
        optimize(
                "a red circle and a blue square",
                "--negative",
                "blurry",
                "--backbone",
                "sd15",
                "--loss",
                "initno",
                "--form",
                "published",
                "--optimize",
                "--then",
                "self-cross",
                "-n",
                "3",
                "--seed",
                "99",
                "--width",
                "512",
                "--height",
                "768",
                "--steps",
                "30",
                "--guidance",
                "7.5",
                "--sampler",
                "euler",
                "--schedule",
                "karras",
                "--subject",
                "red circle",
                "--subject",
                "blue square",
                "--stop-on-plateau",
                "--search-id",
                "again",
                "--best",
                "4");

        OptimizeNoiseRequest request = service.request;
        assertThat(request.getSearchId()).isEqualTo("again");
        assertThat(request.getBackbone()).isEqualTo("sd15");
        assertThat(request.getPrompt().getNegativeText()).isEqualTo("blurry");
        assertThat(request.getPrompt().getSubjectsList())
                .extracting(subject -> subject.getText())
                .containsExactly("red circle", "blue square");
        assertThat(request.getAttention().getLoss()).isEqualTo(AttentionLoss.ATTENTION_LOSS_INITNO);
        assertThat(request.getAttention().getThen()).isEqualTo(AttentionLoss.ATTENTION_LOSS_SELF_CROSS);
        assertThat(request.getAttention().getForm()).isEqualTo(LossForm.LOSS_FORM_PUBLISHED);
        assertThat(request.getAttention().getOptimize()).isTrue();
        assertThat(request.getBudget().getLossEvaluations()).isEqualTo(30);
        assertThat(request.getBudget().getStopOnPlateau()).isTrue();
        assertThat(request.getSeed()).isEqualTo(99);
        assertThat(request.getWidth()).isEqualTo(512);
        assertThat(request.getHeight()).isEqualTo(768);
        assertThat(request.getSampling().getSteps()).isEqualTo(30);
        assertThat(request.getSampling().getGuidanceScale()).isEqualTo(7.5);
        assertThat(request.getSampling().getSampler()).isEqualTo("euler");
        assertThat(request.getSampling().getSchedule()).isEqualTo("karras");
        assertThat(request.getOutput().getBest()).isEqualTo(4);
        assertThat(request.getOutput().getPreview()).isEqualTo(Include.INCLUDE_BEST);
    }

    @Test
    void optimize_noPictures_leavesNoneOfAnEarlierRun() throws Exception {
        optimize("a red circle", "-n", "4");
        service.pictures = false;

        CommandLineRun run = optimize("a red circle", "-n", "4");

        assertThat(run.exit()).isZero();
        assertThat(names()).containsExactlyInAnyOrder("noise.safetensors", "result.json");
    }

    @Test
    void optimize_plainSeedIsBest_saysSo() {
        assertThat(optimize("a red circle", "-n", "1").out())
                .startsWith("the plain seed 123 is the best of 1: 1.00000, pictures in ");
    }

    @Test
    void optimize_notATerminal_printsALineForEachTenth() {
        CommandLineRun run = optimize("a red circle", "-n", "100");

        assertThat(run.err()).hasSize(12);
        assertThat(run.err().get(0)).isEqualTo("searching on shapes: 100 loss evaluations");
        assertThat(run.err().get(6)).isEqualTo("search  50/100  best 0.02200  1.0/s  50 s left");
    }

    @Test
    void optimize_everyScoreTheSame_saysThatTheLossCannotTell() {
        service.indifferent = true;

        CommandLineRun run = optimize("a red circle", "--loss", "conform", "-n", "4", "--quiet");

        assertThat(run.exit()).isZero();
        assertThat(run.err()).singleElement().asString().contains("conform gives every noise the same score", "initno");
    }

    @Test
    void optimize_quiet_printsNoProgress() {
        assertThat(optimize("a red circle", "-n", "4", "--quiet").err()).isEmpty();
    }

    @Test
    void optimize_fieldViolation_isTheLine() {
        BadRequest details = BadRequest.newBuilder()
                .addFieldViolations(FieldViolation.newBuilder()
                        .setField("prompt.subjects[0].text")
                        .setDescription("\"dog\" (expected: a subject of the prompt; found: cat)"))
                .build();
        service.refusal = StatusProto.toStatusRuntimeException(Status.newBuilder()
                .setCode(Code.INVALID_ARGUMENT_VALUE)
                .setMessage("1 field cannot be used")
                .addDetails(Any.pack(details))
                .build());

        CommandLineRun run = optimize("a cat", "--subject", "dog");

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err())
                .containsExactly(
                        "prenoise: prompt.subjects[0].text: \"dog\" (expected: a subject of the prompt; found: cat)");
        assertThat(names()).isEmpty();
    }

    @Test
    void optimize_otherRefusal_isTheServicesSentence() {
        service.refusal =
                FakeService.refused(io.grpc.Status.Code.NOT_FOUND, "backbone: \"sd3\" (expected: one of shapes, sd15)");

        CommandLineRun run = optimize("a cat");

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err()).containsExactly("prenoise: backbone: \"sd3\" (expected: one of shapes, sd15)");
    }

    @Test
    void optimize_serviceShutsDown_isTheServicesSentence() {
        service.refusal = FakeService.refused(io.grpc.Status.Code.UNAVAILABLE, "shutting down; send it again");

        assertThat(optimize("a cat").err()).containsExactly("prenoise: shutting down; send it again");
    }

    @Test
    void optimize_connectionLost_saysHowToGoOn() {
        service.breakdown = io.grpc.Status.UNAVAILABLE
                .withDescription("Network closed for unknown reason")
                .asRuntimeException();

        CommandLineRun run = optimize("a cat", "--search-id", "mine");

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err().get(run.err().size() - 1))
                .startsWith("prenoise: cannot reach ")
                .contains(": Network closed for unknown reason (is `prenoise serve` running there?)")
                .endsWith("the same command with --search-id mine goes on from it");
    }

    @Test
    void optimize_verboseFailure_addsTheTrace() {
        service.refusal = FakeService.refused(io.grpc.Status.Code.INTERNAL, "broken");

        CommandLineRun run = optimize("a cat", "--verbose");

        assertThat(run.err().get(0)).isEqualTo("prenoise: broken");
        assertThat(run.err()).anyMatch(line -> line.contains("StatusRuntimeException"));
    }

    @Test
    void search_interrupted_cancelsTheCallAndWritesNothing() throws Exception {
        service.hangAfter = 5;
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Console console = new Console(System.out, new PrintStream(err), false);
        OptimizeCommand command = new OptimizeCommand(console, folders -> service.open());
        new picocli.CommandLine(command).parseArgs("a cat", "-n", "8", "--quiet");

        try (Interrupt interrupt = Interrupt.install();
                Service open = service.open()) {
            CompletableFuture<Integer> exit = CompletableFuture.supplyAsync(() -> {
                try (interrupt) {
                    return command.search(open, OutputFolder.at(output), interrupt);
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            });
            service.hanging.await();
            interrupt.fire();

            assertThat(exit.get(10, TimeUnit.SECONDS)).isEqualTo(130);
        }
        assertThat(service.cancelled.await(10, TimeUnit.SECONDS)).isTrue();
        assertThat(err.toString().strip()).matches("prenoise: cancelled after [0-5] candidates.*; nothing was written");
        assertThat(names()).isEmpty();
    }

    private CommandLineRun optimize(String... arguments) {
        return CommandLineRun.of(
                service,
                Stream.of(List.of("optimize"), List.of(arguments), List.of("--output", output.toString()))
                        .flatMap(List::stream)
                        .toArray(String[]::new));
    }

    private List<String> names() {
        if (Files.notExists(output)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(output)) {
            return files.map(file -> file.getFileName().toString()).toList();
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void optimize_withLorasAndPromptOptions_sendsThemAndSaysWhatWasNotUsed() throws Exception {
        service.warnings = List.of("styles/ink.safetensors: 2 keys match nothing");
        CommandLineRun run = optimize(
                "a (red:1.2) circle",
                "-n",
                "2",
                "--lora",
                "styles/ink:0.5",
                "--lora",
                "a:b",
                "--lora",
                "x:-1:.25",
                "--clip-skip",
                "2",
                "--weighting",
                "a1111",
                "--backbone",
                "sd15/dream.safetensors");

        assertThat(run.exit()).isZero();
        assertThat(service.request.getLoraList())
                .containsExactly(
                        Lora.newBuilder().setName("styles/ink").setStrength(0.5).build(),
                        Lora.newBuilder().setName("a:b").build(),
                        Lora.newBuilder()
                                .setName("x")
                                .setStrength(-1)
                                .setTextStrength(0.25)
                                .build());
        assertThat(service.request.getPrompt().getClipSkip()).isEqualTo(2);
        assertThat(service.request.getPrompt().getWeighting()).isEqualTo(PromptWeighting.PROMPT_WEIGHTING_A1111);
        assertThat(service.request.getBackbone()).isEqualTo("sd15/dream.safetensors");
        assertThat(run.err()).contains("prenoise: note: styles/ink.safetensors: 2 keys match nothing");
        JsonObject json = JsonParser.parseString(Files.readString(output.resolve("result.json")))
                .getAsJsonObject();
        assertThat(json.get("warnings").getAsJsonArray()).hasSize(1);
        assertThat(json.get("loras").getAsJsonArray().get(2).toString())
                .isEqualTo("{\"name\":\"x\",\"strength\":-1.0,\"text_strength\":0.25}");
    }

    /** Their folders are not scanned for it. */
    @Test
    void optimize_onFilesOfThisMachine_addsThemToTheModels() throws Exception {
        Path model = Files.writeString(folder.resolve("my.safetensors"), "");
        Path lora = Files.writeString(folder.resolve("ink.safetensors"), "");
        List<CatalogOptions> options = new ArrayList<>();
        int exit = Main.run(
                new Console(
                        new PrintStream(new ByteArrayOutputStream()),
                        new PrintStream(new ByteArrayOutputStream()),
                        false),
                each -> new FakeCatalog(),
                each -> {
                    options.add(each.catalog());
                    return service.open();
                },
                "optimize",
                "cat",
                "-n",
                "1",
                "--output",
                output.toString(),
                "--backbone",
                model.toString(),
                "--lora",
                lora + ":0.5",
                "--models",
                "elsewhere",
                "--memory-limit",
                "6.5G",
                "--idle",
                "30",
                "--dtype",
                "fp16",
                "--device",
                "cuda:1",
                "--tokenizer",
                "tok");

        assertThat(exit).isZero();
        assertThat(service.request.getBackbone()).isEqualTo("my.safetensors");
        assertThat(service.request.getLora(0).getName()).isEqualTo("ink.safetensors");
        assertThat(options).singleElement().satisfies(catalog -> {
            assertThat(catalog.models()).containsExactly(model, Path.of("elsewhere"));
            assertThat(catalog.loras()).containsExactly(lora);
            assertThat(catalog.hashing()).isFalse();
            assertThat(catalog.engine())
                    .isEqualTo(new EngineOptions(
                            "cuda:1", 6_500_000_000L, Duration.ofSeconds(30), Precision.FP16, List.of(Path.of("tok"))));
        });
    }
}
