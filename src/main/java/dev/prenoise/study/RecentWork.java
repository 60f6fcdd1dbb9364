package dev.prenoise.study;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.LossForm;
import dev.prenoise.engine.AttentionPass;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.image.Picture;
import dev.prenoise.noise.Noise;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the next units are likely to ask again: of the prompt that was worked on last, what losses say of its noises and how pictures were
 * judged. A pass of the network is scored by every loss that has ever been asked for, as losses cost a hundredth of it: so the first prompt
 * takes a pass for each loss, the others one for all that read the same maps. Numbers and small pictures, no maps, so that memory stays what
 * one unit takes. Whatever it knows has the bits that computing it again would have.
 */
final class RecentWork {
    private final Set<Loss> asked = new LinkedHashSet<>();
    private @Nullable Place place;
    private final Map<PassKey, Map<Loss, Scores>> passes = new LinkedHashMap<>();
    private final Map<PictureKey, Judged> pictures = new HashMap<>();

    /** What is known of others is of no use here. */
    private record Place(BackboneSetting backbone, StudyPrompt prompt, List<String> basis) {}

    private record PassKey(long seed, int candidates, boolean self) {}

    private record PictureKey(Plain plain, List<String> metrics) {}

    /** A candidate as it is drawn, by the seed of candidate 0. */
    record Plain(long seed, int index) {}

    /** A loss and its form. */
    record Loss(String name, LossForm form) {
        static Loss of(Strategy strategy) {
            return new Loss(strategy.loss(), strategy.form());
        }

        private AttentionLoss loss() {
            return AttentionLosses.of(name, form);
        }
    }

    /**
     * Of candidates in order.
     *
     * @param seconds that it takes alone: the network's passes and this loss
     * @param memory the most bytes resident meanwhile
     * @param batch see {@link UnitResult#batch}
     */
    record Scores(double[] values, double seconds, long memory, int batch) {
        /** Indices of those that were the best when they came. */
        List<Integer> records() {
            List<Integer> records = new ArrayList<>();
            double best = Double.POSITIVE_INFINITY;
            for (int k = 0; k < values.length; k++) {
                if (records.isEmpty() || values[k] < best) {
                    best = values[k];
                    records.add(k);
                }
            }
            return records;
        }
    }

    /**
     * A candidate's picture.
     *
     * @param values by the metrics
     * @param look see {@link UnitResult.Row#look}
     * @param picture null where no one will show it
     * @param seconds that drawing and judging it took
     * @param memory the most bytes resident meanwhile
     * @param batch see {@link UnitResult#batch}
     */
    record Judged(
            List<Double> values, String look, @Nullable Picture picture, double seconds, long memory, int batch) {
        Judged {
            values = List.copyOf(values);
        }

        private boolean whole() {
            return values.stream().allMatch(Double::isFinite);
        }
    }

    /** Forgets what is of another prompt, backbone or basis. */
    void at(Unit unit) {
        // the basis of the metrics stands behind those of program and backbone, and rankings may have none
        Place now = new Place(
                unit.backbone(),
                unit.prompt(),
                unit.basis().subList(0, Math.min(2, unit.basis().size())));
        if (!now.equals(place)) {
            place = now;
            passes.clear();
            pictures.clear();
        }
    }

    // ---- losses ----

    /**
     * A study of winners builds the maps of self-attention for every loss, so that one pass serves all: which of a unit's losses comes first makes
     * no difference to its bits.
     *
     * @param seed of candidate 0
     * @param noises all candidates, in order
     */
    Scores scores(PromptSession session, Unit unit, long seed, List<Noise> noises) {
        Loss loss = Loss.of(unit.strategy());
        asked.add(loss);
        boolean self = unit.winnersOnly() || loss.loss().readsSelfAttention();
        Map<Loss, Scores> known =
                passes.computeIfAbsent(new PassKey(seed, noises.size(), self), key -> new LinkedHashMap<>());
        if (!known.containsKey(loss)) {
            List<Loss> together = asked.stream()
                    .filter(each -> unit.winnersOnly() || each.loss().readsSelfAttention() == self)
                    .filter(each -> !known.containsKey(each))
                    .toList();
            known.putAll(scored(session, together, self, noises));
        }
        Scores scores = known.get(loss);
        if (scores == null) {
            throw new IllegalStateException("scores: none by " + loss + " (expected: one for each candidate)");
        }
        return scores;
    }

    private static Map<Loss, Scores> scored(
            PromptSession session, List<Loss> losses, boolean self, List<Noise> noises) {
        AttentionPass pass =
                session.attentionPass(losses.stream().map(Loss::loss).toList(), self);
        PeakMemory peak = PeakMemory.start();
        AttentionPass.Scores scores = pass.scores(noises);
        long memory = peak.bytes();
        Map<Loss, Scores> known = new HashMap<>();
        for (int i = 0; i < losses.size(); i++) {
            double[] values = scores.values().get(i).stream()
                    .mapToDouble(value -> value.loss())
                    .toArray();
            known.put(
                    losses.get(i),
                    new Scores(values, scores.seconds() + scores.lossSeconds().get(i), memory, scores.batch()));
        }
        return known;
    }

    // ---- pictures ----

    @Nullable
    Judged judged(Unit unit, Plain plain) {
        Judged judged = pictures.get(new PictureKey(plain, unit.metrics()));
        return judged == null || unit.shown() && judged.picture() == null ? null : judged;
    }

    /** One that a metric could not judge is not kept, as it may be able to the next time. */
    void keep(Unit unit, Plain plain, Judged judged) {
        if (judged.whole()) {
            pictures.put(new PictureKey(plain, unit.metrics()), judged);
        }
    }

    /** Candidates that other losses will want drawn and that are not: what may fill up a batch. */
    List<Plain> awaited(Unit unit) {
        Set<Plain> awaited = new LinkedHashSet<>();
        passes.forEach((key, known) -> {
            if (unit.seeds().contains(key.seed()) && key.candidates() == unit.candidates()) {
                known.values().forEach(scores -> scores.records().forEach(k -> awaited.add(new Plain(key.seed(), k))));
            }
        });
        awaited.removeIf(plain -> judged(unit, plain) != null);
        return List.copyOf(awaited);
    }
}
