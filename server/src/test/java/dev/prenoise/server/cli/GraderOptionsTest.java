package dev.prenoise.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.verifier.LlmOptions;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class GraderOptionsTest {
    private static final String KEY = "sk-never-shown-1234";

    private static GraderOptions parse(String... args) {
        GraderOptions options = new GraderOptions();
        new CommandLine(options, CommandLine.defaultFactory()).parseArgs(args);
        return options;
    }

    @Test
    void options_withNothingSet_isNone() {
        assertThat(parse().options(Map.of())).isNull();
        assertThat(parse().firstSet()).isNull();
    }

    @Test
    void options_ofAService_areReadAndTheKeyComesFromTheEnvironment() {
        LlmOptions options = parse(
                        "--llm",
                        "http://localhost:11434/v1/",
                        "--llm-model",
                        "qwen2.5vl",
                        "--llm-max-calls",
                        "7",
                        "--llm-timeout",
                        "1.5")
                .options(Map.of("PRENOISE_LLM_KEY", KEY + "\n"));

        assertThat(options).isNotNull();
        assertThat(options.baseUrl()).isEqualTo(URI.create("http://localhost:11434/v1"));
        assertThat(options.model()).isEqualTo("qwen2.5vl");
        assertThat(options.maxCalls()).isEqualTo(7);
        assertThat(options.timeout()).isEqualTo(Duration.ofMillis(1500));
        assertThat(options.key()).isEqualTo(KEY);
        assertThat(options.toString()).doesNotContain(KEY);
    }

    @Test
    void options_thatCannotBeUsed_areNamed() {
        assertThatThrownBy(() -> parse("--llm-model", "m").options(Map.of()))
                .isInstanceOf(CliException.class)
                .hasMessage("--llm-model: without --llm (expected: both)");
        assertThatThrownBy(() -> parse("--llm", "http://localhost/v1").options(Map.of()))
                .hasMessage("--llm: without --llm-model (expected: both)");
        assertThatThrownBy(() -> parse("--llm", "http://example.org/v1", "--llm-model", "m")
                        .options(Map.of()))
                .hasMessage("--llm: http://example.org/v1 is neither encrypted nor on this machine "
                        + "(expected: https, or --llm-insecure beside it)");
        assertThatThrownBy(() -> parse("--llm", "http://localhost/v1", "--llm-model", "m", "--llm-timeout", "0")
                        .options(Map.of()))
                .hasMessageStartingWith("--llm-timeout: PT0S (expected: above 0");
        assertThatThrownBy(() -> parse("--llm", "http://localhost/v1", "--llm-model", "m")
                        .options(Map.of("PRENOISE_LLM_KEY", "two " + KEY)))
                .hasMessageStartingWith("PRENOISE_LLM_KEY: has characters that no key has")
                .hasMessageNotContaining(KEY);
    }

    @Test
    void firstSet_ofAnyOption_isItsName() {
        assertThat(parse("--llm", "http://localhost/v1").firstSet()).isEqualTo("--llm");
        assertThat(parse("--llm-timeout", "3").firstSet()).isEqualTo("--llm-timeout");
        assertThat(parse("--llm-insecure").firstSet()).isEqualTo("--llm-insecure");
    }
}
