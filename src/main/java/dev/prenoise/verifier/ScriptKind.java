package dev.prenoise.verifier;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The user's own verifiers: TorchScript files with a card, {@code NAME.verifier.json}, in a {@code --verifiers} folder or one level down.
 * There may be none.
 */
public final class ScriptKind implements VerifierKind {
    @Override
    public List<VerifierOffer> offers(List<Path> folders) {
        List<VerifierOffer> offers = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (Path folder : folders) {
            List<Path> places = new ArrayList<>(List.of(folder));
            VerifierFiles.list(folder, "*").stream().filter(Files::isDirectory).forEach(places::add);
            for (Path place : places) {
                for (Path card : VerifierFiles.list(place, "*" + ScriptCard.ENDING)) {
                    VerifierOffer offer = offer(card);
                    offers.add(
                            names.add(offer.name())
                                    ? offer
                                    : VerifierOffer.missing(
                                            offer.name(),
                                            offer.title(),
                                            card + ": name: \"" + offer.name()
                                                    + "\" (expected: one that no other card has)",
                                            offer.readsPrompt(),
                                            offer.differentiable()));
                }
            }
        }
        return offers;
    }

    private static VerifierOffer offer(Path file) {
        try {
            ScriptCard card = ScriptCard.read(file);
            return new VerifierOffer(
                    card.name(),
                    card.title(),
                    null,
                    card.tokenizer() != null,
                    card.differentiable() && !card.embedding(),
                    (compute, type) -> new ScriptVerifier(card, compute));
        } catch (IllegalArgumentException e) {
            return VerifierOffer.missing(
                    ScriptCard.nameOf(file),
                    "TorchScript of " + file.getFileName(),
                    String.valueOf(e.getMessage()),
                    false,
                    false);
        }
    }
}
