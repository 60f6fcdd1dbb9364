package dev.prenoise.server.cli;

import dev.prenoise.verifier.LlmOptions;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which language model the verifier {@code llm} asks. */
final class GraderOptions {
    @Option(
            names = "--llm",
            paramLabel = "URL",
            description =
                    "An OpenAI-compatible service whose language model grades pictures as the verifier llm, such as "
                            + "http://localhost:11434/v1. Its key, where it wants one, is read from the environment variable "
                            + LlmOptions.KEY_VARIABLE + " and nowhere else.")
    private String url = "";

    @Option(
            names = "--llm-model",
            paramLabel = "NAME",
            description = "The model, as the service of --llm names it. It must take pictures.")
    private String model = "";

    @Option(
            names = "--llm-max-calls",
            paramLabel = "N",
            description =
                    "How often one search may call the service of --llm; pictures beyond are not graded. Default: 1000.")
    private @Nullable Integer maxCalls;

    @Option(
            names = "--llm-timeout",
            paramLabel = "SECONDS",
            description = "How long one call to the service of --llm may take. Default: 60.")
    private @Nullable Double timeout;

    @Option(
            names = "--llm-insecure",
            description = "Lets --llm be plain http to another machine: pictures and key are then readable on the way.")
    private boolean insecure;

    /** The name of an option that is set; null = none is. */
    @Nullable
    String firstSet() {
        if (!url.isEmpty()) {
            return "--llm";
        }
        if (!model.isEmpty()) {
            return "--llm-model";
        }
        if (maxCalls != null) {
            return "--llm-max-calls";
        }
        if (timeout != null) {
            return "--llm-timeout";
        }
        return insecure ? "--llm-insecure" : null;
    }

    /**
     * @return null where no service is named
     * @throws CliException when an option or the environment's key cannot be used
     */
    @Nullable
    LlmOptions options(Map<String, String> environment) {
        if (url.isEmpty()) {
            String set = firstSet();
            if (set != null) {
                throw new CliException(set + ": without --llm (expected: both)");
            }
            return null;
        }
        if (model.isEmpty()) {
            throw new CliException("--llm: without --llm-model (expected: both)");
        }
        try {
            LlmOptions options = LlmOptions.of(url, model, environment.get(LlmOptions.KEY_VARIABLE), insecure);
            options = maxCalls == null ? options : options.withMaxCalls(maxCalls);
            return timeout == null ? options : options.withTimeout(seconds(timeout));
        } catch (IllegalArgumentException e) {
            String message = String.valueOf(e.getMessage());
            throw new CliException(message.startsWith("llm") ? "--" + message : message, e);
        }
    }

    private static Duration seconds(double value) {
        double millis = Double.isNaN(value) ? 0 : Math.max(0, Math.min(value * 1000, Long.MAX_VALUE / 2.0));
        return Duration.ofMillis(Math.round(millis));
    }
}
