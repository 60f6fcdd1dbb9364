package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseStep;
import dev.prenoise.noise.NoiseStep.Optimization;
import dev.prenoise.noise.NoiseStep.Perturbation;
import dev.prenoise.noise.Turn;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Zero-order search (Ma et al., arXiv 2501.09732, section 3.2): a pivot and its neighbours on the sphere are scored, the best becomes the
 * pivot, again and again. Candidate 0, the host's noise, is the first pivot; every neighbour is a candidate.
 *
 * <p>A neighbour is the pivot turned by an exact angle in a random direction, {@link NoiseStep.Perturbation}, with the seed
 * {@code source.deriveSeed(round, i)}, rounds from 1. Its norm is the pivot's. So a candidate's recipe is the chain of turns that led to it,
 * which replays from numbers; a chain of more than {@value #LONGEST_CHAIN} (fewer where noise is large) is folded into one
 * {@code Optimization("zero-order", turns)}, and the noise travels with the candidate.
 *
 * <p>The pivot's score is kept, not computed again, and it changes only for a neighbour that ranks ahead of it among all that was scored so
 * far; otherwise it stays. The community's code draws the pivot again in each round, whose picture it already had, and throws it away for a
 * fresh one as soon as no neighbour is better: here that is {@link ZeroOrderParameters#restartAfter}, off unless asked for.
 *
 * <p>A round's neighbours go in batches as large as the evaluator takes. The last round may be cut by the budget.
 * {@link Budget#stopOnPlateau} asks {@link PlateauRule#levelsOff} after each round. What is recorded is all there is: nothing is computed
 * again on resumption.
 */
public final class ZeroOrderSearch implements SearchAlgorithm {
    private static final String NAME = "zero-order";
    private static final int LONGEST_CHAIN = 256;

    /** Of random numbers that a recipe asks for: about a second's. */
    private static final long MOST_DRAWS = 1 << 26;

    private final ZeroOrderParameters parameters;
    private final PlateauRule plateau;
    private final LongSupplier nanoTime;

    public ZeroOrderSearch() {
        this(ZeroOrderParameters.DEFAULT);
    }

    public ZeroOrderSearch(ZeroOrderParameters parameters) {
        this(parameters, PlateauRule.DEFAULT);
    }

    /** @param plateau asked where the budget says {@link Budget#stopOnPlateau()} */
    public ZeroOrderSearch(ZeroOrderParameters parameters, PlateauRule plateau) {
        this(parameters, plateau, System::nanoTime);
    }

    ZeroOrderSearch(ZeroOrderParameters parameters, PlateauRule plateau, LongSupplier nanoTime) {
        this.parameters = parameters;
        this.plateau = plateau;
        this.nanoTime = nanoTime;
    }

    @Override
    public String name() {
        return NAME;
    }

    /**
     * @throws IllegalArgumentException when the budget has no limit that this evaluator's cost would meet
     */
    @Override
    public Outcome search(CandidateSource source, Evaluator evaluator, Budget budget, SearchObserver observer) {
        SearchRun run = new SearchRun(evaluator, budget, observer, nanoTime);
        StopReason stop = run.scoreHost(source);
        return run.end(stop != null ? stop : goOn(run, source, 0), source);
    }

    /** The picked draws are scored first; the best of all so far is the first pivot, the others are where restarts go before fresh draws. */
    StopReason goOn(SearchRun run, CandidateSource source, int picked) {
        int first = run.takeDraws(picked);
        SearchRun.Scored starts = run.score(picked, i -> Proposal.drawn(source, first + i));
        return starts.stop() != null ? starts.stop() : new Climb(run, source).run();
    }

    private final class Climb {
        private final SearchRun run;
        private final CandidateSource source;
        private final Deque<Candidate> starts;
        private final int longestChain;
        private final List<Candidate> bestAfterRounds = new ArrayList<>();
        private Candidate pivot;
        private Noise noise;

        Climb(SearchRun run, CandidateSource source) {
            this.run = run;
            this.source = source;
            starts = new ArrayDeque<>(run.ranked());
            pivot = starts.removeFirst();
            noise = Proposal.noise(pivot);
            longestChain = (int) Math.max(1, Math.min(LONGEST_CHAIN, MOST_DRAWS / noise.data().length - 1));
        }

        StopReason run() {
            bestAfterRounds.add(pivot);
            int failures = 0;
            for (int round = 1; !run.levelsOff(plateau, bestAfterRounds); round++) {
                List<Perturbation> turns = turns(round);
                SearchRun.Scored scored = run.score(turns.size(), i -> neighbor(turns.get(i)));
                if (scored.stop() != null) {
                    return scored.stop();
                }
                failures = moves(scored.candidates(), turns) ? 0 : failures + 1;
                if (failures > 0 && failures == parameters.restartAfter()) {
                    failures = 0;
                    StopReason stop = restart();
                    if (stop != null) {
                        return stop;
                    }
                }
                bestAfterRounds.add(run.best());
            }
            return StopReason.PLATEAU;
        }

        private List<Perturbation> turns(int round) {
            List<Perturbation> turns = new ArrayList<>();
            for (int i = 0; i < parameters.neighbors(); i++) {
                turns.add(new Perturbation(source.deriveSeed(round, i), parameters.stepSize()));
            }
            return turns;
        }

        private Proposal neighbor(Perturbation turn) {
            NoiseRecipe from = pivot.recipe();
            List<NoiseStep> steps = new ArrayList<>(from.steps());
            steps.add(turn);
            if (steps.size() > longestChain) {
                steps = List.of(new Optimization(NAME, turnsIn(steps)));
            }
            NoiseRecipe recipe = new NoiseRecipe(from.seed(), from.source(), from.shape(), steps, from.baseSha256());
            return new Proposal(recipe, turned(turn));
        }

        private Noise turned(Perturbation turn) {
            Noise turned = Turn.perturbed(noise, turn);
            if (turned == null) {
                throw new IllegalArgumentException(
                        "noise: " + noise + " (expected: of finite, positive length, so that it can be turned)");
            }
            return turned;
        }

        /** Goes to the best neighbour where it ranks ahead of the pivot. */
        private boolean moves(List<Candidate> neighbors, List<Perturbation> turns) {
            List<Candidate> all = new ArrayList<>(neighbors);
            all.add(pivot);
            Candidate best = run.best(all);
            if (best.index() == pivot.index()) {
                return false;
            }
            noise = turned(turns.get(best.index() - neighbors.get(0).index()));
            pivot = best;
            return true;
        }

        private @Nullable StopReason restart() {
            if (starts.isEmpty()) {
                int draw = run.takeDraws(1);
                SearchRun.Scored fresh = run.score(1, i -> Proposal.drawn(source, draw));
                if (fresh.stop() != null) {
                    return fresh.stop();
                }
                starts.addAll(fresh.candidates());
            }
            pivot = starts.removeFirst();
            noise = Proposal.noise(pivot);
            return null;
        }
    }

    private static int turnsIn(List<NoiseStep> steps) {
        return steps.stream()
                .mapToInt(step -> step instanceof Optimization before ? before.lossEvaluations() : 1)
                .sum();
    }
}
