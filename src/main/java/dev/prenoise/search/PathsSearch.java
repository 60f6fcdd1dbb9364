package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseStep;
import dev.prenoise.noise.NoiseStep.Optimization;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Search over paths (Ma et al., arXiv 2501.09732, section 3.2): noise is added again and again on the way from noise to picture, and where the
 * verifiers like what is predicted, the path goes on.
 *
 * <p>Candidate 0, the host's noise, is scored first. Then come passes, each of
 *
 * <ol>
 *   <li>N fresh noises, walked down to the start level;
 *   <li>rounds: M noises are added to each path, back up by the forward step; each of the N M points is walked down by the backward step and
 *       looked at; the N best by the evaluator's ranking survive. Rounds end where pictures do, after four by default;
 *   <li>the way back: a host takes a noise, not a picture. So each survivor's last point at the upper level, which the walk leads from to
 *       its picture, is led back to level 0, and this noise is scored as any candidate is, by the picture that the host will draw. Published
 *       code keeps the picture of the walk.
 * </ol>
 *
 * The looks on the way are progress, not candidates. A candidate's recipe is its start's with {@code Optimization("paths", rounds)}, and its
 * noise travels with it. Levels are those of the sampler's own grid nearest in flow time; where the grid is coarse a round still ends one
 * level below where it began.
 *
 * <p>What a pass costs is known before it begins ({@link PathsPlan}), so none is begun that the budget does not pay for to its end. Where it
 * pays for no whole pass, the one with the most looks that fits is made: fewer rounds, paths or noises. What is left after that goes to
 * fresh draws, scored one by one. Added noise has the seed {@code source.deriveSeed(2^30 + 1024 pass + round, M path + i)}.
 *
 * <p>{@link Budget#stopOnPlateau} asks the {@link PlateauRule} over the best candidates of the passes, which are independent of each other.
 * Cancellation and wall time are asked before each level of a walk; a pass that they cut short leaves no candidate. A pass whose candidates
 * are all recorded is counted and not computed again; any other is computed from its start, to the same result.
 */
public final class PathsSearch implements SearchAlgorithm {
    private static final String NAME = "paths";
    private static final int FIRST_ROUND = 1 << 30;
    private static final int ROUNDS_OF_A_PASS = 1024;

    private final PathsParameters parameters;
    private final PlateauRule plateau;
    private final LongSupplier nanoTime;

    public PathsSearch() {
        this(PathsParameters.DEFAULT);
    }

    public PathsSearch(PathsParameters parameters) {
        this(parameters, PlateauRule.DEFAULT);
    }

    /** @param plateau asked where the budget says {@link Budget#stopOnPlateau()} */
    public PathsSearch(PathsParameters parameters, PlateauRule plateau) {
        this(parameters, plateau, System::nanoTime);
    }

    PathsSearch(PathsParameters parameters, PlateauRule plateau, LongSupplier nanoTime) {
        this.parameters = parameters;
        this.plateau = plateau;
        this.nanoTime = nanoTime;
    }

    @Override
    public String name() {
        return NAME;
    }

    /**
     * @throws IllegalArgumentException when the evaluator is no {@link PathEvaluator} or has fewer than three levels to walk, or the budget has
     *     no limit that its cost would meet
     */
    @Override
    public Outcome search(CandidateSource source, Evaluator evaluator, Budget budget, SearchObserver observer) {
        SearchRun run = new SearchRun(evaluator, budget, observer, nanoTime);
        plan(evaluator);
        StopReason stop = run.scoreHost(source);
        return run.end(stop != null ? stop : goOn(run, source, 0), source);
    }

    PathsPlan plan(Evaluator evaluator) {
        return PathsPlan.of(onTheWay(evaluator).levels(), parameters);
    }

    static PathEvaluator onTheWay(Evaluator evaluator) {
        if (evaluator instanceof PathEvaluator paths) {
            return paths;
        }
        throw new IllegalArgumentException(
                "evaluator: " + evaluator + " (expected: one that can stop on the way to a picture)");
    }

    /** Passes begin at the next draws, the picked ones before others. */
    StopReason goOn(SearchRun run, CandidateSource source, int picked) {
        return goOn(run, source, List.of());
    }

    /** @param starts where passes begin, in order, before the source's next draws */
    StopReason goOn(SearchRun run, CandidateSource source, Collection<Candidate> starts) {
        return new Passes(run, source, starts).run();
    }

    /** Whether the budget pays for a pass of any size. */
    boolean fits(SearchRun run) {
        return largest(run, plan(run.evaluator())) != null;
    }

    private PathsPlan.@Nullable Size largest(SearchRun run, PathsPlan plan) {
        PathEvaluator evaluator = onTheWay(run.evaluator());
        return plan.largest(
                parameters,
                size -> run.pays(plan.cost(size, evaluator, 1).plus(run.cost().times(size.paths()))));
    }

    /** A point that a round has walked down to. */
    private record Path(Proposal start, PathPoint up, PathPoint down) {}

    private static final class StoppedException extends Exception {
        private static final long serialVersionUID = 1;
        private final StopReason reason;

        StoppedException(StopReason reason) {
            super(reason.name(), null, false, false);
            this.reason = reason;
        }
    }

    private final class Passes {
        private final SearchRun run;
        private final CandidateSource source;
        private final PathEvaluator evaluator;
        private final PathsPlan plan;
        private final Spend call;
        private final Deque<Candidate> starts;

        Passes(SearchRun run, CandidateSource source, Collection<Candidate> starts) {
            this.run = run;
            this.source = source;
            this.evaluator = onTheWay(run.evaluator());
            this.plan = plan(evaluator);
            this.call = evaluator.callCost();
            this.starts = new ArrayDeque<>(starts);
        }

        StopReason run() {
            List<Candidate> bests = new ArrayList<>();
            try {
                for (int pass = 0; !run.plateau(plateau, bests); pass++) {
                    PathsPlan.Size size = largest(run, plan);
                    if (size == null) {
                        return draws();
                    }
                    bests.add(run.best(pass(pass, size)));
                }
            } catch (StoppedException e) {
                return e.reason;
            }
            return StopReason.PLATEAU;
        }

        /** What is left of the budget. */
        private StopReason draws() {
            int first = run.nextDraw();
            StopReason stop = run.score(Integer.MAX_VALUE, i -> Proposal.drawn(source, first + i))
                    .stop();
            return stop == null ? StopReason.BUDGET : stop;
        }

        private List<Candidate> pass(int pass, PathsPlan.Size size) throws StoppedException {
            List<Proposal> from = new ArrayList<>();
            for (int i = 0; i < size.paths(); i++) {
                from.add(nextStart());
            }
            List<Proposal> ends = List.of();
            if (run.recordsNext(size.paths())) {
                run.charge(plan.cost(size, evaluator, run.maxBatch()));
            } else {
                ends = ends(pass, size, from);
            }
            List<Proposal> proposals = ends;
            SearchRun.Scored scored = run.score(size.paths(), proposals::get);
            if (scored.stop() != null) {
                throw new StoppedException(scored.stop());
            }
            return scored.candidates();
        }

        private Proposal nextStart() {
            if (starts.isEmpty()) {
                return Proposal.drawn(source, run.takeDraws(1));
            }
            Candidate start = starts.removeFirst();
            return new Proposal(start.recipe(), Proposal.noise(start));
        }

        private List<Proposal> ends(int pass, PathsPlan.Size size, List<Proposal> from) throws StoppedException {
            String stage = "pass " + (pass + 1);
            List<PathPoint> noises = from.stream()
                    .map(start -> new PathPoint(0, start.noise(), start.recipe().seed()))
                    .toList();
            List<PathPoint> walked = walk(noises, plan.start(), stage);
            List<Path> paths = new ArrayList<>();
            for (int i = 0; i < from.size(); i++) {
                paths.add(new Path(from.get(i), noises.get(i), walked.get(i)));
            }
            for (int round = 0; round < size.rounds(); round++) {
                String at = stage + ", round " + (round + 1) + " of " + size.rounds();
                paths = round(paths, size, round, FIRST_ROUND + pass * ROUNDS_OF_A_PASS + round, at);
            }
            List<Noise> back = back(paths.stream().map(Path::up).toList(), stage);
            List<Proposal> ends = new ArrayList<>();
            for (int i = 0; i < back.size(); i++) {
                ends.add(new Proposal(moved(paths.get(i).start().recipe(), size.rounds()), back.get(i)));
            }
            return ends;
        }

        private List<Path> round(List<Path> paths, PathsPlan.Size size, int round, int seedsRound, String stage)
                throws StoppedException {
            PathsPlan.Hop hop = plan.hops().get(round);
            List<Proposal> from = new ArrayList<>();
            List<PathPoint> points = new ArrayList<>();
            List<Long> seeds = new ArrayList<>();
            for (Path path : paths) {
                for (int i = 0; i < size.width(); i++) {
                    seeds.add(source.deriveSeed(seedsRound, points.size()));
                    from.add(path.start());
                    points.add(path.down());
                }
            }
            List<PathPoint> up = evaluator.addNoise(points, hop.up(), seeds);
            List<PathPoint> down = walk(up, hop.down(), stage);
            List<Evaluation> looks = look(down, stage);
            List<Candidate> seen = new ArrayList<>();
            for (int i = 0; i < looks.size(); i++) {
                Evaluation look = looks.get(i);
                seen.add(new Candidate(i, from.get(i).recipe(), null, look.score(), look.terms(), call));
            }
            return run.ranking().rank(seen).stream()
                    .limit(size.paths())
                    .map(Candidate::index)
                    .map(i -> new Path(from.get(i), up.get(i), down.get(i)))
                    .toList();
        }

        /** Level by level, so that it can be stopped between any two denoiser calls. */
        private List<PathPoint> walk(List<PathPoint> points, int level, String stage) throws StoppedException {
            List<PathPoint> walked = new ArrayList<>();
            for (List<PathPoint> batch : batches(points)) {
                List<PathPoint> at = batch;
                for (int next = batch.get(0).level() + 1; next <= level; next++) {
                    requireGoingOn();
                    at = evaluator.walk(at, next);
                    charge(at.size(), 1, stage);
                }
                walked.addAll(at);
            }
            return walked;
        }

        private List<Evaluation> look(List<PathPoint> points, String stage) throws StoppedException {
            List<Evaluation> looks = new ArrayList<>();
            for (List<PathPoint> batch : batches(points)) {
                requireGoingOn();
                looks.addAll(evaluator.look(batch));
                charge(batch.size(), batch.get(0).level() < plan.lastLevel() ? 1 : 0, stage);
            }
            return looks;
        }

        private List<Noise> back(List<PathPoint> points, String stage) throws StoppedException {
            List<Noise> noises = new ArrayList<>();
            for (List<PathPoint> batch : batches(points)) {
                requireGoingOn();
                noises.addAll(evaluator.back(batch));
                charge(batch.size(), batch.get(0).level() * evaluator.backCalls(), stage + ", back to noise");
            }
            return noises;
        }

        private List<List<PathPoint>> batches(List<PathPoint> points) {
            int most = run.maxBatch();
            List<List<PathPoint>> batches = new ArrayList<>();
            for (int from = 0; from < points.size(); from += most) {
                batches.add(points.subList(from, Math.min(points.size(), from + most)));
            }
            return batches;
        }

        private void charge(int points, int calls, String stage) {
            Spend batch = call.plus(call.withinBatch().times(points - 1));
            run.charge(batch.times(calls));
            run.progress(stage);
        }

        private void requireGoingOn() throws StoppedException {
            StopReason stop = run.interrupted();
            if (stop != null) {
                throw new StoppedException(stop);
            }
        }
    }

    /** Whether a pass has made this noise. */
    static boolean made(NoiseRecipe recipe) {
        List<NoiseStep> steps = recipe.steps();
        return !steps.isEmpty()
                && steps.get(steps.size() - 1) instanceof Optimization last
                && last.algorithm().equals(NAME);
    }

    private static NoiseRecipe moved(NoiseRecipe from, int rounds) {
        List<NoiseStep> steps = new ArrayList<>(from.steps());
        steps.add(new Optimization(NAME, rounds));
        return new NoiseRecipe(from.seed(), from.source(), from.shape(), steps, from.baseSha256());
    }
}
