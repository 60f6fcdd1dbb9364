package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
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
    private static final Duration AT_ONCE = Duration.ofMillis(1);

    @TempDir
    static Path folder;

    private static ModelCatalog catalog;
    private static StudyPlan plan;

    private final List<WorkerWord> words = new ArrayList<>();
    private final List<String> told = new ArrayList<>();
    private final LocalQueue queue = new LocalQueue(Duration.ofMinutes(1));

    @BeforeAll
    static void open() throws Exception {
        catalog = Catalogs.create(CatalogOptions.of(folder.resolve("cache")));
        plan = StudyFile.read(
                        Files.writeString(folder.resolve("study.yaml"), STUDY).toString())
                .on(catalog, "1");
    }

    @AfterAll
    static void close() {
        catalog.close();
    }

    private StudyWorker worker(String version) {
        queue.listen(words::add);
        return new StudyWorker(queue, catalog, version, "here", told::add);
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
                unit.pictures());
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
        assertThat(words.get(0).refusal()).isEqualTo("version and device are 2 cpu (expected: 1 cpu)");
        assertThat(told)
                .first()
                .asString()
                .endsWith("is left to others: " + words.get(0).refusal());
        // others come first
        assertThat(queue.take(AT_ONCE).content().id()).isNotEqualTo(words.get(0).unit());
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

        assertThat(words.get(0).refusal()).contains("v1-5").contains("expected: one of");
        assertThat(words.get(words.size() - 1).refusal())
                .startsWith("backbone and precision are shapes ")
                .endsWith(" FLOAT32 (expected: shapes 4711 FLOAT32)");
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
        CompletableFuture<Void> working = CompletableFuture.runAsync(() -> {
            try {
                worker.run(null);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
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
