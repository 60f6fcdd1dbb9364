package dev.prenoise.engine;

import dev.prenoise.backbone.Conditioning;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.unet.UNetConfig.Added;
import dev.prenoise.engine.ConditioningSpec.Values;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Checks the host's own conditioning against what a UNet takes, and puts it on the device. Needs no tokenizer and no text encoder. */
final class GivenConditioning {
    private static final String FIELD = "prompt.conditioning.";

    /** The shortest text that has a column for the losses: BOS, a word, an end. */
    private static final long LEAST_TOKENS = 3;

    /** 32 chunks of CLIP's 77. */
    private static final long MOST_TOKENS = 2464;

    private final ConditioningSpec spec;
    private final UNetConfig config;

    private GivenConditioning(ConditioningSpec spec, UNetConfig config) {
        this.spec = spec;
        this.config = config;
    }

    /**
     * @return without time ids; its tensors belong to no scope
     * @throws InvalidFieldException when a shape does not fit or something is missing
     */
    static EncodedPrompt encode(ConditioningSpec spec, UNetConfig config, PromptSubjects subjects, Compute compute) {
        GivenConditioning given = new GivenConditioning(spec, config);
        given.check();
        requireTokens(subjects.found(), spec.embeddings().shape().get(1));
        Conditioning positive = given.conditioning(spec.embeddings(), spec.pooled(), compute);
        Conditioning negative = spec.negativeEmbeddings() == null
                ? null
                : given.conditioning(spec.negativeEmbeddings(), spec.negativePooled(), compute);
        return new EncodedPrompt(positive, negative, subjects, List.of());
    }

    /** Whether every subject says where its tokens are, so that no text is needed. */
    static boolean complete(List<SubjectSpec> subjects) {
        return !subjects.isEmpty()
                && subjects.stream().noneMatch(s -> s.tokenIndices().isEmpty());
    }

    private void check() {
        embeddings("embeddings", spec.embeddings());
        if (spec.negativeEmbeddings() != null) {
            embeddings("negative_embeddings", spec.negativeEmbeddings());
        }
        Added added = config.added();
        if (added == null) {
            forbid("pooled", spec.pooled() != null);
            forbid("negative_pooled", spec.negativePooled() != null);
            forbid("time_ids", !spec.timeIds().isEmpty());
            return;
        }
        pooled("pooled", spec.pooled(), added.pooledWidth());
        if (spec.negativeEmbeddings() != null) {
            pooled("negative_pooled", spec.negativePooled(), added.pooledWidth());
        }
        if (!spec.timeIds().isEmpty() && spec.timeIds().size() != Added.TIME_IDS) {
            throw new InvalidFieldException(
                    FIELD + "time_ids", spec.timeIds().size() + " values (expected: " + Added.TIME_IDS + ", or none)");
        }
        for (int i = 0; i < spec.timeIds().size(); i++) {
            double value = spec.timeIds().get(i);
            if (!(value >= 0 && value <= 1_000_000)) {
                throw new InvalidFieldException(FIELD + "time_ids[" + i + "]", value + " (expected: pixels)");
            }
        }
    }

    private void embeddings(String name, Values values) {
        List<Long> shape = values.shape();
        boolean fits = shape.size() == 3
                && shape.get(0) == 1
                && shape.get(1) >= LEAST_TOKENS
                && shape.get(1) <= MOST_TOKENS
                && shape.get(2) == config.contextWidth();
        if (!fits) {
            throw new InvalidFieldException(
                    FIELD + name + ".shape",
                    shape + " (expected: [1, T, " + config.contextWidth()
                            + "], T tokens: 77 for each chunk; the last is the width that this model's UNet attends to)");
        }
        requireFinite(name, values);
    }

    private static void pooled(String name, @Nullable Values values, int width) {
        if (values == null) {
            throw new InvalidFieldException(
                    FIELD + name, "none (expected: [1, " + width + "], which this model takes beside the embeddings)");
        }
        if (!values.shape().equals(List.of(1L, (long) width))) {
            throw new InvalidFieldException(
                    FIELD + name + ".shape", values.shape() + " (expected: [1, " + width + "])");
        }
        requireFinite(name, values);
    }

    private static void requireFinite(String name, Values values) {
        for (float value : values.data()) {
            if (!Float.isFinite(value)) {
                throw new InvalidFieldException(FIELD + name + ".data", value + " (expected: finite numbers)");
            }
        }
    }

    private static void forbid(String name, boolean given) {
        if (given) {
            throw new InvalidFieldException(
                    FIELD + name, "given (expected: none: this model takes text embeddings and nothing else)");
        }
    }

    private static void requireTokens(List<SubjectSpec> subjects, long tokens) {
        long chunk = tokens % 77 == 0 ? 77 : tokens;
        for (int i = 0; i < subjects.size(); i++) {
            List<Integer> indices = subjects.get(i).tokenIndices();
            for (int j = 0; j < indices.size(); j++) {
                String field = "prompt.subjects[" + i + "].token_indices[" + j + "]";
                int index = indices.get(j);
                if (index < 1 || index > tokens - 2 || index % chunk == 0) {
                    throw new InvalidFieldException(
                            field,
                            index + " (expected: 1 to " + (tokens - 2)
                                    + (tokens > chunk ? ", no multiple of " + chunk : "") + ")");
                }
                if (indices.indexOf(index) < j) {
                    throw new InvalidFieldException(field, index + " (expected: each index once)");
                }
            }
        }
    }

    private Conditioning conditioning(Values context, @Nullable Values pooled, Compute compute) {
        return new Conditioning(tensor(context, compute), pooled == null ? null : tensor(pooled, compute), null);
    }

    private static Tensor tensor(Values values, Compute compute) {
        try (Scope scope = new Scope()) {
            long[] shape = values.shape().stream().mapToLong(Long::longValue).toArray();
            return Scope.release(Tensor.of(compute, values.data(), shape));
        }
    }
}
