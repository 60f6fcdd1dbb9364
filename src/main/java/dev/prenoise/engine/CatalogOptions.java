package dev.prenoise.engine;

import dev.prenoise.verifier.VerifierOffer;
import java.nio.file.Path;
import java.util.List;

/**
 * Which models and LoRAs a catalog has, and what computes them. Start at {@link #of} and change what differs.
 *
 * @param cache a directory for what can be made again: the built-in model's files, hashes; created when missing
 * @param models directories of models, or single ones
 * @param loras directories of LoRA files, or single ones
 * @param engine how models are held and computed
 * @param defaultModel what an empty id means, in any form that {@link ModelCatalog#resolve} takes; "" = the built-in model
 * @param verifiers directories of verifiers' files
 * @param offers verifiers beside those, and in place of those and of aliases whose names they have
 * @param hashing whether files get their SHA-256 in the background; those that are known already are known either way
 */
public record CatalogOptions(
        Path cache,
        List<Path> models,
        List<Path> loras,
        EngineOptions engine,
        String defaultModel,
        List<Path> verifiers,
        List<VerifierOffer> offers,
        boolean hashing) {
    public CatalogOptions {
        models = List.copyOf(models);
        loras = List.copyOf(loras);
        verifiers = List.copyOf(verifiers);
        offers = List.copyOf(offers);
    }

    /** The built-in model on the CPU. */
    public static CatalogOptions of(Path cache) {
        return new CatalogOptions(
                cache, List.of(), List.of(), EngineOptions.of("cpu"), "", List.of(), List.of(), false);
    }

    public CatalogOptions withModels(List<Path> models) {
        return new CatalogOptions(cache, models, loras, engine, defaultModel, verifiers, offers, hashing);
    }

    public CatalogOptions withLoras(List<Path> loras) {
        return new CatalogOptions(cache, models, loras, engine, defaultModel, verifiers, offers, hashing);
    }

    public CatalogOptions withEngine(EngineOptions engine) {
        return new CatalogOptions(cache, models, loras, engine, defaultModel, verifiers, offers, hashing);
    }

    public CatalogOptions withDefaultModel(String defaultModel) {
        return new CatalogOptions(cache, models, loras, engine, defaultModel, verifiers, offers, hashing);
    }

    public CatalogOptions withHashing(boolean hashing) {
        return new CatalogOptions(cache, models, loras, engine, defaultModel, verifiers, offers, hashing);
    }

    public CatalogOptions withVerifiers(List<Path> verifiers) {
        return new CatalogOptions(cache, models, loras, engine, defaultModel, verifiers, offers, hashing);
    }

    public CatalogOptions withOffers(List<VerifierOffer> offers) {
        return new CatalogOptions(cache, models, loras, engine, defaultModel, verifiers, offers, hashing);
    }
}
