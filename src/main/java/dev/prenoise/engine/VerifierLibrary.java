package dev.prenoise.engine;

import dev.prenoise.shapes.OracleVerifier;
import dev.prenoise.shapes.ShapesModel;
import dev.prenoise.tensor.DType;
import dev.prenoise.verifier.ClipKind;
import dev.prenoise.verifier.DinoKind;
import dev.prenoise.verifier.ImageRewardKind;
import dev.prenoise.verifier.ScriptKind;
import dev.prenoise.verifier.SiglipKind;
import dev.prenoise.verifier.Verifier;
import dev.prenoise.verifier.VerifierException;
import dev.prenoise.verifier.VerifierKind;
import dev.prenoise.verifier.VerifierOffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The verifiers of the user's folders and those that were handed in, on the device that the models are on. */
final class VerifierLibrary implements VerifierCatalog, AutoCloseable {
    /** In the order in which names are listed. */
    private static final List<VerifierKind> KINDS = List.of(
            new ClipKind(),
            new ImageRewardKind(),
            new DinoKind(),
            new SiglipKind(),
            folders -> List.of(OracleVerifier.offer()),
            new ScriptKind());

    /** What a short name means: the first of these that can be used. */
    private static final Map<String, List<String>> ALIASES = Map.of(
            "clip", List.of("clip-l14", "clip-b16", "clip-b32", "clip-h14"),
            "aesthetic", List.of("aesthetic-l14"));

    /** Beside the built-in model, whose pictures the published networks were never shown. */
    private static final Map<String, List<String>> BUILT_IN_ALIASES =
            Map.of("clip", List.of("shapes-clip"), "aesthetic", List.of("shapes-aesthetic"));

    private final List<Path> folders;
    private final List<VerifierOffer> given;
    private final ModelMemory memory;
    private final DType type;

    // Under this object's lock.
    private final Map<String, Opened> opened = new HashMap<>();

    /**
     * @param given beside those of the folders; theirs come first
     * @param type of weights on the device
     */
    VerifierLibrary(List<Path> folders, List<VerifierOffer> given, ModelMemory memory, DType type) {
        this.folders = List.copyOf(folders);
        this.given = List.copyOf(given);
        this.memory = memory;
        this.type = type;
    }

    @Override
    public List<VerifierOffer> list() {
        List<VerifierOffer> offers = new ArrayList<>();
        KINDS.forEach(kind -> offers.addAll(kind.offers(folders)));
        offers.addAll(given);
        return offers;
    }

    @Override
    public String resolve(String field, String name, String backboneFamily) {
        List<VerifierOffer> offers = list();
        Map<String, List<String>> aliases =
                backboneFamily.isEmpty() || backboneFamily.equals(ShapesModel.ID) ? BUILT_IN_ALIASES : ALIASES;
        List<String> meant = aliases.getOrDefault(name, List.of(name));
        List<VerifierOffer> found =
                offers.stream().filter(offer -> meant.contains(offer.name())).toList();
        for (VerifierOffer offer : found) {
            if (offer.problem() == null) {
                return offer.name();
            }
        }
        if (!found.isEmpty()) {
            throw new InvalidFieldException(
                    field,
                    "\"" + name + "\" cannot be used: " + found.get(0).problem() + " (expected: " + usable(offers)
                            + ")");
        }
        throw new InvalidFieldException(field, "\"" + name + "\" (expected: " + usable(offers) + ")");
    }

    private static String usable(List<VerifierOffer> offers) {
        return "one of "
                + offers.stream()
                        .filter(offer -> offer.problem() == null)
                        .map(VerifierOffer::name)
                        .collect(Collectors.joining(", "));
    }

    @Override
    public synchronized Verifier open(String name) {
        return opened.computeIfAbsent(name, this::build).verifier;
    }

    private Opened build(String name) {
        VerifierOffer offer = list().stream()
                .filter(each -> each.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new VerifierException(name + ": no such verifier"));
        Opened built = new Opened(offer.opener().open(memory.compute(), type));
        memory.add(built);
        return built;
    }

    /** Returns the bytes freed. */
    synchronized long unload() {
        return opened.values().stream().mapToLong(Opened::unload).sum();
    }

    @Override
    public synchronized void close() {
        opened.values().forEach(each -> {
            memory.remove(each);
            each.verifier.close();
        });
        opened.clear();
    }

    /** A verifier on the device, among the models. */
    private static final class Opened implements ModelMemory.Tenant {
        private final Verifier verifier;
        private final long openedAt = System.nanoTime();

        Opened(Verifier verifier) {
            this.verifier = verifier;
        }

        @Override
        public String name() {
            return verifier.name();
        }

        @Override
        public long loadedBytes() {
            return verifier.loadedBytes();
        }

        @Override
        public long lastUsed() {
            return openedAt;
        }

        @Override
        public long unload() {
            return verifier.unload();
        }
    }
}
