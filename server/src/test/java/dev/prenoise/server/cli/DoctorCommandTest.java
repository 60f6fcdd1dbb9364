package dev.prenoise.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.engine.ModelException;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.server.ops.SidecarConfig;
import io.grpc.Status;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoctorCommandTest {
    @Test
    void doctor_mainJobWorks_exitsWith0() {
        CommandLineRun run = CommandLineRun.of(new FakeService(), "doctor");

        assertThat(run.exit()).isZero();
        List<String> lines = run.out().lines().toList();
        assertThat(lines).allMatch(line -> line.matches("(ok      |warn    |        -> ).+"));
        assertThat(lines)
                .anyMatch(line -> line.startsWith("ok      Java " + System.getProperty("java.version")))
                .anyMatch(line -> line.matches("ok      libtorch \\S+ loads and computes"))
                .anyMatch(line ->
                        line.matches("ok      bfloat16 on this processor: a convolution runs \\d+\\.\\d times .+"))
                .anyMatch(
                        line -> line.startsWith("ok      the built-in model loads and scores noise (shapes, loss 1.0"));
    }

    @Test
    void doctor_modelFails_saysWhyAndExitsWith2() {
        FakeService service = new FakeService();
        service.refusal = FakeService.refused(Status.Code.INTERNAL, "unet/config.json: no such file");

        CommandLineRun run = CommandLineRun.of(service, "doctor");

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.out())
                .contains("missing the built-in model does not work: ", "unet/config.json: no such file", "-> ");
    }

    @Test
    void doctor_saysWhatFitsInMemory() {
        CommandLineRun run = CommandLineRun.of(new FakeService(), "doctor", "--memory-limit", "150");

        assertThat(run.out().lines())
                .contains(
                        "ok      fake (shapes) at 64 px: scoring needs 0.0 GB, optimising 0.0 GB, pictures 0.0 GB of cpu; "
                                + "of 0.0 GB that fits 5 at once, not pictures")
                .anyMatch(
                        line -> line.matches(
                                "warn    any Stable Diffusion XL model at 1024 px: scoring needs (9|1\\d)\\.\\d GB, .+: it does not fit"))
                .anyMatch(
                        line -> line.matches(
                                "warn    any Stable Diffusion 1 model at 512 px: scoring needs [1-3]\\.\\d GB, .+: it does not fit"));
    }

    @Test
    void doctor_optionThatCannotBeUsed_isBlamedAndNotTheBuiltInModel() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        int exit = Main.run(
                new Console(new PrintStream(out), System.err, false),
                options -> {
                    throw new ModelException("models: /none (expected: a directory, or a model's file)");
                },
                options -> new FakeService().open(),
                "doctor",
                "--models",
                "/none");

        assertThat(exit).isEqualTo(2);
        assertThat(out.toString())
                .contains("missing --models: /none (expected: a directory, or a model's file)")
                .contains("ok      the built-in model loads and scores noise");
    }

    @Test
    void find_ofCards_asksNvidiaSmiThenLooksForTheDriver(@TempDir Path folder) throws Exception {
        Path smi = Files.writeString(
                folder.resolve("smi"), "#!/bin/sh\necho 'NVIDIA RTX 3070, 8192 MiB, 7000 MiB, 550.1'\n");
        assertThat(smi.toFile().setExecutable(true)).isTrue();
        assertThat(NvidiaCard.find(smi.toString(), List.of())).isEqualTo("NVIDIA RTX 3070, 8192 MiB, 7000 MiB, 550.1");
        String none = folder.resolve("none").toString();
        assertThat(NvidiaCard.find(none, List.of(folder.resolve("version")))).isNull();
        assertThat(NvidiaCard.find(none, List.of(smi))).isEqualTo("NVIDIA's driver (" + smi + ")");
    }

    @Test
    void doctor_peers_saysWhichCouldBeUsed() throws Exception {
        int nobody;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            nobody = socket.getLocalPort();
        }
        try (TestSidecar peer = TestSidecar.onLoopback(SidecarConfig.DEFAULT)) {
            CommandLineRun run = CommandLineRun.of(
                    new FakeService(), "doctor", "--peers", "127.0.0.1:" + peer.port + ",127.0.0.1:" + nobody);

            assertThat(run.exit()).isZero();
            assertThat(run.out().lines())
                    .contains("ok      peer 127.0.0.1:" + peer.port
                            + " has the same version, the same kind of device, and the 2 models that are here")
                    .anyMatch(line -> line.startsWith("warn    peer 127.0.0.1:" + nobody + " does not answer: "));
        }
    }

    @Test
    void doctor_peersThatAreNoAddress_areBlamed() {
        CommandLineRun run = CommandLineRun.of(new FakeService(), "doctor", "--peers", "nowhere");

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.out()).contains("--peers: nowhere (expected: host:port, such as 127.0.0.1:50551)");
    }
}
