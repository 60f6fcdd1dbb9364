package dev.prenoise.server.grpc;

import static dev.prenoise.server.grpc.Violations.quoted;

import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.VerifierCatalog;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.SearchAlgorithm;
import dev.prenoise.v1.Verifier;
import dev.prenoise.v1.VerifierSearch;
import dev.prenoise.verifier.VerifierOffer;
import java.util.ArrayList;
import java.util.List;

/** The verifiers that a checked request means, and whether they can do what it wants of them. Loads nothing. */
final class ChosenVerifiers {
    private final String field;
    private final VerifierSearch search;
    private final String prompt;
    private final List<VerifierOffer> offers;

    private ChosenVerifiers(String field, VerifierSearch search, String prompt, List<VerifierOffer> offers) {
        this.field = field;
        this.search = search;
        this.prompt = prompt;
        this.offers = offers;
    }

    /**
     * Their names in the catalog, in the order of the request.
     *
     * @param family of the model that draws: aliases mean what suits it
     * @throws InvalidFieldException when one cannot be used, or cannot do what is wanted; names it
     */
    static List<String> resolve(OptimizeNoiseRequest request, VerifierCatalog catalog, String family) {
        if (!request.hasVerifier() && !request.hasCascade()) {
            return List.of();
        }
        String field = request.hasVerifier() ? "verifier" : "cascade.verify";
        VerifierSearch search = HostRules.search(request);
        ChosenVerifiers chosen =
                new ChosenVerifiers(field, search, request.getPrompt().getText(), catalog.list());
        List<String> names = new ArrayList<>();
        for (int i = 0; i < search.getVerifiersCount(); i++) {
            String name = catalog.resolve(chosen.name(i), search.getVerifiers(i).getName(), family);
            chosen.require(i, name, names);
            names.add(name);
        }
        return List.copyOf(names);
    }

    private String name(int index) {
        return field + ".verifiers[" + index + "].name";
    }

    private void require(int index, String name, List<String> before) {
        Verifier verifier = search.getVerifiers(index);
        if (before.contains(name)) {
            throw new InvalidFieldException(
                    name(index),
                    quoted(verifier.getName()) + " is " + name + " (expected: each verifier once; " + field
                            + ".verifiers[" + before.indexOf(name) + "] is the same)");
        }
        VerifierOffer offer = VerifierCatalog.offer(offers, name).orElse(null);
        if (offer == null) {
            return;
        }
        VerifierRules.requireTaken(field + ".verifiers[" + index + "]", verifier, offer, offers);
        if (search.getAlgorithm() == SearchAlgorithm.SEARCH_ALGORITHM_FIRST_ORDER && !offer.differentiable()) {
            throw new InvalidFieldException(
                    name(index),
                    quoted(verifier.getName()) + " has no gradient (expected: for first-order search "
                            + differentiable() + ")");
        }
        if (offer.readsPrompt() && prompt.isBlank() && !VerifierRules.standsForThePrompt(offer, verifier.getLabel())) {
            throw new InvalidFieldException(
                    "prompt.text",
                    quoted(prompt) + " (expected: the prompt in words, which the verifier " + name + " reads)");
        }
    }

    private String differentiable() {
        List<String> names = offers.stream()
                .filter(offer -> offer.differentiable() && offer.problem() == null)
                .map(VerifierOffer::name)
                .toList();
        return names.isEmpty() ? "one that has; there is none" : "one of " + String.join(", ", names);
    }
}
