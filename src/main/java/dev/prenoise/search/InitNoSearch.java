package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.SeededNoise;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * InitNO: optimises one noise after another by gradient steps on the loss (Guo et al., "InitNO: Boosting Text-to-Image Diffusion Models via
 * Initial Noise Optimization"), with Choi et al.'s accounting: every loss evaluation counts, each start takes at most
 * {@link InitNoParameters#maxStep()}, and the search ends when the budget does or a start meets both thresholds.
 *
 * <p>Candidate 0 is the host's noise as it is; its score is the first evaluation of the first start, which goes on from there and is not paid
 * twice. Candidate {@code k >= 1} is the result of start {@code k - 1}, which begins at {@code source.draw(k - 1)}: the best of the iterates
 * that were evaluated (candidate 1: of those after the host's noise itself), under that iterate's own score, its noise attached. Its
 * recipe ends in {@code Optimization("initno", n)}, n the loss evaluations whose gradients made it, or is the plain seed where no step
 * improved on it. (With one evaluation a start, candidate k is draw k.)
 *
 * <p>Starts run one after another and each evaluation carries one noise, so neither the batch size nor what another start does changes
 * anything. The gradient is of what the evaluator optimises, the score is what ranks: see {@link Evaluation}. Thresholds are read from the
 * terms "cross" and "self" (or "self_cross"); a loss without them never ends early.
 *
 * <p>Cancelled within a start, the search enters that start's best iterate in its outcome without reporting it as scored, because a
 * resumed run computes that start again from its beginning.
 *
 * <p>Published and left out: a success thrown away because an earlier failure scored lower, and the retry's result taken whatever its score.
 * Results rank by score, candidate 0 among them, in the literal form too, where a result's score is that of the iterate before it.
 */
public final class InitNoSearch implements SearchAlgorithm {
    private static final String NAME = "initno";

    private final InitNoParameters parameters;
    private final PlateauRule plateau;
    private final LongSupplier nanoTime;

    public InitNoSearch() {
        this(InitNoParameters.DEFAULT);
    }

    public InitNoSearch(InitNoParameters parameters) {
        this(parameters, PlateauRule.DEFAULT);
    }

    /** @param plateau asked over the results of starts, where the budget says {@link Budget#stopOnPlateau()} */
    public InitNoSearch(InitNoParameters parameters, PlateauRule plateau) {
        this(parameters, plateau, System::nanoTime);
    }

    InitNoSearch(InitNoParameters parameters, PlateauRule plateau, LongSupplier nanoTime) {
        this.parameters = parameters;
        this.plateau = plateau;
        this.nanoTime = nanoTime;
    }

    @Override
    public String name() {
        return NAME;
    }

    /**
     * @throws IllegalArgumentException when the evaluator has no gradient or is no loss, or the budget has no limit that its cost would meet
     */
    @Override
    public Outcome search(CandidateSource source, Evaluator evaluator, Budget budget, SearchObserver observer) {
        return run(SearchRun.followingGradients(evaluator, budget, observer, nanoTime), source);
    }

    Outcome run(SearchRun run, CandidateSource source) {
        requireLoss(run.evaluator());
        InitNoStart host = new InitNoStart(source.recipe(0), source.draw(0), parameters);
        Candidate plain = run.replay(0);
        if (plain == null) {
            StopReason stop = run.stop();
            if (stop != null) {
                return run.end(stop, source);
            }
            plain = plain(run, source.recipe(0), host);
        }
        if (InitNoStart.meetsThresholds(plain.terms(), parameters)) {
            return run.end(StopReason.THRESHOLD, source);
        }
        return new Rounds(run, source, parameters.maxStep() == 1 ? null : host).run();
    }

    /** Start 0, the host's noise, stays a candidate as it is; candidate k is the result of start k. */
    Outcome runFromFirst(SearchRun run, CandidateSource source) {
        return new Rounds(run, source, null).run();
    }

    Candidate plain(SearchRun run, NoiseRecipe recipe, InitNoStart host) {
        Noise noise = host.next();
        Evaluation evaluation = run.evaluateWithGradient(new SeededNoise(noise, recipe.seed()));
        run.charge(run.cost());
        host.observe(evaluation, false);
        Candidate plain = new Candidate(
                0,
                recipe,
                Proposal.carried(recipe, noise),
                InitNoStart.score(evaluation, parameters),
                evaluation.terms(),
                run.cost());
        run.report(plain);
        return plain;
    }

    static void requireLoss(Evaluator evaluator) {
        if (!evaluator.differentiable() || !evaluator.lowerIsBetter()) {
            throw new IllegalArgumentException("evaluator: " + evaluator + " (expected: a loss with a gradient)");
        }
    }

    /** The starts of one search, in order. */
    private final class Rounds {
        private final SearchRun run;
        private final CandidateSource source;
        private final @Nullable InitNoStart host;
        private final List<Candidate> results = new ArrayList<>();
        private int best = -1;
        private double bestScore;

        /** @param host the first start, which candidate 0 began; null when there is none */
        Rounds(SearchRun run, CandidateSource source, @Nullable InitNoStart host) {
            this.run = run;
            this.source = source;
            this.host = host;
        }

        Outcome run() {
            // one candidate a start, after candidate 0
            int index = 1;
            int round = host == null ? 1 : 0;
            while (parameters.maxRound() == 0 || round < parameters.maxRound()) {
                StopReason stop = round(index++, round++, parameters.maxStep());
                if (stop != null) {
                    return run.end(stop, source);
                }
            }
            if (parameters.retryMaxStep() > 0 && best >= 0) {
                StopReason stop = round(index, best, parameters.retryMaxStep());
                if (stop != null) {
                    return run.end(stop, source);
                }
            }
            return run.end(StopReason.THRESHOLD, source);
        }

        /** Optimises a draw into the candidate of this index. Null when the search goes on. */
        private @Nullable StopReason round(int index, int round, int maxStep) {
            Candidate candidate = run.replay(index);
            if (candidate == null) {
                InitNoStart start = index == 1 && host != null ? host : newStart(round);
                boolean hostStart = start == host;
                int own = run.affordable(hostStart ? maxStep - 1 : maxStep);
                StopReason stop = own == 0 ? StopReason.BUDGET : optimize(start, hostStart, own, round);
                int paid = start.evaluations() - (hostStart ? 1 : 0);
                candidate = start.candidate(index, NAME, run.cost().times(paid));
                if (candidate == null) {
                    return stop;
                }
                if (stop == StopReason.CANCELLED) {
                    run.keep(candidate);
                    return stop;
                }
                run.report(candidate);
                if (stop != null) {
                    return stop;
                }
            }
            if (candidate.terms().containsKey(InitNoStart.SUCCESS)) {
                return StopReason.THRESHOLD;
            }
            return judge(candidate, round);
        }

        private InitNoStart newStart(int round) {
            return new InitNoStart(source.recipe(round), source.draw(round), parameters);
        }

        private @Nullable StopReason judge(Candidate candidate, int round) {
            if (best < 0 || Leaderboard.compareScores(candidate.score(), bestScore, true) < 0) {
                best = round;
                bestScore = candidate.score();
            }
            results.add(candidate);
            if (run.affordable(1) == 0) {
                return StopReason.BUDGET;
            }
            return run.plateau(plateau, results) ? StopReason.PLATEAU : null;
        }

        /**
         * @param own evaluations that this start pays for; the host's start has had one more, which candidate 0 paid for
         * @return why the search ends within this start, null when the start came to its end
         */
        private @Nullable StopReason optimize(InitNoStart start, boolean hostStart, int own, int round) {
            int unpaid = hostStart ? 1 : 0;
            while (start.evaluations() < own + unpaid && !start.over()) {
                StopReason stop = run.stop();
                if (stop != null) {
                    return stop;
                }
                boolean paid = start.evaluations() >= unpaid;
                Evaluation evaluation = run.evaluateWithGradient(new SeededNoise(start.next(), start.seed()));
                if (paid) {
                    run.charge(run.cost());
                }
                start.observe(evaluation, paid);
                run.progress("start " + (round + 1) + ", evaluation " + start.evaluations());
            }
            return null;
        }
    }
}
