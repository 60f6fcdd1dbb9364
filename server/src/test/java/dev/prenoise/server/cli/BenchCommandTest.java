package dev.prenoise.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BenchCommandTest {
    @Test
    void agreement_ofFloat32WithItself_isRefused() {
        assertThat(refused("--dtype", "fp32")).startsWith("prenoise: --dtype: fp32 (expected: fp16 or bf16");
        assertThat(refused("--device", "cpu"))
                .startsWith("prenoise: --dtype: auto, fp32 on cpu (expected: fp16 or bf16");
    }

    private static String refused(String... options) {
        String[] arguments = new String[options.length + 3];
        arguments[0] = "bench";
        arguments[1] = "--agreement";
        arguments[2] = "4";
        System.arraycopy(options, 0, arguments, 3, options.length);
        CommandLineRun run = CommandLineRun.of(new FakeService(), arguments);
        assertThat(run.exit()).isEqualTo(2);
        return run.err().get(0);
    }
}
