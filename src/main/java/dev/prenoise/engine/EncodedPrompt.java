package dev.prenoise.engine;

import dev.prenoise.backbone.Conditioning;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.text.ClipTextEncoder;
import dev.prenoise.text.ResolvedSubject;
import dev.prenoise.text.SubjectException;
import dev.prenoise.text.SubjectQuery;
import dev.prenoise.text.SubjectResolver;
import dev.prenoise.text.TokenizedPrompt;
import dev.prenoise.text.Tokenizer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A prompt as the network takes it, but for SDXL's time ids. Its tensors belong to no scope; closing frees them.
 *
 * @param negative null where the host sent none: guided pictures cannot be drawn then
 * @param subjects with every token index filled in
 * @param warnings sentences for the user
 */
record EncodedPrompt(
        Conditioning positive, @Nullable Conditioning negative, List<SubjectSpec> subjects, List<String> warnings)
        implements AutoCloseable {
    EncodedPrompt {
        subjects = List.copyOf(subjects);
        warnings = List.copyOf(warnings);
    }

    /**
     * @throws InvalidFieldException when the prompt has no subjects, or not those that were asked for
     */
    static EncodedPrompt of(PromptSpec prompt, Tokenizer tokenizer, SubjectResolver resolver, ClipTextEncoder encoder) {
        int length = encoder.config().length();
        TokenizedPrompt text = tokens("prompt.text", prompt.text(), tokenizer, length);
        List<SubjectSpec> subjects = resolve(prompt, text, resolver);
        TokenizedPrompt negative = tokens("prompt.negative_text", prompt.negativeText(), tokenizer, length);
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor with = encoder.encode(new long[][] {text.idArray()});
            Tensor without = encoder.encode(new long[][] {negative.idArray()});
            return new EncodedPrompt(
                    Conditioning.of(Scope.release(with)), Conditioning.of(Scope.release(without)), subjects, List.of());
        }
    }

    private static TokenizedPrompt tokens(String field, String text, Tokenizer tokenizer, int length) {
        TokenizedPrompt tokens = tokenizer.encode(text, length, tokenizer.padId());
        if (!tokens.unknownWords().isEmpty()) {
            throw new InvalidFieldException(
                    field,
                    "\"" + tokens.unknownWords().get(0).text()
                            + "\" (expected: words that the model's vocabulary has; the built-in model knows coloured shapes)");
        }
        return tokens;
    }

    private static List<SubjectSpec> resolve(PromptSpec prompt, TokenizedPrompt text, SubjectResolver resolver) {
        List<SubjectQuery> queries = prompt.subjects().stream()
                .map(s -> new SubjectQuery(s.text(), s.attributes(), s.tokenIndices()))
                .toList();
        try {
            return resolver.resolve(text, queries).stream()
                    .map(EncodedPrompt::spec)
                    .toList();
        } catch (SubjectException e) {
            throw new InvalidFieldException("prompt." + e.field(), e.description());
        }
    }

    private static SubjectSpec spec(ResolvedSubject subject) {
        return new SubjectSpec(subject.text(), subject.attributes(), subject.tokenIndices());
    }

    @Override
    public void close() {
        close(positive);
        if (negative != null) {
            close(negative);
        }
    }

    private static void close(Conditioning conditioning) {
        conditioning.context().close();
        if (conditioning.pooled() != null) {
            conditioning.pooled().close();
        }
        if (conditioning.timeIds() != null) {
            conditioning.timeIds().close();
        }
    }
}
