package dev.prenoise.engine;

import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Ranking;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Shot;
import dev.prenoise.verifier.VerifierException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/** What a panel says of pictures, and where their pixels would have to go for it to say more. */
final class Judging {
    /** Below this length at the picture a verifier's gradient is rounding, and leads nowhere. */
    private static final double SHORTEST = 1e-30;

    private final Panel panel;
    private final BooleanSupplier stopped;

    /**
     * @param stopped asked from time to time by members that wait for another machine
     */
    Judging(Panel panel, BooleanSupplier stopped) {
        this.panel = panel;
        this.stopped = stopped;
    }

    Ranking ranking() {
        if (panel.members().size() == 1) {
            return Ranking.byScore(false);
        }
        Map<String, Double> weights = new LinkedHashMap<>();
        panel.members().forEach(member -> weights.put(member.name(), member.weight()));
        return Ranking.ensemble(weights);
    }

    /** Where every member is, and none compares the picture with its prediction. */
    boolean differentiable() {
        return panel.members().stream()
                .map(Panel.Member::judge)
                .allMatch(judge -> judge.differentiable() && !judge.readsPrediction());
    }

    boolean readsPrediction() {
        return panel.members().stream().anyMatch(member -> member.judge().readsPrediction());
    }

    /**
     * For pictures on the way, which are predictions themselves.
     *
     * @throws VerifierException when a member compares the picture with its prediction
     */
    void requireNoPredictions() {
        for (Panel.Member member : panel.members()) {
            if (member.judge().readsPrediction()) {
                throw new VerifierException(member.name()
                        + ": compares a picture with what it was predicted to be (expected: another verifier, or a search that is not over"
                        + " paths)");
            }
        }
    }

    /** Of some shots, as far as members have been asked. */
    static final class Scores {
        private final Map<String, double[]> byName = new LinkedHashMap<>();
    }

    /** Asks those members that wait for another machine, or the others. */
    void ask(List<Shot> shots, boolean remote, Scores scores) {
        for (Panel.Member member : panel.members()) {
            if (member.judge().remote() == remote) {
                double[] given = member.judge().score(shots, stopped);
                if (given.length != shots.size()) {
                    throw new VerifierException(member.name() + ": " + given.length + " scores (expected: "
                            + shots.size() + ", one for each picture)");
                }
                scores.byName.put(member.name(), given);
            }
        }
    }

    /** One for each shot, once every member has been asked. */
    List<Evaluation> evaluations(Scores scores, int shots) {
        return IntStream.range(0, shots).mapToObj(i -> evaluation(scores, i)).toList();
    }

    private Evaluation evaluation(Scores scores, int index) {
        Map<String, Double> terms = new LinkedHashMap<>();
        scores.byName.forEach((name, values) -> terms.put(name, values[index]));
        double score = panel.members().size() == 1 ? terms.values().iterator().next() : 0;
        return new Evaluation(score, terms, null);
    }

    /**
     * Of one member's score; of several, the weighted sum of their gradients, each made of length 1 at the picture, as their scales have
     * nothing in common. A verifier whose gradient is not finite says nothing of where to go: it counts as zero, by which a climb ends and its
     * search goes on.
     *
     * @param unit {@code [1, 3, H, W]} in [0, 1]
     * @return likewise
     */
    Tensor gradient(Tensor unit) {
        Tensor sum = null;
        for (Panel.Member member : panel.members()) {
            Tensor gradient = Scope.of(() -> gradient(unit, member.judge()));
            if (panel.members().size() > 1) {
                double length = length(gradient);
                // the factor has to be a float: that of a length near 0 would be infinite, and 0 times that no number
                gradient = gradient.mul(length < SHORTEST ? 0 : member.weight() / length);
            }
            sum = sum == null ? gradient : sum.add(gradient);
        }
        return Objects.requireNonNull(sum, "a panel has members");
    }

    private static Tensor gradient(Tensor unit, Judge judge) {
        try (GradMode on = GradMode.on()) {
            Tensor leaf = unit.requireGradient();
            judge.scoreTensor(leaf).sum().backward();
            Tensor gradient = leaf.gradient();
            float[] values = gradient.toFloats();
            for (float value : values) {
                if (!Float.isFinite(value)) {
                    return Tensor.of(unit.compute(), new float[values.length], unit.shape());
                }
            }
            return gradient;
        }
    }

    private static double length(Tensor tensor) {
        double squares = 0;
        for (double value : tensor.toDoubles()) {
            squares += value * value;
        }
        return Math.sqrt(squares);
    }
}
