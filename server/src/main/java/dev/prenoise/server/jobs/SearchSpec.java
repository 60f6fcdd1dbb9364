package dev.prenoise.server.jobs;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.engine.WeightsPin;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.server.store.Acceptance;
import dev.prenoise.server.store.VerifierChoice;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A search as asked for, valid as far as can be told without the model.
 *
 * @param id never empty
 * @param request as it was sent, for the store
 * @param fingerprint equal for requests that ask for the same search
 * @param seed unsigned
 * @param noise candidate 0, {@code [1, C, H, W]}; null = the seed's
 */
public record SearchSpec(
        String id,
        byte[] request,
        String fingerprint,
        SearchModel model,
        PromptSpec prompt,
        long seed,
        NoiseSource source,
        @Nullable Noise noise,
        SearchStrategy strategy,
        AskedBudget budget) {
    /** All weights that its scores come from: the model's, then the verifiers'. Called on the lane's thread. */
    List<WeightsPin> pins(ModelCatalog catalog) {
        List<WeightsPin> pins = new ArrayList<>(model.pins(catalog));
        pins.addAll(catalog.verifiers()
                .pins(strategy.verifiers().stream().map(VerifierChoice::name).toList()));
        return pins;
    }

    /** The same search as it was accepted before: what its request left open stays as it was then. */
    SearchSpec as(Acceptance accepted) {
        return new SearchSpec(
                id,
                request,
                fingerprint,
                model.as(accepted),
                prompt,
                seed,
                source,
                noise,
                strategy.judgedBy(accepted.verifiers()),
                new AskedBudget(accepted.budget(), 0));
    }
}
