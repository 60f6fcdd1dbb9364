package dev.prenoise.engine;

import dev.prenoise.backbone.Conditioning;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.text.EncodedText;
import dev.prenoise.text.PreparedPrompt;
import dev.prenoise.text.PromptEncoder;
import dev.prenoise.text.PromptException;
import dev.prenoise.text.PromptOptions;
import dev.prenoise.text.PromptTokenizer;
import dev.prenoise.text.ResolvedSubject;
import dev.prenoise.text.SubjectException;
import dev.prenoise.text.SubjectQuery;
import dev.prenoise.text.SubjectResolver;
import dev.prenoise.text.TextFamily;
import dev.prenoise.text.TokenizedPrompt;
import dev.prenoise.text.Word;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A prompt as the network takes it, but for SDXL's time ids. Its tensors belong to no scope; closing frees them.
 *
 * @param negative null where the host sent none: guided pictures cannot be drawn then
 * @param subjects those that the caller named, or all that were found
 * @param warnings sentences for the user
 */
record EncodedPrompt(
        Conditioning positive, @Nullable Conditioning negative, PromptSubjects subjects, List<String> warnings)
        implements AutoCloseable {
    EncodedPrompt {
        warnings = List.copyOf(warnings);
    }

    /**
     * @param steps of the sampler: what the first one reads of A1111's {@code [from:to:when]}
     * @throws InvalidFieldException when the prompt has not the subjects that were asked for, or asks for what cannot be done
     */
    static EncodedPrompt of(PromptSpec prompt, PromptEncoder encoder, SubjectResolver resolver, int steps) {
        PromptOptions options = options(prompt, steps);
        PreparedPrompt text =
                prepare("prompt.text", encoder.family(), () -> encoder.prepare(prompt.text(), options, false));
        PreparedPrompt negative = prepare(
                "prompt.negative_text", encoder.family(), () -> encoder.prepare(prompt.negativeText(), options, true));
        PromptSubjects subjects = PromptSubjects.find(prompt, () -> resolve(prompt, text.tokens(), resolver));
        List<String> warnings = new ArrayList<>(text.warnings());
        negative.warnings().stream()
                .map(warning -> "negative prompt: " + warning)
                .filter(warning -> !text.warnings().contains(warning.substring("negative prompt: ".length())))
                .forEach(warnings::add);
        try (Scope scope = new Scope()) {
            Conditioning with = conditioning(encoder.encode(text));
            Conditioning without = conditioning(encoder.encode(negative));
            return new EncodedPrompt(released(with), released(without), subjects, warnings);
        }
    }

    /**
     * The subjects of a prompt that the host encoded, found in its text.
     *
     * @throws InvalidFieldException as {@link #of(PromptSpec, PromptEncoder, SubjectResolver, int)}
     */
    static List<SubjectSpec> subjects(
            PromptSpec prompt, PromptTokenizer tokenizer, SubjectResolver resolver, int steps) {
        PromptOptions options = options(prompt, steps);
        PreparedPrompt text =
                prepare("prompt.text", tokenizer.family(), () -> tokenizer.prepare(prompt.text(), options, false));
        return resolve(prompt, text.tokens(), resolver);
    }

    private static PromptOptions options(PromptSpec prompt, int steps) {
        try {
            return new PromptOptions(prompt.weighting().syntax(), prompt.clipSkip(), steps);
        } catch (IllegalArgumentException e) {
            throw InvalidFieldException.under("prompt", e);
        }
    }

    private static PreparedPrompt prepare(String field, TextFamily family, Supplier<PreparedPrompt> preparing) {
        PreparedPrompt prompt;
        try {
            prompt = preparing.get();
        } catch (PromptException e) {
            throw new InvalidFieldException(field, String.valueOf(e.getMessage()));
        } catch (IllegalArgumentException e) {
            throw InvalidFieldException.under("prompt", e);
        }
        List<Word> unknown = prompt.tokens().unknownWords();
        if (family == TextFamily.OWN && !unknown.isEmpty()) {
            throw new InvalidFieldException(
                    field,
                    "\"" + unknown.get(0).text()
                            + "\" (expected: words that the model's vocabulary has; the built-in model knows coloured shapes)");
        }
        return prompt;
    }

    private static Conditioning conditioning(EncodedText text) {
        return new Conditioning(text.context(), text.pooled(), null);
    }

    private static Conditioning released(Conditioning text) {
        Tensor pooled = text.pooled();
        return new Conditioning(
                Scope.release(text.context()), pooled == null ? null : Scope.release(pooled), text.timeIds());
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

    static void close(Conditioning conditioning) {
        conditioning.context().close();
        if (conditioning.pooled() != null) {
            conditioning.pooled().close();
        }
        if (conditioning.timeIds() != null) {
            conditioning.timeIds().close();
        }
    }
}
