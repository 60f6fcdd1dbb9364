package dev.prenoise.study;

import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.LossForm;
import dev.prenoise.engine.Model;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.Panel;
import dev.prenoise.engine.PictureOptions;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.engine.SamplingSpec;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.noise.Seeds;
import dev.prenoise.search.BestOfN;
import dev.prenoise.search.Budget;
import dev.prenoise.search.Candidate;
import dev.prenoise.search.CascadeSearch;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.FirstOrderSearch;
import dev.prenoise.search.Outcome;
import dev.prenoise.search.PathEvaluator;
import dev.prenoise.search.PathsSearch;
import dev.prenoise.search.Ranking;
import dev.prenoise.search.SearchAlgorithm;
import dev.prenoise.search.SearchObserver;
import dev.prenoise.search.SeededCandidates;
import dev.prenoise.search.Spend;
import dev.prenoise.search.ZeroOrderParameters;
import dev.prenoise.search.ZeroOrderSearch;
import dev.prenoise.search.ZeroOrderThenPathsSearch;
import dev.prenoise.shapes.OracleVerifier;
import dev.prenoise.shapes.PromptSuite;
import dev.prenoise.shapes.ShapesModel;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.VerifierOffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * What each verifier and each search algorithm is worth on the built-in model at equal budgets, judged by its exact oracle: the question of
 * Ma et al.'s table 2 (arXiv 2501.09732), where the true judge is known. And where a verifier's own score rises while the oracle's falls.
 *
 * <p>Prompts come by rule from three suites in turn: two objects, three objects, two objects and where they are. A search's budget is counted
 * by the search itself, in NFEs; a picture that several searches come by is drawn once. Random search is not run for each size: its
 * expectation over all subsets of the noises drawn, candidate 0 always among them, is computed exactly, or for several verifiers together, whose
 * mean rank depends on the subset, from {@value #SUBSETS} subsets. Of the others the best so far at each spend counts.
 */
public final class VerifierStudy {
    /** Who judges, beside the oracle. Those that there are. */
    static final List<String> VERIFIERS = List.of("shapes-clip", "shapes-aesthetic");

    static final String ENSEMBLE = "ensemble";
    static final String COMPLETE = Metric.COMPLETE;
    static final String NOT_WORSE = "not worse by its own score";
    static final String NOT_WORSE_ORACLE = "not worse by the oracle";
    static final String PLAIN = "plain seed";
    static final String RANDOM = "random";

    private static final String FIRST_ORDER = "first-order";

    /** Losses that cascades screen noise by: half of the pictures that the budget pays for are then drawn. */
    private static final List<String> SCREENS = List.of("initno", "self-cross");

    private static final int SUBSETS = 100;

    /** A search over paths needs them. */
    private static final int LEAST_STEPS = 3;

    private static final List<PromptSuite> SUITES =
            List.of(PromptSuite.TWO_OBJECTS, PromptSuite.THREE_SHAPES, PromptSuite.RELATIONS);

    private final ModelCatalog catalog;
    private final long seed;
    private final int prompts;
    private final int nfe;
    private final int steps;
    private final List<String> verifiers;

    /**
     * @param prompts how many, at least 2
     * @param nfe of every search, at least the steps of one picture
     * @param steps of every picture, at least 3
     * @throws IllegalArgumentException when a number is out of range
     */
    public VerifierStudy(ModelCatalog catalog, long seed, int prompts, int nfe, int steps) {
        if (prompts < 2 || steps < LEAST_STEPS || nfe < steps) {
            throw new IllegalArgumentException("prompts: " + prompts + ", steps: " + steps + ", nfe: " + nfe
                    + " (expected: >= 2, >= " + LEAST_STEPS + ", >= steps)");
        }
        this.catalog = catalog;
        this.seed = seed;
        this.prompts = prompts;
        this.nfe = nfe;
        this.steps = steps;
        List<String> usable = catalog.verifiers().list().stream()
                .filter(offer -> offer.problem() == null)
                .map(VerifierOffer::name)
                .toList();
        this.verifiers = VERIFIERS.stream().filter(usable::contains).toList();
    }

    /** The searches, by the names that tables give them. Random search is not among them: it needs no running. */
    private Map<String, Supplier<SearchAlgorithm>> searches(PromptSession session, SideBySide others) {
        Map<String, Supplier<SearchAlgorithm>> searches = new LinkedHashMap<>();
        double step = ZeroOrderParameters.DEFAULT.stepSize();
        searches.put("ZO-2", () -> new ZeroOrderSearch(new ZeroOrderParameters(2, step, 0)));
        searches.put("ZO-4", () -> new ZeroOrderSearch(new ZeroOrderParameters(4, step, 0)));
        searches.put("Paths-2", PathsSearch::new);
        searches.put("ZO + Paths", ZeroOrderThenPathsSearch::new);
        searches.put(FIRST_ORDER, FirstOrderSearch::new);
        int keep = Math.max(1, nfe / steps / 2);
        for (String loss : SCREENS) {
            Evaluator evaluator = session.attention(AttentionLosses.of(loss, LossForm.RANKING));
            Evaluator shared = new SharedLoss(others, loss, evaluator, new Remembered(evaluator));
            searches.put("cascade, " + loss, () -> new CascadeSearch(shared, keep, new BestOfN()));
        }
        return searches;
    }

    /**
     * Stopped in the middle, it goes on from the last finished prompt when it is called with the same folder.
     *
     * @param folder gets {@code rows.tsv}, {@code table.md} and {@code curves.svg}
     * @param progress is told how many prompts are done
     * @throws IllegalArgumentException when the folder holds another study
     * @throws UncheckedIOException when the folder cannot be written
     */
    public void run(Path folder, IntConsumer progress) {
        try {
            Files.createDirectories(folder);
            String title =
                    "verifier study, seed " + seed + ", " + nfe + " NFE, " + steps + " steps, judged by " + judges();
            StudyRows rows = StudyRows.open(folder.resolve("rows.tsv"), title, values());
            Model model = catalog.open(ShapesModel.ID);
            for (int i = rows.prompts().size(); i < prompts; i++) {
                progress.accept(i);
                long begin = System.nanoTime();
                List<StudyRows.Row> found = study(model, i);
                rows.append(found, (System.nanoTime() - begin) / 1e9);
            }
            progress.accept(prompts);
            VerifierStudyReport report = new VerifierStudyReport(
                    rows.prompts().subList(0, prompts), values(), judges(), checkpoints(), rows.seconds(), seed);
            Files.writeString(folder.resolve("table.md"), report.tables(steps));
            Files.writeString(folder.resolve("curves.svg"), report.curves());
        } catch (IOException e) {
            throw new UncheckedIOException(folder + ": " + e.getMessage(), e);
        }
    }

    /** What searches follow: each verifier, all of them together without the oracle, the oracle. */
    private List<String> judges() {
        List<String> judges = new ArrayList<>(verifiers);
        if (verifiers.size() > 1) {
            judges.add(ENSEMBLE);
        }
        judges.add(OracleVerifier.NAME);
        return judges;
    }

    private List<String> followed(String judge) {
        return judge.equals(ENSEMBLE) ? verifiers : List.of(judge);
    }

    /** What pictures are judged by, then how the chosen one compares with candidate 0. */
    private List<String> values() {
        List<String> values = terms();
        values.add(NOT_WORSE);
        values.add(NOT_WORSE_ORACLE);
        return values;
    }

    private List<String> terms() {
        List<String> terms = new ArrayList<>(List.of(OracleVerifier.NAME, COMPLETE));
        terms.addAll(verifiers);
        return terms;
    }

    /** Spends at which the best so far is looked at: one picture, two, four, ..., all. */
    private List<Integer> checkpoints() {
        List<Integer> checkpoints = new ArrayList<>();
        for (int pictures = 1; pictures * steps < nfe; pictures *= 2) {
            checkpoints.add(pictures * steps);
        }
        checkpoints.add(nfe / steps * steps);
        return checkpoints;
    }

    private String prompt(int index) {
        PromptSuite suite = SUITES.get(index % SUITES.size());
        return suite.prompt(Seeds.derive(seed, 2, 0), index / SUITES.size());
    }

    private List<StudyRows.Row> study(Model model, int index) {
        String prompt = prompt(index);
        SamplingSpec sampling = new SamplingSpec("", "", steps, 0, List.of());
        Map<String, Judge> open = new LinkedHashMap<>();
        try (PromptSession session = model.prepare(new PromptSpec(prompt, "", List.of()), sampling, List.of(), 0, 0)) {
            open.put(OracleVerifier.NAME, judge(OracleVerifier.NAME, prompt));
            open.put(COMPLETE, new Metric.CompleteJudge(prompt));
            verifiers.forEach(name -> open.put(name, judge(name, prompt)));
            PathEvaluator drawing = session.pictures(panel(open, terms()), PictureOptions.plain());
            Remembered pictures = new Remembered(drawing);
            SeededCandidates source =
                    SeededCandidates.of(Seeds.derive(seed, 3, index), NoiseSource.TORCH_CPU, session.noiseShape());
            List<Candidate> pool = pool(pictures, source);
            List<StudyRows.Row> rows = new ArrayList<>();
            rows.add(new StudyRows.Row(prompt, PLAIN, PLAIN, steps, values(pool.get(0), pool.get(0), true)));
            SideBySide together = new SideBySide();
            Map<String, Supplier<SearchAlgorithm>> algorithms = searches(session, together);
            List<Supplier<List<StudyRows.Row>>> searches = new ArrayList<>();
            for (String judge : judges()) {
                FollowedVerifiers evaluator = new FollowedVerifiers(
                        together,
                        drawing,
                        pictures,
                        session.pictures(panel(open, followed(judge)), PictureOptions.plain()),
                        followed(judge));
                searches.add(() -> random(prompt, judge, pool, evaluator.ranking(), index));
                algorithms.forEach((name, algorithm) -> {
                    if (!name.equals(FIRST_ORDER) || evaluator.differentiable()) {
                        searches.add(() -> searched(prompt, judge, name, algorithm.get(), source, evaluator));
                    }
                });
            }
            together.run(searches).forEach(rows::addAll);
            return rows;
        } finally {
            open.values().forEach(Judge::close);
        }
    }

    private Judge judge(String name, String prompt) {
        return catalog.verifiers().open(name).judge(Question.of(prompt));
    }

    private static Panel panel(Map<String, Judge> open, List<String> names) {
        return new Panel(open.entrySet().stream()
                .filter(entry -> names.contains(entry.getKey()))
                .map(entry -> new Panel.Member(entry.getKey(), entry.getValue(), 1))
                .toList());
    }

    /** The noises of random search, as many as the budget pays for. */
    private List<Candidate> pool(Remembered pictures, SeededCandidates source) {
        List<SeededNoise> noises = IntStream.range(0, nfe / steps)
                .mapToObj(i -> new SeededNoise(source.draw(i), source.recipe(i).seed()))
                .toList();
        List<Evaluation> evaluations = pictures.evaluate(noises);
        return IntStream.range(0, noises.size())
                .mapToObj(i -> new Candidate(
                        i, source.recipe(i), null, 0, evaluations.get(i).terms(), Spend.NONE))
                .toList();
    }

    private List<StudyRows.Row> random(String prompt, String judge, List<Candidate> pool, Ranking ranking, int index) {
        List<double[]> outcomes = pool.stream()
                .map(candidate -> values(candidate, pool.get(0), notWorse(judge, candidate, pool.get(0))))
                .toList();
        List<StudyRows.Row> rows = new ArrayList<>();
        for (int spend : checkpoints()) {
            int n = spend / steps;
            double[] values = judge.equals(ENSEMBLE)
                    ? overSubsets(pool, outcomes, ranking, n, index)
                    : overAllSubsets(pool, outcomes, judge, n);
            rows.add(new StudyRows.Row(prompt, judge, RANDOM, spend, values));
        }
        return rows;
    }

    private double[] overAllSubsets(List<Candidate> pool, List<double[]> outcomes, String judge, int n) {
        double[] losses =
                pool.stream().mapToDouble(candidate -> -term(candidate, judge)).toArray();
        return IntStream.range(0, values().size())
                .mapToDouble(column -> dev.prenoise.shapes.BestOfN.expectedWithFirst(
                        losses,
                        outcomes.stream().mapToDouble(values -> values[column]).toArray(),
                        n))
                .toArray();
    }

    private double[] overSubsets(List<Candidate> pool, List<double[]> outcomes, Ranking ranking, int n, int index) {
        double[] sums = new double[values().size()];
        for (int s = 0; s < SUBSETS; s++) {
            SplittableRandom random = new SplittableRandom(Seeds.derive(seed, 4 + s, index));
            List<Candidate> others = new ArrayList<>(pool.subList(1, pool.size()));
            List<Candidate> subset = new ArrayList<>(List.of(pool.get(0)));
            while (subset.size() < n) {
                subset.add(others.remove(random.nextInt(others.size())));
            }
            double[] chosen = outcomes.get(ranking.rank(subset).get(0).index());
            for (int column = 0; column < sums.length; column++) {
                sums[column] += chosen[column] / SUBSETS;
            }
        }
        return sums;
    }

    private List<StudyRows.Row> searched(
            String prompt,
            String judge,
            String name,
            SearchAlgorithm algorithm,
            SeededCandidates source,
            FollowedVerifiers evaluator) {
        Ledger ledger = new Ledger();
        Budget budget = new Budget(0, nfe, Duration.ZERO, false);
        Outcome outcome = algorithm.search(source, evaluator, budget, ledger);
        Candidate first = ledger.scored.get(0);
        List<StudyRows.Row> rows = new ArrayList<>();
        for (int spend : checkpoints()) {
            List<Candidate> soFar = ledger.until(spend);
            boolean last = soFar.size() == ledger.scored.size();
            Candidate best = last
                    ? outcome.ranked().get(0)
                    : evaluator.ranking().rank(soFar).get(0);
            rows.add(new StudyRows.Row(prompt, judge, name, spend, values(best, first, notWorse(judge, best, first))));
        }
        return rows;
    }

    /** What was scored, and what had been spent by then. */
    private static final class Ledger implements SearchObserver {
        private final List<Candidate> scored = new ArrayList<>();
        private final List<Integer> spent = new ArrayList<>();

        @Override
        public void scored(Candidate candidate, boolean bestSoFar, Spend total) {
            scored.add(candidate);
            spent.add(total.functionEvaluations());
        }

        @Override
        public boolean stopRequested() {
            return false;
        }

        /** Candidate 0 whatever it took. */
        List<Candidate> until(int spend) {
            int count = (int) spent.stream().filter(each -> each <= spend).count();
            return scored.subList(0, Math.max(1, count));
        }
    }

    /** A mean rank has the first below the best by definition. */
    private static boolean notWorse(String judge, Candidate best, Candidate first) {
        return judge.equals(ENSEMBLE) || term(best, judge) >= term(first, judge);
    }

    private double[] values(Candidate chosen, Candidate first, boolean notWorse) {
        List<String> terms = terms();
        double[] values = new double[terms.size() + 2];
        for (int i = 0; i < terms.size(); i++) {
            values[i] = term(chosen, terms.get(i));
        }
        values[terms.size()] = notWorse ? 1 : 0;
        values[terms.size() + 1] = term(chosen, OracleVerifier.NAME) >= term(first, OracleVerifier.NAME) ? 1 : 0;
        return values;
    }

    private static double term(Candidate candidate, String name) {
        return candidate.terms().getOrDefault(name, Double.NaN);
    }
}
