package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.LlmGrader;
import dev.prenoise.verifier.LlmOptions;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.Verifier;
import dev.prenoise.verifier.VerifierOffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StudyWorkerTest {
    private static final String STUDY = """
            title: Small
            suites: [{suite: two_objects, prompts: 2}]
            backbones: [{id: shapes, steps: 1}]
            strategies: [conform]
            budgets: [1]
            seeds: 1
            metrics: [oracle]
            """;
    private static final String DEEP = "deep";
    private static final Duration AT_ONCE = Duration.ofMillis(1);

    @TempDir
    static Path folder;

    private static ModelCatalog catalog;
    private static StudyPlan plan;

    private final List<WorkerWord> words = new CopyOnWriteArrayList<>();
    private final List<String> told = new CopyOnWriteArrayList<>();
    private final LocalQueue queue = new LocalQueue(Duration.ofMinutes(1));

    @BeforeAll
    static void open() throws Exception {
        LlmOptions nobody =
                LlmOptions.of("http://127.0.0.1:9/v1", "seer", "", false).withRetries(0);
        catalog = Catalogs.create(CatalogOptions.of(folder.resolve("cache"))
                .withOffers(List.of(LlmGrader.offer(nobody, folder.resolve("cache")), deep())));
        plan = StudyFile.read(
                        Files.writeString(folder.resolve("study.yaml"), STUDY).toString())
                .on(catalog, "1");
    }

    private static VerifierOffer deep() {
        return new VerifierOffer(DEEP, "needs too deep a stack", null, true, false, (compute, type) -> new Verifier() {
            @Override
            public String name() {
                return DEEP;
            }

            @Override
            public Judge judge(Question question) {
                throw new StackOverflowError();
            }

            @Override
            public void close() {}
        });
    }

    @AfterAll
    static void close() {
        catalog.close();
    }

    private StudyWorker worker(String version) {
        queue.listen(words::add);
        return new StudyWorker(queue, catalog, version, "here", told::add);
    }

    /** Why units were left, in this order; a heartbeat has no reason and may come at any time. */
    private List<String> refusals() {
        return words.stream().map(WorkerWord::refusal).filter(Objects::nonNull).toList();
    }

    /** A unit that other models or verifiers stand behind. */
    private static Unit with(Unit unit, BackboneSetting backbone, List<String> basis) {
        return new Unit(
                backbone,
                unit.prompt(),
                unit.strategy(),
                unit.candidates(),
                unit.seeds(),
                unit.metrics(),
                unit.shown(),
                basis,
                unit.pictures(),
                unit.rests());
    }

    @Test
    void run_ofWhatFits_leavesResults_andEndsWhenThereIsNothing() throws Exception {
        queue.offer(plan.units());
        int done = worker("1").run(Duration.ofMillis(50));

        assertThat(done).isEqualTo(plan.units().size()).isEqualTo(4);
        for (Unit unit : plan.units()) {
            UnitQueue.Delivery<UnitResult> result = queue.result(AT_ONCE);
            assertThat(result.content().unit()).isEqualTo(unit.id());
            assertThat(result.content().failure()).isNull();
            assertThat(result.content().rows()).hasSize(1);
            result.acknowledge();
        }
        assertThat(queue.units()).isZero();
        assertThat(words).contains(new WorkerWord("here", plan.units().get(0).id(), null));
    }

    @Test
    void run_ofAnotherVersion_leavesUnitsToOthers_andSaysSo() throws Exception {
        queue.offer(plan.units());
        int done = worker("2").run(Duration.ofMillis(50));

        assertThat(done).isZero();
        assertThat(queue.units()).isEqualTo(4);
        assertThat(refusals()).first().isEqualTo("version and device are 2 cpu (expected: 1 cpu)");
        assertThat(told)
                .first()
                .asString()
                .endsWith("is left to others: version and device are 2 cpu (expected: 1 cpu)");
        // others come first
        String first = words.stream()
                .filter(word -> word.refusal() != null)
                .findFirst()
                .orElseThrow()
                .unit();
        assertThat(queue.take(AT_ONCE).content().id()).isNotEqualTo(first);
    }

    @Test
    void run_withoutTheModelOrItsWeights_leavesUnitsToOthers() throws Exception {
        Unit unit = plan.units().get(0);
        BackboneSetting missing = new BackboneSetting("", "v1-5", "", "", "", 0, 0, 0, 0);
        List<String> basis = new ArrayList<>(unit.basis());
        basis.set(1, "shapes 4711 FLOAT32");
        queue.offer(List.of(with(unit, missing, unit.basis())));
        worker("1").run(Duration.ofMillis(1));
        queue.offer(List.of(with(unit, unit.backbone(), basis)));
        worker("1").run(Duration.ofMillis(1));

        assertThat(refusals()).first().asString().contains("v1-5").contains("expected: one of");
        assertThat(refusals())
                .last()
                .asString()
                .startsWith("backbone and precision are shapes ")
                .endsWith(" FLOAT32 (expected: shapes 4711 FLOAT32)");
    }

    @Test
    void run_ofAUnitThatSaysTooLittle_leavesItToOthers() throws Exception {
        Unit unit = plan.units().get(0);
        queue.offer(List.of(with(unit, unit.backbone(), List.of())));
        assertThat(worker("1").run(AT_ONCE)).isZero();
        queue.offer(List.of(with(unit, unit.backbone(), unit.basis().subList(0, 1))));
        assertThat(worker("1").run(AT_ONCE)).isZero();

        assertThat(refusals())
                .containsSequence(
                        "version and device are 1 cpu (expected: not said)", "its basis has 1 entries (expected: 3)");
        assertThat(queue.units()).isEqualTo(2);
    }

    @Test
    void run_whereAVerifierIsNotReached_leavesTheUnitToOthersAndReportsItInTheEnd() throws Exception {
        UnitResult result = failing("llm");

        assertThat(result.failure()).startsWith("llm: ").contains("start again when it answers");
        assertThat(refusals()).hasSize(StudyWorker.TRIES - 1);
        assertThat(refusals().get(0)).startsWith("failed here, 1 of at most 3 times: llm: ");
        assertThat(refusals().get(1)).startsWith("failed here, 2 of at most 3 times: llm: ");
        assertThat(told).hasSize(2).allSatisfy(line -> assertThat(line).contains(" is left to others: failed here"));
    }

    /** Not caught, it would end one worker after the other. */
    @Test
    void run_whereAVerifierNeedsTooDeepAStack_leavesTheUnitToOthersAndReportsItInTheEnd() throws Exception {
        UnitResult result = failing(DEEP);

        assertThat(result.failure()).contains("StackOverflowError");
        assertThat(refusals()).hasSize(StudyWorker.TRIES - 1);
    }

    /** What a worker reports of a unit that this judges, after all its tries. */
    private UnitResult failing(String verifier) throws Exception {
        Unit unit = plan.units().get(0);
        Unit graded = new Unit(
                unit.backbone(),
                unit.prompt(),
                unit.strategy(),
                unit.candidates(),
                unit.seeds(),
                List.of(verifier),
                false,
                List.of(unit.basis().get(0), unit.basis().get(1), Basis.verifier(catalog, verifier)),
                unit.pictures(),
                unit.rests());
        queue.offer(List.of(graded));
        queue.listen(words::add);
        StudyWorker worker = new StudyWorker(queue, catalog, "1", "here", told::add, AT_ONCE);
        CompletableFuture<Void> working = working(worker);
        UnitQueue.Delivery<UnitResult> result = Objects.requireNonNull(queue.result(Duration.ofMinutes(2)), "a result");
        worker.stop();
        working.get(30, TimeUnit.SECONDS);
        return result.content();
    }

    /** A queue in which workers have died in the plan's first unit. */
    private LocalQueue afterDeaths(int deaths) throws Exception {
        LocalQueue deadly = new LocalQueue(Duration.ofMillis(50));
        deadly.offer(plan.units().subList(0, 1));
        for (int i = 1; i <= deaths; i++) {
            Objects.requireNonNull(deadly.take(Duration.ofSeconds(10)), "a unit")
                    .begin("ann-" + i);
        }
        return deadly;
    }

    @Test
    void run_ofAUnitInWhichTwoWorkersDied_computesIt_andSaysSo() throws Exception {
        LocalQueue deadly = afterDeaths(2);
        StudyWorker worker = new StudyWorker(deadly, catalog, "1", "here", told::add);

        assertThat(worker.run(Duration.ofSeconds(2))).isEqualTo(1);
        assertThat(Objects.requireNonNull(deadly.result(AT_ONCE), "a result")
                        .content()
                        .failure())
                .isNull();
        assertThat(told)
                .singleElement()
                .asString()
                .endsWith(": 2 of at most 3 workers ended without a word while they computed it: ann-1; ann-2");
    }

    @Test
    void run_ofAUnitInWhichThreeWorkersDied_endsTheStudyWithItsNameAndTheirs() throws Exception {
        LocalQueue deadly = afterDeaths(3);
        StudyWorker worker = new StudyWorker(deadly, catalog, "1", "here", told::add);

        assertThat(worker.run(Duration.ofSeconds(2))).isEqualTo(1);
        assertThat(deadly.units()).isZero();
        assertThat(Objects.requireNonNull(deadly.result(AT_ONCE), "a result")
                        .content()
                        .failure())
                .startsWith(
                        "3 of at most 3 workers ended without a word while they computed it: ann-1; ann-2; ann-3 (expected: ");
    }

    private static CompletableFuture<Void> working(StudyWorker worker) {
        return CompletableFuture.runAsync(() -> {
            try {
                worker.run(null);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    @Test
    void run_ofAUnitThatCannotBeComputed_endsTheStudyWithItsName() throws Exception {
        Unit unit = plan.units().get(0);
        BackboneSetting wrong = new BackboneSetting("", "shapes", "", "nonsense", "", 0, 0, 0, 0);
        queue.offer(List.of(with(unit, wrong, unit.basis())));
        worker("1").run(Duration.ofMillis(1));
        UnitQueue.Delivery<UnitResult> failed = queue.result(AT_ONCE);

        assertThat(failed.content().failure()).contains("nonsense");
        failed.close();
        // one that its plan has: what failed before is tried again, what fails now ends it
        StudyPlan other = new StudyPlan(
                plan.title(),
                plan.suites(),
                List.of(new BackboneSetting("x", "shapes", "", "nonsense", "", 0, 0, 0, 0)),
                plan.strategies(),
                plan.budgets(),
                plan.seeds(),
                plan.metrics(),
                plan.seedsPerUnit(),
                plan.shown(),
                plan.pictures(),
                plan.plateau(),
                plan.basis());
        StudyWorker worker = worker("1");
        CompletableFuture<Void> working = working(worker);
        assertThatThrownBy(() -> new StudyRun(other, folder.resolve("failing")).run(queue, null, (known, of) -> {}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(unit.prompt().text())
                .hasMessageContaining("nonsense");
        worker.stop();
        working.get(30, TimeUnit.SECONDS);
    }

    @Test
    void stop_beforeItBegan_takesNothing() throws Exception {
        queue.offer(plan.units());
        StudyWorker worker = worker("1");
        worker.stop();

        assertThat(worker.run(null)).isZero();
        assertThat(queue.take(AT_ONCE)).isNotNull();
    }
}
