package dev.prenoise.study;

import com.google.gson.Gson;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The smallest piece of a study's work: one strategy on one prompt from a few seeds. It says all that its numbers depend on, so that another
 * machine can compute it, and a study that has changed finds what it can still use.
 *
 * @param backbone without its name, so that only what matters counts; so is the strategy
 * @param candidates the largest budget N, see {@link Strategy.Count}
 * @param seeds of candidate 0, unsigned
 * @param metrics names of {@link Metric}, by which its pictures are judged; none where others judge the same pictures
 * @param shown whether pictures for the contact sheet are wanted
 * @param basis what stands behind the backbone's and the metrics' names, see {@link Basis}
 * @param pictures {@value #WINNERS} where only those are judged that were the best when they came; null = as ever, and no part of the id
 * @param rests of optimised starts: loss evaluations that a budget leaves for a last one, after which each is judged as well, rising; null = none,
 *     and no part of the id
 */
public record Unit(
        BackboneSetting backbone,
        StudyPrompt prompt,
        Strategy strategy,
        int candidates,
        List<Long> seeds,
        List<String> metrics,
        boolean shown,
        List<String> basis,
        @Nullable String pictures,
        @Nullable List<Integer> rests) {
    static final String WINNERS = "winners";

    private static final Gson JSON = new Gson();

    public Unit {
        seeds = List.copyOf(seeds);
        metrics = List.copyOf(metrics);
        basis = List.copyOf(basis);
        rests = rests == null ? null : List.copyOf(rests);
    }

    /** Whether only pictures of the best so far are drawn. */
    boolean winnersOnly() {
        return pictures != null;
    }

    public String toJson() {
        return JSON.toJson(this);
    }

    /**
     * @throws IllegalArgumentException when that is none, or one of another version's form
     */
    public static Unit ofJson(String json) {
        try {
            Unit unit = Objects.requireNonNull(JSON.fromJson(json, Unit.class), "unit");
            Objects.requireNonNull(unit.backbone.id(), "backbone");
            Objects.requireNonNull(unit.prompt.text(), "prompt");
            Objects.requireNonNull(unit.strategy.kind(), "strategy");
            return unit;
        } catch (RuntimeException e) {
            throw new IllegalArgumentException("unit: cannot be read (expected: of this version's form)", e);
        }
    }

    /** The same work has the same id: half of a SHA-256 of what it says, in lower-case hexadecimal. */
    public String id() {
        return digest(toJson());
    }

    static String digest(String text) {
        try {
            byte[] sum = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(sum, 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256: none (expected: in every Java)", e);
        }
    }
}
