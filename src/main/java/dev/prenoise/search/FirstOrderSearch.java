package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseStep;
import dev.prenoise.noise.NoiseStep.Optimization;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.noise.Turn;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * First-order search (Ma et al., arXiv 2501.09732, appendix): climbs the score along its own gradient, through decoder and solver as far as the
 * evaluator takes it back.
 *
 * <p>The noise moves on the sphere of its norm, which noise of this many dimensions never leaves: each step turns it towards the gradient's
 * part across it by an exact angle, whatever the gradient's length. A step that does not rank ahead of where it came from is taken back and
 * halved; when it has been halved too often the climb ends and the next begins at the source's next draw. Ma et al. give no step rule.
 * ReNO's, plain momentum steps with a clipped gradient and a penalty on the norm (Eyring et al., arXiv 2406.04312), needs its rate set for
 * each mix of verifiers, and the penalty is the sphere in another form.
 *
 * <p>Every evaluated iterate is a candidate. Candidate 0, the host's noise, is where the first climb begins. The recipe of a moved one ends in
 * {@code Optimization("first-order", n)}, n the gradients that led to it, and its noise travels with it. Each costs
 * {@link Evaluator#gradientCost()}; the last ones, of which the budget pays for no further gradient, {@link Evaluator#cost()}. One noise
 * at a time, so the batch size changes nothing.
 *
 * <p>{@link Budget#stopOnPlateau} asks {@link PlateauRule#levelsOff} after each candidate. On resumption the gradient of the iterate that the
 * search stands at is computed again and not counted twice.
 */
public final class FirstOrderSearch implements SearchAlgorithm {
    private static final String NAME = "first-order";

    private final FirstOrderParameters parameters;
    private final PlateauRule plateau;
    private final LongSupplier nanoTime;

    public FirstOrderSearch() {
        this(FirstOrderParameters.DEFAULT);
    }

    public FirstOrderSearch(FirstOrderParameters parameters) {
        this(parameters, PlateauRule.DEFAULT);
    }

    /** @param plateau asked where the budget says {@link Budget#stopOnPlateau()} */
    public FirstOrderSearch(FirstOrderParameters parameters, PlateauRule plateau) {
        this(parameters, plateau, System::nanoTime);
    }

    FirstOrderSearch(FirstOrderParameters parameters, PlateauRule plateau, LongSupplier nanoTime) {
        this.parameters = parameters;
        this.plateau = plateau;
        this.nanoTime = nanoTime;
    }

    @Override
    public String name() {
        return NAME;
    }

    /**
     * @throws IllegalArgumentException when the evaluator has no gradient, or the budget has no limit that its cost would meet
     */
    @Override
    public Outcome search(CandidateSource source, Evaluator evaluator, Budget budget, SearchObserver observer) {
        SearchRun run = new SearchRun(evaluator, budget, observer, nanoTime);
        return run.end(goOn(run, source, 0), source);
    }

    /** Each climb begins at the next draw, the picked ones before others. */
    StopReason goOn(SearchRun run, CandidateSource source, int picked) {
        if (!run.evaluator().differentiable()) {
            throw new IllegalArgumentException("evaluator: " + run.evaluator() + " (expected: one with a gradient)");
        }
        return new Climbs(run, source).run();
    }

    /** Where a climb stands. */
    private static final class Iterate {
        private final Candidate candidate;
        private final Noise noise;
        private final int steps;
        private final boolean paidGradient;
        private @Nullable Noise gradient;

        /** @param gradient null where it was not paid for, or by an earlier run */
        Iterate(Candidate candidate, Noise noise, int steps, boolean paidGradient, @Nullable Noise gradient) {
            this.candidate = candidate;
            this.noise = noise;
            this.steps = steps;
            this.paidGradient = paidGradient;
            this.gradient = gradient;
        }

        /** Uphill by this tangent, null where no way leads up. */
        @Nullable
        Noise turned(SearchRun run, double tangent) {
            if (!paidGradient) {
                return null;
            }
            Noise slope = gradient;
            if (slope == null) {
                slope = gradient(run.evaluateWithGradient(
                        new SeededNoise(noise, candidate.recipe().seed())));
                gradient = slope;
            }
            return Turn.towards(noise, slope, run.evaluator().lowerIsBetter() ? -tangent : tangent);
        }

        NoiseRecipe next() {
            NoiseRecipe from = candidate.recipe();
            List<NoiseStep> kept = new ArrayList<>(from.steps());
            if (steps > 0) {
                kept.remove(kept.size() - 1);
            }
            kept.add(new Optimization(NAME, steps + 1));
            return new NoiseRecipe(from.seed(), from.source(), from.shape(), kept, from.baseSha256());
        }
    }

    private static Noise gradient(Evaluation evaluation) {
        Noise gradient = evaluation.gradient();
        if (gradient == null) {
            throw new IllegalStateException("gradient: null (expected: one from every evaluateWithGradient)");
        }
        return gradient;
    }

    private final class Climbs {
        private final SearchRun run;
        private final CandidateSource source;
        private final Spend gradientCost;
        private final List<Candidate> bestAfter = new ArrayList<>();
        private @Nullable Iterate at;
        private double tangent;
        private int halvings;

        Climbs(SearchRun run, CandidateSource source) {
            this.run = run;
            this.source = source;
            this.gradientCost = run.evaluator().gradientCost();
        }

        StopReason run() {
            while (!run.levelsOff(plateau, bestAfter)) {
                boolean paysGradient = run.pays(gradientCost);
                Candidate recorded = run.replay(run.nextIndex());
                StopReason stop = recorded == null ? run.stop() : null;
                if (stop != null) {
                    return stop;
                }
                Noise moved = at == null ? null : moved(at, recorded);
                if (moved == null || at == null) {
                    begin(recorded, paysGradient);
                } else {
                    step(at, moved, recorded, paysGradient);
                }
                bestAfter.add(run.best());
            }
            return StopReason.PLATEAU;
        }

        /** Null where the climb is at its end: the recorded candidate, or the next, is a draw, whichever the source would draw now. */
        private @Nullable Noise moved(Iterate from, @Nullable Candidate recorded) {
            if (recorded != null && !recorded.recipe().equals(from.next())) {
                return null;
            }
            return recorded != null && recorded.noise() != null ? recorded.noise() : from.turned(run, tangent);
        }

        private void begin(@Nullable Candidate recorded, boolean paysGradient) {
            int draw = run.takeDraws(1);
            // not always this draw: a screening that the clock cut elsewhere picks others
            Proposal drawn = recorded == null || recorded.recipe().equals(source.recipe(draw))
                    ? Proposal.drawn(source, draw)
                    : new Proposal(recorded.recipe(), Proposal.noise(recorded));
            Iterate start = evaluated(drawn, 0, recorded, paysGradient);
            at = Double.isFinite(start.candidate.score()) ? start : null;
            tangent = parameters.stepSize();
            halvings = 0;
        }

        private void step(Iterate from, Noise moved, @Nullable Candidate recorded, boolean paysGradient) {
            Iterate to = evaluated(new Proposal(from.next(), moved), from.steps + 1, recorded, paysGradient);
            if (run.best(List.of(from.candidate, to.candidate)).index() == to.candidate.index()) {
                at = to;
                return;
            }
            tangent /= 2;
            halvings++;
            if (halvings > parameters.halvings()) {
                at = null;
            }
        }

        private Iterate evaluated(Proposal proposal, int steps, @Nullable Candidate recorded, boolean paysGradient) {
            if (recorded != null) {
                return new Iterate(recorded, proposal.noise(), steps, paysGradient, null);
            }
            Evaluation evaluation = paysGradient
                    ? run.evaluateWithGradient(proposal.seeded())
                    : run.evaluate(List.of(proposal.seeded())).get(0);
            Spend cost = paysGradient ? gradientCost : run.cost();
            run.charge(cost);
            Candidate candidate = run.report(proposal.candidate(run.nextIndex(), evaluation, cost));
            return new Iterate(
                    candidate, proposal.noise(), steps, paysGradient, paysGradient ? gradient(evaluation) : null);
        }
    }
}
