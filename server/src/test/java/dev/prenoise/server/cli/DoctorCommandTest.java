package dev.prenoise.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import java.util.List;
import org.junit.jupiter.api.Test;

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
}
