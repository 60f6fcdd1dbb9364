package dev.prenoise.verifier;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A language model that sees pictures, at any OpenAI-compatible service, as grader (Ma et al., arXiv 2501.09732, section 3.1; Deng's "GPT
 * assistant"). It grades five aspects and the whole from 0 to 10 with a reason each; the score is the grade of the whole, which it weighs as
 * the prompt deserves.
 *
 * <p>No weights on the device. Pictures leave this machine when the service is on another.
 */
public final class LlmGrader implements Verifier {
    static final String NAME = "llm";

    private static final String TITLE = "Grade by a language model, 0 to 10";

    private final LlmOptions options;
    private final LlmClient client;
    private final LlmCache cache;

    private LlmGrader(LlmOptions options, Path cache) {
        this.options = options;
        this.client = new LlmClient(options);
        this.cache = new LlmCache(cache);
    }

    /**
     * @param options null = no service was named
     * @param cache the program's folder for what can be made again; grades go into a folder of it
     */
    public static VerifierOffer offer(@Nullable LlmOptions options, Path cache) {
        if (options == null) {
            return VerifierOffer.missing(
                            NAME,
                            TITLE,
                            "no service is named (expected: --llm URL of an OpenAI-compatible one, such as http://localhost:11434/v1, and"
                                    + " --llm-model NAME; a key, where it wants one, in the environment variable "
                                    + LlmOptions.KEY_VARIABLE + ")",
                            true,
                            false)
                    .taking(VerifierOffer.Extra.INSTRUCTIONS);
        }
        return new VerifierOffer(
                        NAME,
                        TITLE + ": " + options.model(),
                        null,
                        true,
                        false,
                        (compute, type) -> new LlmGrader(options, cache.resolve(NAME)))
                .taking(VerifierOffer.Extra.INSTRUCTIONS);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String settings() {
        return options.baseUrl() + " " + options.model() + " " + options.temperature() + " " + options.jsonMode();
    }

    @Override
    public Judge judge(Question question) {
        return new LlmJudge(options, client, cache, question);
    }

    @Override
    public void close() {}
}
