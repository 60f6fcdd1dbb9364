package dev.prenoise.study;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.InitNo;
import dev.prenoise.attention.SelfCross;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.Panel;
import dev.prenoise.engine.PictureOptions;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.image.Picture;
import dev.prenoise.image.Png;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Budget;
import dev.prenoise.search.Candidate;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.FirstOrderSearch;
import dev.prenoise.search.Outcome;
import dev.prenoise.search.PathEvaluator;
import dev.prenoise.search.PathsSearch;
import dev.prenoise.search.SearchAlgorithm;
import dev.prenoise.search.SearchObserver;
import dev.prenoise.search.SeededCandidates;
import dev.prenoise.search.Spend;
import dev.prenoise.search.ZeroOrderSearch;
import dev.prenoise.search.ZeroOrderThenPathsSearch;
import dev.prenoise.study.RecentWork.Plain;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.VerifierException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Computes units, one at a time. The same unit gives the same rows on the same machine and version, whatever was computed before it; what the
 * last units of the same prompt have computed anyway is not computed again. Not thread-safe.
 */
public final class UnitWork {
    private static final Logger LOG = LoggerFactory.getLogger(UnitWork.class);

    private final ModelCatalog catalog;
    private final String version;
    private final RecentWork recent = new RecentWork();

    /**
     * @param version of the program, written beside what it computes
     */
    public UnitWork(ModelCatalog catalog, String version) {
        this.catalog = catalog;
        this.version = version;
    }

    /**
     * @throws RuntimeException when the model, a verifier or a prompt cannot be used; the message says which
     */
    public UnitResult run(Unit unit) {
        try (PromptSession session = prepare(catalog, unit.backbone(), unit.prompt());
                Judges judges = Judges.open(catalog, unit)) {
            recent.at(unit);
            Pass pass = new Pass(unit, session, judges, recent);
            pass.run();
            UnitResult result = pass.result(version);
            judges.tell(unit, result.rows());
            return result;
        }
    }

    static PromptSession prepare(ModelCatalog catalog, BackboneSetting backbone, StudyPrompt prompt) {
        return catalog.open(backbone.id())
                .prepare(
                        new PromptSpec(prompt.text(), backbone.negative(), prompt.subjects()),
                        backbone.sampling(),
                        backbone.width(),
                        backbone.height());
    }

    /** The judges of one prompt, in the order of the unit's metrics, and the album. */
    private record Judges(Map<String, Judge> byName, Album album) implements AutoCloseable {
        static Judges open(ModelCatalog catalog, Unit unit) {
            Judges judges = new Judges(new LinkedHashMap<>(), new Album(unit.shown()));
            try {
                for (String metric : unit.metrics()) {
                    judges.byName.put(
                            metric,
                            new Metric(metric).judge(catalog, unit.prompt().text()));
                }
                return judges;
            } catch (RuntimeException e) {
                judges.close();
                throw e;
            }
        }

        Panel all() {
            List<Panel.Member> members = new ArrayList<>();
            byName.forEach((name, judge) -> members.add(new Panel.Member(name, judge, 1)));
            members.add(new Panel.Member(Album.PAGE, album, 1));
            return new Panel(members);
        }

        Panel of(List<String> names) {
            return new Panel(byName.entrySet().stream()
                    .filter(entry -> names.contains(entry.getKey()))
                    .map(entry -> new Panel.Member(entry.getKey(), entry.getValue(), 1))
                    .toList());
        }

        /**
         * Says why pictures were not judged.
         *
         * @throws VerifierException when a metric judged none: the next units would fare no better, and their results stay
         */
        void tell(Unit unit, List<UnitResult.Row> rows) {
            int metric = 0;
            for (Judge judge : byName.values()) {
                int column = metric++;
                String warnings = String.join("; ", judge.warnings());
                if (warnings.isEmpty()) {
                    continue;
                }
                LOG.warn("\"{}\": {}", unit.prompt().text(), warnings);
                if (rows.stream()
                        .noneMatch(row -> !row.values().isEmpty()
                                && Double.isFinite(row.values().get(column)))) {
                    throw new VerifierException(
                            warnings
                                    + " (expected: at least one picture judged; what is done is kept, start again when it answers)");
                }
            }
        }

        @Override
        public void close() {
            byName.values().forEach(Judge::close);
        }
    }

    /** One unit on its way. */
    private static final class Pass {
        private final Unit unit;
        private final Strategy strategy;
        private final PromptSession session;
        private final Judges judges;
        private final RecentWork recent;
        private final List<UnitResult.Row> rows = new ArrayList<>();
        private final Map<String, String> pictures = new HashMap<>();
        private double seconds;
        private long memory;
        private @Nullable Integer batch;

        Pass(Unit unit, PromptSession session, Judges judges, RecentWork recent) {
            this.unit = unit;
            this.strategy = unit.strategy();
            this.session = session;
            this.judges = judges;
            this.recent = recent;
        }

        UnitResult result(String version) {
            return new UnitResult(unit.id(), version, seconds, memory, rows, pictures, null, batch);
        }

        void run() {
            switch (strategy.kind()) {
                case PICTURES -> {
                    if (unit.winnersOnly()) {
                        plain();
                    } else {
                        unit.seeds().forEach(seed -> draw(seed, source(seed)));
                    }
                }
                case RANK -> rank();
                case OPTIMIZE -> unit.seeds().forEach(seed -> optimize(seed, source(seed)));
                default -> unit.seeds().forEach(seed -> search(seed, source(seed)));
            }
        }

        private SeededCandidates source(long seed) {
            return SeededCandidates.of(seed, NoiseSource.TORCH_CPU, session.noiseShape());
        }

        /** Runs what is measured. */
        private void timed(Runnable work) {
            PeakMemory peak = PeakMemory.start();
            long begin = System.nanoTime();
            work.run();
            seconds += (System.nanoTime() - begin) / 1e9;
            memory = Math.max(memory, peak.bytes());
        }

        /** Batches grow no larger again. */
        private void batched(int size) {
            batch = batch == null ? size : Math.min(batch, size);
        }

        // ---- the pictures that all share ----

        private void draw(long seed, SeededCandidates source) {
            PathEvaluator drawing = session.pictures(judges.all(), PictureOptions.plain());
            List<SeededNoise> noises = noises(source, unit.candidates());
            List<Evaluation> drawn = new ArrayList<>();
            timed(() -> drawn.addAll(evaluated(drawing, noises)));
            batched(drawing.maxBatch());
            int nfe = drawing.cost().functionEvaluations();
            for (int k = 0; k < drawn.size(); k++) {
                rows.add(judged(seed, k, Double.NaN, 0, nfe, false, drawn.get(k).terms()));
            }
            if (unit.shown() && pictures.isEmpty()) {
                pictures.put("", png(drawn.get(0).terms()));
                for (String metric : unit.metrics()) {
                    pictures.put(metric, png(best(drawn, metric).terms()));
                }
            }
        }

        private static Evaluation best(List<Evaluation> drawn, String metric) {
            Evaluation best = drawn.get(0);
            for (Evaluation each : drawn) {
                if (value(each.terms(), metric) > value(best.terms(), metric)) {
                    best = each;
                }
            }
            return best;
        }

        private static List<SeededNoise> noises(SeededCandidates source, int count) {
            return IntStream.range(0, count)
                    .mapToObj(i ->
                            new SeededNoise(source.draw(i), source.recipe(i).seed()))
                    .toList();
        }

        private static List<Evaluation> evaluated(Evaluator evaluator, List<SeededNoise> noises) {
            List<Evaluation> evaluations = new ArrayList<>();
            while (evaluations.size() < noises.size()) {
                int from = evaluations.size();
                evaluations.addAll(evaluator.evaluateSeeded(
                        noises.subList(from, Math.min(noises.size(), from + evaluator.maxBatch()))));
            }
            return evaluations;
        }

        // ---- by losses ----

        private void rank() {
            Map<Long, RecentWork.Scores> bySeed = new LinkedHashMap<>();
            List<Plain> wanted = new ArrayList<>();
            for (long seed : unit.seeds()) {
                List<Noise> noises = noises(source(seed), unit.candidates()).stream()
                        .map(SeededNoise::noise)
                        .toList();
                RecentWork.Scores scores = recent.scores(session, unit, seed, noises);
                seconds += scores.seconds();
                memory = Math.max(memory, scores.memory());
                batched(scores.batch());
                bySeed.put(seed, scores);
                scores.records().forEach(k -> wanted.add(new Plain(seed, k)));
            }
            Map<Plain, RecentWork.Judged> judged = unit.winnersOnly() ? judged(wanted) : Map.of();
            judged.values().forEach(of -> batched(of.batch()));
            bySeed.forEach((seed, scores) -> {
                for (int k = 0; k < unit.candidates(); k++) {
                    RecentWork.Judged of = judged.get(new Plain(seed, k));
                    rows.add(new UnitResult.Row(
                            seed,
                            k,
                            scores.values()[k],
                            1,
                            0,
                            false,
                            of == null ? List.of() : of.values(),
                            of == null ? "" : of.look()));
                }
                if (unit.shown() && pictures.isEmpty()) {
                    List<Integer> records = scores.records();
                    Plain best = new Plain(seed, records.get(records.size() - 1));
                    RecentWork.Judged of = judged.get(best);
                    pictures.put(
                            "",
                            png(
                                    of == null || of.picture() == null
                                            ? session.draw(List.of(noise(best))).get(0)
                                            : of.picture()));
                }
            });
        }

        /** Candidate 0 alone. */
        private void plain() {
            int nfe = session.pictures(judges.all(), PictureOptions.plain())
                    .cost()
                    .functionEvaluations();
            List<Plain> wanted =
                    unit.seeds().stream().map(seed -> new Plain(seed, 0)).toList();
            judged(wanted).forEach((plain, of) -> {
                seconds += of.seconds();
                memory = Math.max(memory, of.memory());
                batched(of.batch());
                rows.add(new UnitResult.Row(plain.seed(), 0, Double.NaN, 0, nfe, false, of.values(), of.look()));
                if (of.picture() != null && pictures.isEmpty()) {
                    pictures.put("", png(of.picture()));
                }
            });
        }

        private SeededNoise noise(Plain plain) {
            SeededCandidates source = source(plain.seed());
            return new SeededNoise(
                    source.draw(plain.index()), source.recipe(plain.index()).seed());
        }

        /**
         * Pictures of plain candidates. What would be empty places of the last batch draws those that the next units will ask for.
         *
         * @return in the order in which they are wanted
         */
        private Map<Plain, RecentWork.Judged> judged(List<Plain> wanted) {
            Map<Plain, RecentWork.Judged> found = new HashMap<>();
            Set<Plain> missing = new LinkedHashSet<>();
            for (Plain plain : wanted) {
                RecentWork.Judged known = recent.judged(unit, plain);
                if (known == null) {
                    missing.add(plain);
                } else {
                    found.put(plain, known);
                }
            }
            if (!missing.isEmpty()) {
                PathEvaluator drawing = session.pictures(judges.all(), PictureOptions.plain());
                for (Plain plain : recent.awaited(unit)) {
                    if (missing.size() % drawing.maxBatch() != 0) {
                        missing.add(plain);
                    }
                }
                found.putAll(judgedNow(drawing, List.copyOf(missing)));
            }
            Map<Plain, RecentWork.Judged> judged = new LinkedHashMap<>();
            for (Plain plain : wanted) {
                RecentWork.Judged of = found.get(plain);
                if (of != null) {
                    judged.put(plain, of);
                }
            }
            return judged;
        }

        private Map<Plain, RecentWork.Judged> judgedNow(PathEvaluator drawing, List<Plain> missing) {
            PeakMemory peak = PeakMemory.start();
            long begin = System.nanoTime();
            List<Evaluation> drawn =
                    evaluated(drawing, missing.stream().map(this::noise).toList());
            double each = (System.nanoTime() - begin) / 1e9 / missing.size();
            long most = peak.bytes();
            Map<Plain, RecentWork.Judged> judged = new HashMap<>();
            for (int i = 0; i < missing.size(); i++) {
                Map<String, Double> terms = drawn.get(i).terms();
                RecentWork.Judged of = new RecentWork.Judged(
                        unit.metrics().stream()
                                .map(metric -> value(terms, metric))
                                .toList(),
                        judges.album().look(page(terms)),
                        unit.shown() ? judges.album().picture(page(terms)) : null,
                        each,
                        most,
                        drawing.maxBatch());
                recent.keep(unit, missing.get(i), of);
                judged.put(missing.get(i), of);
            }
            return judged;
        }

        private void optimize(long seed, SeededCandidates source) {
            AttentionLoss score = AttentionLosses.of(strategy.loss(), strategy.form());
            boolean joint = score instanceof InitNo || score instanceof SelfCross;
            Evaluator loss = session.attention(
                    score, joint ? AttentionLosses.optimization(strategy.loss(), strategy.form()) : score);
            int whole = unit.candidates() / Starts.WHOLE;
            // one where none is paid for, too: it says how long it takes
            int starts = Math.max(1, whole + (unit.candidates() % Starts.WHOLE > 0 ? 1 : 0));
            List<SingleStart> results = new ArrayList<>();
            timed(() -> {
                for (int k = 0; k < starts; k++) {
                    results.add(SingleStart.run(source, k, loss));
                    // a search ends here
                    if (unit.winnersOnly() && results.get(k).success()) {
                        return;
                    }
                }
            });
            List<Integer> rests = unit.rests() == null ? List.of() : unit.rests();
            Set<SingleStart.Iterate> drawn = new LinkedHashSet<>();
            double best = Double.NaN;
            for (int k = 0; k < results.size(); k++) {
                SingleStart result = results.get(k);
                for (int rest : rests) {
                    if (rest < result.evaluations()) {
                        SingleStart.Iterate cut = result.best(rest);
                        if (!unit.winnersOnly() || better(cut.score(), best, k)) {
                            drawn.add(cut);
                        }
                    }
                }
                boolean better = better(result.best().score(), best, k);
                best = better ? result.best().score() : best;
                if (better || !unit.winnersOnly()) {
                    drawn.add(result.best());
                }
            }
            Map<SingleStart.Iterate, Map<String, Double>> judged = judgedTerms(drawn);
            List<UnitResult.Row> ofSeed = new ArrayList<>();
            for (int k = 0; k < results.size(); k++) {
                ofSeed.add(start(seed, k, results.get(k), rests, judged));
            }
            rows.addAll(ofSeed);
            show(source, Starts.paid(ofSeed, unit.candidates()), results, judged);
        }

        private static boolean better(double score, double best, int index) {
            return index == 0 || score < best || Double.isNaN(best) && !Double.isNaN(score);
        }

        private UnitResult.Row start(
                long seed,
                int index,
                SingleStart result,
                List<Integer> rests,
                Map<SingleStart.Iterate, Map<String, Double>> judged) {
            List<UnitResult.Cut> cuts = rests.stream()
                    .filter(rest -> rest < result.evaluations())
                    .map(rest -> {
                        SingleStart.Iterate best = result.best(rest);
                        Map<String, Double> terms = judged.getOrDefault(best, Map.of());
                        return new UnitResult.Cut(rest, best.score(), values(terms), look(terms));
                    })
                    .toList();
            Map<String, Double> terms = judged.getOrDefault(result.best(), Map.of());
            return new UnitResult.Row(
                    seed,
                    index,
                    result.best().score(),
                    result.evaluations(),
                    0,
                    result.success(),
                    values(terms),
                    look(terms),
                    cuts.isEmpty() ? null : cuts);
        }

        /** What a search chooses with the whole budget. */
        private void show(
                SeededCandidates source,
                List<UnitResult.Row> paid,
                List<SingleStart> results,
                Map<SingleStart.Iterate, Map<String, Double>> judged) {
            if (!unit.shown() || !pictures.isEmpty()) {
                return;
            }
            if (paid.isEmpty()) {
                pictures.put("", png(session.draw(noises(source, 1)).get(0)));
                return;
            }
            UnitResult.Row chosen = paid.stream()
                    .reduce((best, next) -> better(next.score(), best.score(), 1) ? next : best)
                    .orElseThrow();
            show(judged.getOrDefault(results.get(chosen.index()).best(chosen.losses()), Map.of()));
        }

        /** Where nothing judges them none is drawn. */
        private Map<SingleStart.Iterate, Map<String, Double>> judgedTerms(Set<SingleStart.Iterate> iterates) {
            if (unit.metrics().isEmpty()) {
                return Map.of();
            }
            PathEvaluator drawing = session.pictures(judges.all(), PictureOptions.plain());
            List<Evaluation> drawn = evaluated(
                    drawing, iterates.stream().map(SingleStart.Iterate::noise).toList());
            batched(drawing.maxBatch());
            Map<SingleStart.Iterate, Map<String, Double>> judged = new HashMap<>();
            int next = 0;
            for (SingleStart.Iterate iterate : iterates) {
                judged.put(iterate, drawn.get(next++).terms());
            }
            return judged;
        }

        // ---- by searches that walk on ----

        private void search(long seed, SeededCandidates source) {
            PathEvaluator drawing = session.pictures(judges.all(), PictureOptions.plain());
            PathEvaluator own = session.pictures(judges.of(strategy.verifiers()), PictureOptions.plain());
            SideBySide alone = new SideBySide();
            FollowedVerifiers evaluator =
                    new FollowedVerifiers(alone, drawing, new Remembered(drawing), own, strategy.verifiers());
            Budget budget =
                    new Budget(0, unit.candidates() * drawing.cost().functionEvaluations(), Duration.ZERO, false);
            List<Outcome> outcome = new ArrayList<>();
            Ledger ledger = new Ledger();
            List<Supplier<Outcome>> one = List.of(() -> algorithm().search(source, evaluator, budget, ledger));
            timed(() -> outcome.addAll(alone.run(one)));
            batched(Math.min(drawing.maxBatch(), own.maxBatch()));
            for (int i = 0; i < ledger.scored.size(); i++) {
                Candidate candidate = ledger.scored.get(i);
                double score = strategy.verifiers().size() == 1
                        ? value(candidate.terms(), strategy.verifiers().get(0))
                        : Double.NaN;
                rows.add(judged(seed, candidate.index(), score, 0, ledger.spent.get(i), false, candidate.terms()));
            }
            show(outcome.get(0).ranked().get(0).terms());
        }

        private SearchAlgorithm algorithm() {
            return switch (strategy.kind()) {
                case ZERO_ORDER -> new ZeroOrderSearch();
                case PATHS -> new PathsSearch();
                case ZERO_ORDER_THEN_PATHS -> new ZeroOrderThenPathsSearch();
                case FIRST_ORDER -> new FirstOrderSearch();
                default -> throw new IllegalStateException("strategy: " + strategy.kind() + " (expected: a search)");
            };
        }

        // ---- rows ----

        private UnitResult.Row judged(
                long seed, int index, double score, int losses, int nfe, boolean success, Map<String, Double> terms) {
            return new UnitResult.Row(seed, index, score, losses, nfe, success, values(terms), look(terms));
        }

        /** None of what was not drawn. */
        private List<Double> values(Map<String, Double> terms) {
            return terms.isEmpty()
                    ? List.of()
                    : unit.metrics().stream()
                            .map(metric -> value(terms, metric))
                            .toList();
        }

        private String look(Map<String, Double> terms) {
            return terms.isEmpty() ? "" : judges.album().look(page(terms));
        }

        private void show(Map<String, Double> terms) {
            if (unit.shown() && pictures.isEmpty()) {
                pictures.put("", png(terms));
            }
        }

        private String png(Map<String, Double> terms) {
            return png(judges.album().picture(page(terms)));
        }

        private static String png(Picture picture) {
            return Base64.getEncoder().encodeToString(Png.encode(picture));
        }

        private static int page(Map<String, Double> terms) {
            return (int) value(terms, Album.PAGE);
        }

        private static double value(Map<String, Double> terms, String name) {
            return terms.getOrDefault(name, Double.NaN);
        }
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
    }
}
