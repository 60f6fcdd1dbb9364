package dev.prenoise.engine;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.TokenGroup;
import dev.prenoise.image.Picture;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.PathEvaluator;
import dev.prenoise.tensor.Compute;
import dev.prenoise.verifier.Shot;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * A search on a caller's own model. Attention losses and verifiers compute here, the model there. What waits for the host needs no turn at
 * the device; what judges pictures takes one itself.
 */
public final class HostSession implements PromptSession {
    /** Bytes of pictures that are kept. */
    private static final long KEPT_PICTURES = 64 << 20;

    private final Host host;
    private final HostProfile profile;
    private final List<SubjectSpec> subjects;
    private final Compute judges;
    private final PictureCache cache = new PictureCache(KEPT_PICTURES, true);

    /**
     * @param subjects as the host named them; those without token indices are none to attention
     * @param judges where verifiers compute
     */
    public HostSession(Host host, HostProfile profile, List<SubjectSpec> subjects, Compute judges) {
        this.host = host;
        this.profile = profile;
        this.subjects = subjects.stream()
                .filter(subject -> !subject.tokenIndices().isEmpty())
                .toList();
        this.judges = judges;
    }

    @Override
    public List<SubjectSpec> subjects() {
        return subjects;
    }

    @Override
    public void requireSubjects() {
        if (subjects.isEmpty()) {
            throw new InvalidFieldException(
                    "prompt.subjects", "none with token_indices (expected: at least one, as attention is read)");
        }
    }

    @Override
    public long[] noiseShape() {
        return profile.shape();
    }

    @Override
    public Evaluator attention(AttentionLoss score, AttentionLoss optimized) {
        requireSubjects();
        List<TokenGroup> groups = subjects.stream()
                .map(subject -> new TokenGroup(subject.tokenIndices()))
                .toList();
        return new HostAttention(host, profile, score, optimized, groups);
    }

    @Override
    public AttentionMaps maps(Noise noise) {
        return host.attention(List.of(noise), false, false).get(0);
    }

    /** Those that were judged just now are not drawn again. */
    @Override
    public List<Picture> draw(List<SeededNoise> noises) {
        List<SeededNoise> missing =
                noises.stream().filter(noise -> cache.get(noise) == null).toList();
        List<Picture> drawn = new ArrayList<>();
        for (int from = 0; from < missing.size(); from += profile.maxBatch()) {
            List<SeededNoise> part = missing.subList(from, Math.min(missing.size(), from + profile.maxBatch()));
            host.pictures(part, false, false).stream().map(Shot::picture).forEach(drawn::add);
        }
        Iterator<Picture> next = drawn.iterator();
        return noises.stream()
                .map(noise -> {
                    Picture known = cache.get(noise);
                    return known == null ? next.next() : known;
                })
                .toList();
    }

    @Override
    public int callsToDraw(SeededNoise noise) {
        return cache.get(noise) == null ? profile.pictureCalls() : 0;
    }

    @Override
    public PathEvaluator pictures(Panel panel, PictureOptions options) {
        return new HostPictures(host, profile, panel, options, judges, cache);
    }

    /** Nothing here is the session's own. */
    @Override
    public void close() {}
}
