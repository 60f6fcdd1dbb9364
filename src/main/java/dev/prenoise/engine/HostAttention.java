package dev.prenoise.engine;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.LossValue;
import dev.prenoise.attention.TokenGroup;
import dev.prenoise.noise.Noise;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.Spend;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Scores noise by a loss on a host's attention maps. The loss is computed here; its gradient takes two answers: the maps, and what the
 * maps' gradient is at the noise. One loss evaluation for each noise either way.
 */
final class HostAttention implements Evaluator {
    private final Host host;
    private final HostProfile profile;
    private final AttentionLoss score;
    private final AttentionLoss optimized;
    private final List<TokenGroup> subjects;

    /**
     * @param score ranks
     * @param optimized gives the gradient; often the same
     */
    HostAttention(
            Host host, HostProfile profile, AttentionLoss score, AttentionLoss optimized, List<TokenGroup> subjects) {
        this.host = host;
        this.profile = profile;
        this.score = score;
        this.optimized = optimized;
        this.subjects = List.copyOf(subjects);
    }

    @Override
    public int maxBatch() {
        return profile.maxBatch();
    }

    @Override
    public boolean lowerIsBetter() {
        return true;
    }

    @Override
    public boolean differentiable() {
        return profile.gradients();
    }

    @Override
    public Spend cost() {
        return new Spend(1, 1, 1, 1);
    }

    @Override
    public List<Evaluation> evaluate(List<Noise> noises) {
        List<AttentionMaps> maps = host.attention(noises, score.readsSelfAttention(), false);
        List<Evaluation> evaluations = new ArrayList<>();
        for (int i = 0; i < maps.size(); i++) {
            LossValue value = loss(score, maps.get(i), i, false);
            evaluations.add(new Evaluation(value.loss(), value.terms(), null));
        }
        return evaluations;
    }

    /** One by one: the host keeps one graph at a time. */
    @Override
    public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
        return noises.stream().map(this::evaluateWithGradient).toList();
    }

    private Evaluation evaluateWithGradient(Noise noise) {
        boolean self = score.readsSelfAttention() || optimized.readsSelfAttention();
        AttentionMaps maps = host.attention(List.of(noise), self, true).get(0);
        LossValue slope = loss(optimized, maps, 0, true);
        LossValue value = score.equals(optimized) ? slope : loss(score, maps, 0, false);
        Map<String, Double> terms = new HashMap<>(slope.terms());
        terms.putAll(value.terms());
        Noise gradient = host.backward(Objects.requireNonNull(slope.gradient(), "a loss gives the gradient asked for"));
        return new Evaluation(value.loss(), terms, gradient);
    }

    private LossValue loss(AttentionLoss loss, AttentionMaps maps, int index, boolean gradient) {
        LossValue value;
        try {
            value = loss.evaluate(maps, subjects, gradient);
        } catch (IllegalArgumentException e) {
            throw unfit(e, index);
        }
        if (!Double.isFinite(value.loss())) {
            throw new HostAnswerException(
                    field(index), "a loss of " + value.loss() + " (expected: maps of which it is a finite number)");
        }
        return value;
    }

    /** The losses name the maps in their own words. */
    private static RuntimeException unfit(IllegalArgumentException e, int index) {
        String[] parts = String.valueOf(e.getMessage()).split(": ", 2);
        if (parts.length < 2) {
            return e;
        }
        return switch (parts[0]) {
            case "self" -> new HostAnswerException(field(index) + ".self_attention", parts[1]);
            case "cross" -> new HostAnswerException(field(index) + ".cross_attention", parts[1]);
            case "attention grid", "tokens" ->
                new HostAnswerException(field(index) + ".cross_attention.shape", parts[0] + " " + parts[1]);
            default -> new InvalidFieldException("prompt." + parts[0], parts[1]);
        };
    }

    private static String field(int index) {
        return "evaluation.attention[" + index + "]";
    }
}
