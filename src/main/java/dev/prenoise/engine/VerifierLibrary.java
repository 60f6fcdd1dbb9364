package dev.prenoise.engine;

import dev.prenoise.shapes.OracleVerifier;
import dev.prenoise.shapes.ShapesModel;
import dev.prenoise.shapes.ShapesVerifiers;
import dev.prenoise.tensor.Compute;
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
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** The verifiers of the user's folders and those that were handed in, on the device that the models are on. */
final class VerifierLibrary implements VerifierCatalog, AutoCloseable {
    /** What a short name means: the first of these that can be used. */
    private static final Map<String, List<String>> ALIASES = Map.of(
            "clip", List.of("clip-l14", "clip-b16", "clip-b32", "clip-h14"),
            "aesthetic", List.of("aesthetic-l14"));

    /** Beside the built-in model, whose pictures the published networks were never shown. */
    private static final Map<String, List<String>> BUILT_IN_ALIASES =
            Map.of("clip", List.of("shapes-clip"), "aesthetic", List.of("shapes-aesthetic"));

    /** In the order in which names are listed. */
    private final List<VerifierKind> kinds = List.of(
            new ClipKind(),
            new ImageRewardKind(),
            new DinoKind(),
            new SiglipKind(),
            folders -> List.of(OracleVerifier.offer()));

    private final ShapesVerifiers builtIn;
    private final ScriptKind scripts = new ScriptKind();
    private final List<Path> folders;
    private final List<VerifierOffer> given;
    private final ModelMemory memory;
    private final DType type;
    private final Sha256Cache hashes;
    private final boolean hashing;

    // Under this object's lock.
    private final Map<String, Opened> opened = new HashMap<>();

    /** By {@link Verifier#body}. */
    private final Map<Object, VerifierWeights> weights = new IdentityHashMap<>();

    /** Those whose files have changed since: searches may still be with them. */
    private final List<OpenedVerifier> replaced = new ArrayList<>();

    /**
     * @param cache a directory for the built-in verifiers' files
     * @param given in place of others of the same names, and of aliases
     * @param type of weights on the device
     * @param hashes of the models' files, and theirs
     * @param hashing whether those that are not known yet are computed
     */
    VerifierLibrary(
            Path cache,
            List<Path> folders,
            List<VerifierOffer> given,
            ModelMemory memory,
            DType type,
            Sha256Cache hashes,
            boolean hashing) {
        builtIn = new ShapesVerifiers(cache);
        this.folders = List.copyOf(folders);
        this.given = List.copyOf(given);
        this.memory = memory;
        this.type = type;
        this.hashes = hashes;
        this.hashing = hashing;
    }

    @Override
    public List<VerifierOffer> list() {
        Map<String, VerifierOffer> offers = new LinkedHashMap<>();
        kinds.forEach(kind -> kind.offers(folders).forEach(offer -> offers.putIfAbsent(offer.name(), offer)));
        builtIn.offers(folders).forEach(offer -> offers.putIfAbsent(offer.name(), offer));
        Set<String> taken = new HashSet<>(offers.keySet());
        taken.addAll(ALIASES.keySet());
        Set<String> handedIn = new HashSet<>();
        for (VerifierOffer offer : given) {
            if (handedIn.add(offer.name())) {
                offers.put(offer.name(), offer);
            }
        }
        taken.addAll(handedIn);
        List<VerifierOffer> all = new ArrayList<>(offers.values());
        scripts.offers(folders).forEach(offer -> all.add(taken.contains(offer.name()) ? refused(offer) : offer));
        return all;
    }

    /** A card's, whose name would mean something else than it says. */
    private static VerifierOffer refused(VerifierOffer card) {
        return VerifierOffer.missing(
                card.name(),
                card.title(),
                "its card's name: \"" + card.name() + "\" (expected: one that no other verifier has)",
                card.readsPrompt(),
                card.differentiable());
    }

    @Override
    public String resolve(String field, String name, String backboneFamily) {
        List<VerifierOffer> offers = list();
        Map<String, List<String>> aliases =
                backboneFamily.isEmpty() || backboneFamily.equals(ShapesModel.ID) ? BUILT_IN_ALIASES : ALIASES;
        boolean handedIn = given.stream().anyMatch(offer -> offer.name().equals(name));
        List<String> meant = handedIn ? List.of(name) : aliases.getOrDefault(name, List.of(name));
        List<VerifierOffer> found = meant.stream()
                .flatMap(each -> VerifierCatalog.offer(offers, each).stream())
                .toList();
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

    /** Anew where its files have changed: those who have the old one keep it. */
    @Override
    public synchronized Verifier open(String name) {
        Opened before = opened.get(name);
        if (before != null && before.pin.stamp().equals(pin(before.verifier).stamp())) {
            return before.verifier;
        }
        if (before != null) {
            replaced.add(before.verifier);
            opened.remove(name);
        }
        OpenedVerifier built = build(name);
        opened.put(name, new Opened(built, pin(built)));
        return built;
    }

    private OpenedVerifier build(String name) {
        VerifierOffer offer = VerifierCatalog.offer(list(), name)
                .orElseThrow(() -> new VerifierException(name + ": no such verifier"));
        Verifier verifier = offer.opener().open(memory.compute(), type);
        VerifierWeights shared = weights.computeIfAbsent(verifier.body(), body -> new VerifierWeights(verifier));
        memory.add(shared);
        return new OpenedVerifier(verifier, memory, shared);
    }

    @Override
    public Compute compute() {
        return memory.compute();
    }

    @Override
    public List<WeightsPin> pins(List<String> names) {
        return names.stream()
                .distinct()
                .map(this::open)
                .filter(verifier ->
                        !verifier.files().isEmpty() || !verifier.settings().isEmpty())
                .map(this::pin)
                .toList();
    }

    @Override
    public void hash(String name) throws InterruptedException {
        try {
            for (Path file : open(name).files()) {
                hashes.require(file);
            }
        } catch (IOException e) {
            throw new VerifierException(name + ": " + e.getMessage() + " (expected: its files still there)", e);
        }
    }

    private WeightsPin pin(Verifier verifier) {
        long bytes = 0;
        StringBuilder stamps = new StringBuilder();
        StringBuilder sums = new StringBuilder();
        boolean known = true;
        try {
            for (Path file : verifier.files()) {
                FileStamp stamp = FileStamp.of(file);
                bytes += stamp.bytes();
                stamps.append(file.getFileName())
                        .append(' ')
                        .append(stamp.bytes())
                        .append(' ')
                        .append(stamp.modified())
                        .append('\n');
                String sum = hashes.known(file, stamp);
                if (sum == null && hashing) {
                    hashes.want(file, true);
                }
                known &= sum != null;
                sums.append(sum).append('\n');
            }
        } catch (IOException e) {
            throw new VerifierException(
                    verifier.name() + ": " + e.getMessage() + " (expected: its files still there)", e);
        }
        String settings = "verifier " + type.name();
        return new WeightsPin(
                verifier.name(),
                bytes,
                digest(stamps),
                known ? digest(sums) : null,
                verifier.settings().isEmpty()
                        ? settings
                        : settings + " " + digest(new StringBuilder(verifier.settings())));
    }

    private static String digest(StringBuilder text) {
        return HexFormat.of()
                .formatHex(Sha256Cache.digest().digest(text.toString().getBytes(StandardCharsets.UTF_8)));
    }

    @Override
    public synchronized void close() {
        opened.values().forEach(each -> each.verifier.close());
        replaced.forEach(OpenedVerifier::close);
        opened.clear();
        replaced.clear();
        weights.clear();
    }

    /**
     * @param pin of when it was opened
     */
    private record Opened(OpenedVerifier verifier, WeightsPin pin) {}
}
