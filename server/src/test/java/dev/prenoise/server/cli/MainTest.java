package dev.prenoise.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.server.ops.ProductVersion;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MainTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "optimise a cat               | Unmatched argument",
                "optimize                     | Missing required parameter: 'PROMPT' (see prenoise optimize --help)",
                "optimize cat --nonsense     | Unknown option: '--nonsense' (see",
                "optimize cat --loss clip     | \"clip\" (expected: one of initno, conform, self-cross, attend-and-excite)",
                "optimize cat --form odd      | \"odd\" (expected: one of ranking, published)",
                "optimize cat --seed -1       | -1 (expected: a whole number from 0 to 18446744073709551615)",
                "optimize cat --steps many    | 'many' is not an int",
                "optimize cat -n 0            | --candidates: 0 (expected: 1 to 214748364)",
                "optimize cat -n 2147483647  | --candidates: 2147483647 (expected: 1 to 214748364)",
                "optimize cat --best -2       | --best: -2 (expected: 1 to 214748364)",
                "optimize cat --target nohost | --target: nohost (expected: host:port, such as 127.0.0.1:50551)",
                "optimize cat --target :1     | --target: :1 (expected: host:port",
                "optimize cat --target a:65536 | --target: a:65536 (expected: host:port",
                "optimize cat --target a:1 --tls-ca nofile | --tls-ca: nofile (expected: a readable PEM file)",
                "optimize cat --target [::1]:1 --token-file nofile | --token-file: nofile (expected: a readable file)",
                "optimize cat --target a:1 --models m | --models: with --target",
                "parity nofolder              | nofolder/expected.safetensors: cannot be read",
                "parity . --device tpu        | --device: \"tpu\" (expected: auto, cpu, mps, cuda or cuda:N)",
                "optimize cat --target a:1 --memory-limit 6G | --memory-limit: with --target",
                "optimize cat --memory-limit 6X | 6X (expected: a size such as 6G or 800M)",
                "optimize cat --dtype int8    | int8 (expected: auto, fp16, bf16 or fp32)",
                "optimize cat --lora :0.5:    | --lora: \":0.5:\" (expected: NAME, or NAME:STRENGTH such as ink:0.8)",
                "optimize cat --weighting odd | \"odd\" (expected: one of comfyui, a1111, none)",
                "optimize cat --target a:1 --verifiers v | --verifiers: with --target",
                "optimize cat --target a:1 --verifier-at v=b:1 | --verifier-at: with --target",
                "study nothing.yaml           | study: nothing.yaml (expected: a readable YAML file, or one of first-study,",
                "study first-study --nfe 3    | --nfe: with a study file (expected: with losses or verifiers)",
                "study losses --queue nats://a | --queue: with losses (expected: with a study file)",
                "study losses --print         | --print: with losses (expected: with a study file)",
                "study --print                | --print: with losses (expected: with a study file)",
                "study losses --queue-patience 9 | --queue-patience: with losses (expected: with a study file)",
                "study verifiers --strategies conform | --strategies: with verifiers (expected: with a study file)",
                "study losses --nfe 3         | --nfe: with losses (expected: with verifiers)",
                "study verifiers -n 3         | --candidates: with verifiers (expected: with losses)",
                "study first-study --print --backbones shapes | --backbones: with --print (expected: with a study that is run)",
                "study first-study --print --queue-ca c | --queue-ca: with --print (expected: with a study that is run)",
                "study first-study --print --seed 3 | --seed: with a study file (expected: with losses or verifiers)",
                "study first-study --queue-name n | --queue-name: without --queue (expected: with it)",
                "study first-study --queue-forgotten 9 | --queue-forgotten: without --queue (expected: with it)",
                "study first-study --backbones odd | --backbones: \"odd\" (expected: of \"shapes\")",
                "study first-study --no-compute | --no-compute: without --queue (expected: with it, as nobody would compute)",
                "study first-study --queue a:1 | --queue: a:1 (expected: nats://HOST:4222 or tls://HOST:4222",
                "study first-study --queue nats://a --queue-forgotten 1 | --queue-forgotten: 1 (expected: >= 3 seconds)",
                "study first-study --queue nats://a --no-compute --device tpu | --device: \"tpu\" (expected: auto, cpu, mps, cuda or cuda:N)",
                "study work                    | --queue: none (expected: nats://HOST:4222, or PRENOISE_QUEUE)",
                "study drop                    | --queue: none (expected: nats://HOST:4222, or PRENOISE_QUEUE)",
                "study work --queue nats://a --end-after -1 | --end-after: -1 (expected: >= 0 seconds)",
                "study work --queue nats://a --queue-patience 0 | --queue-patience: 0 (expected: >= 1 second)",
                "study odd --print            | study: odd (expected: one of first-study,",
                "serve --keep 0               | --keep: 0 (expected: >= 1 day)",
                "serve --port 70000           | --port: 70000 (expected: 0 to 65535)",
                "serve --port x               | 'x' is not an int",
                "serve --grace -1             | --grace: -1 (expected: >= 0)",
                "serve --host-timeout 0       | --host-timeout: 0 (expected: >= 1 second)",
                "serve --tls-cert a           | --tls-cert and --tls-key: one without the other (expected: both)",
                "serve --token-file nofile    | --token-file: nofile (expected: a readable file)",
            })
    void run_wrongArguments_isOneLineAndExitCode2(String arguments, String expected) {
        String output = " --output " + folder.resolve("out");
        CommandLineRun run = CommandLineRun.of(
                new FakeService(), (arguments + (arguments.startsWith("optimize ") ? output : "")).split(" "));

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.out()).isEmpty();
        assertThat(run.err())
                .singleElement()
                .asString()
                .startsWith("prenoise: ")
                .contains(expected);
    }

    @Test
    void run_version_isThatOfTheBuild() {
        CommandLineRun run = CommandLineRun.of(new FakeService(), "--version");

        assertThat(run.exit()).isZero();
        assertThat(run.out().strip()).isEqualTo("prenoise " + ProductVersion.get());
    }

    @Test
    void run_nothing_showsTheCommands() {
        CommandLineRun run = CommandLineRun.of(new FakeService());

        assertThat(run.exit()).isZero();
        assertThat(run.out()).contains("optimize", "score", "serve", "capabilities", "doctor");
    }

    @Test
    void run_help_namesEveryOptionOfTheCommand() {
        CommandLineRun run = CommandLineRun.of(new FakeService(), "optimize", "--help");

        assertThat(run.exit()).isZero();
        assertThat(run.out())
                .contains("--loss", "--then", "--candidates", "--seed", "--subject", "--target", "--token", "--tls-ca")
                .contains("initno, conform, self-cross,")
                .doesNotContain("null", "${", "safetensors.");
    }

    @Test
    void run_outputIsAFile_saysSoBeforeSearching() throws Exception {
        Path file = Files.createFile(folder.resolve("file"));
        FakeService service = new FakeService();

        CommandLineRun run = CommandLineRun.of(service, "optimize", "cat", "--output", file.toString());

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err())
                .containsExactly("prenoise: --output: " + file + " (expected: a folder, but this is a file)");
        assertThat(service.request).isNull();
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void run_outputWhereNoFileCanBeMade_saysSoBeforeSearching() {
        FakeService service = new FakeService();

        CommandLineRun run = CommandLineRun.of(service, "optimize", "cat", "--output", "/proc/prenoise-out");

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err())
                .containsExactly("prenoise: --output: /proc/prenoise-out (expected: a folder that can be written to)");
        assertThat(service.request).isNull();
    }

    @Test
    void run_capabilities_listsWhatTheServiceSays() {
        CommandLineRun run = CommandLineRun.of(new FakeService(), "capabilities");

        assertThat(run.exit()).isZero();
        assertThat(run.out())
                .contains(
                        "version   9.9.9",
                        "device    cpu, 3.0 of 8.0 GB free",
                        "BACKBONE  FAMILY  GB    PIXELS  PREDICTS  SHA256\n")
                .contains("shapes    shapes  0.00  64      -         -       default\n");
    }

    @Test
    void run_nobodyAtTheTarget_namesIt() {
        CommandLineRun run = CommandLineRun.of(new FakeService(), "capabilities", "--target", "127.0.0.1:1");

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err())
                .singleElement()
                .asString()
                .startsWith("prenoise: cannot reach 127.0.0.1:1: ")
                .contains("refused", "prenoise serve");
    }
}
