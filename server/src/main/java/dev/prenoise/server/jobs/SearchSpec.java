package dev.prenoise.server.jobs;

import dev.prenoise.engine.LoraSpec;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.engine.SamplingSpec;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.server.store.Acceptance;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A search as asked for, valid as far as can be told without the model.
 *
 * @param id never empty
 * @param request as it was sent, for the store
 * @param fingerprint equal for requests that ask for the same search
 * @param backbone id, never empty
 * @param loras by their names in the catalog
 * @param width pixels; 0 = native, or what follows from {@code noise}
 * @param height pixels; 0 = native, or what follows from {@code noise}
 * @param seed unsigned
 * @param noise candidate 0, {@code [1, C, H, W]}; null = the seed's
 */
public record SearchSpec(
        String id,
        byte[] request,
        String fingerprint,
        String backbone,
        PromptSpec prompt,
        SamplingSpec sampling,
        List<LoraSpec> loras,
        int width,
        int height,
        long seed,
        NoiseSource source,
        @Nullable Noise noise,
        SearchStrategy strategy,
        AskedBudget budget) {
    /** The same search as it was accepted before: what its request left open stays as it was then. */
    SearchSpec as(Acceptance accepted) {
        return new SearchSpec(
                id,
                request,
                fingerprint,
                accepted.backbone(),
                prompt,
                sampling,
                loras,
                width,
                height,
                seed,
                source,
                noise,
                strategy.judgedBy(accepted.verifiers()),
                new AskedBudget(accepted.budget(), 0));
    }
}
