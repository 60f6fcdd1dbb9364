package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A report says how its numbers were computed. */
class BackboneSetupTest {
    private static final String STUDY = """
            title: Small
            suites: [{suite: two_objects, prompts: 1}]
            backbones: [{id: shapes, steps: 2, name: two steps}, {id: shapes-v, sampler: dpmpp_2m, steps: 3, guidance: 4.5}]
            strategies: [conform, {search: zero-order, verifier: oracle}]
            budgets: [1, 2]
            seeds: 2
            pictures: none
            """;

    @TempDir
    static Path folder;

    private static ModelCatalog catalog;
    private static StudyPlan plan;

    @BeforeAll
    static void open() throws Exception {
        catalog = Catalogs.create(CatalogOptions.of(folder.resolve("cache")));
        plan = StudyFile.read(
                        Files.writeString(folder.resolve("study.yaml"), STUDY).toString())
                .on(catalog, "1");
        try (LocalQueue queue = new LocalQueue(Duration.ofMinutes(1))) {
            new StudyRun(plan, folder).run(queue, new UnitWork(catalog, "1"), (known, of) -> {});
        }
    }

    @AfterAll
    static void close() {
        catalog.close();
    }

    private static List<UnitResult> results() throws Exception {
        try (ResultStore store = ResultStore.open(folder.resolve("rows.jsonl"))) {
            return plan.units().stream().map(store::require).toList();
        }
    }

    @Test
    void report_ofEachBackbone_saysHowItDraws() throws Exception {
        StudyRun run = new StudyRun(plan, folder);

        run.report(BackboneSetup.of(plan, catalog));

        String device = plan.basis().device();
        assertThat(device).isNotEmpty();
        assertThat(Files.readString(folder.resolve("summary.md")))
                .contains("### two steps: how it was computed", "| model | shapes |", "| steps | 2 |")
                .contains("### shapes-v: how it was computed", "| sampler, schedule | dpmpp_2m, ")
                .contains(
                        "| steps | 3 |",
                        "| guidance | 4.5 |",
                        "| size | 64 x 64 |",
                        "| device, precision | " + device + ", float32 |")
                .contains("| computed by | Prenoise 1 |", "| prompts | 1 |", "| seeds | 1, 2 |")
                .doesNotContain("batches of different sizes");
        assertThat(Files.readString(folder.resolve("report.html"))).contains("shapes-v: how it was computed");
        assertThat(Files.readString(folder.resolve("summary.tex"))).contains("two steps: how it was computed");
    }

    @Test
    void run_unit_saysItsBatch() throws Exception {
        assertThat(results())
                .isNotEmpty()
                .allSatisfy(result -> assertThat(result.batch()).isNotNull().isGreaterThan(1));
    }

    @Test
    void report_ofUnitsWithDifferentBatches_saysSo() throws Exception {
        Path mixed = Files.createDirectories(folder.resolve("mixed"));
        List<UnitResult> results = new ArrayList<>(results());
        try (ResultStore store = ResultStore.open(mixed.resolve("rows.jsonl"))) {
            int next = 0;
            for (UnitResult each : results) {
                store.put(new UnitResult(
                        each.unit(),
                        "1",
                        each.seconds(),
                        each.memory(),
                        each.rows(),
                        each.pictures(),
                        null,
                        4 + 4 * (next++ / 3 % 2)));
            }
        }

        new StudyRun(plan, mixed).report(List.of());

        assertThat(Files.readString(mixed.resolve("summary.md")))
                .contains(
                        "batches of different sizes, as memory was free (conform: 4 and 8; zero-order by oracle: 4 and 8)")
                .doesNotContain("how it was computed");
    }

    @Test
    void report_ofAnotherDevice_saysThatItsMemoryIsNotToldOf() throws Exception {
        Path there = Files.createDirectories(folder.resolve("there"));
        StudyPlan onCard =
                StudyFile.read(folder.resolve("study.yaml").toString()).on(catalog, "1", "cuda:0");
        List<Unit> units = onCard.units();
        List<UnitResult> results = results();
        try (ResultStore store = ResultStore.open(there.resolve("rows.jsonl"))) {
            for (int i = 0; i < units.size(); i++) {
                UnitResult of = results.get(i);
                store.put(new UnitResult(
                        units.get(i).id(), "1", of.seconds(), of.memory(), of.rows(), of.pictures(), null));
            }
        }

        new StudyRun(onCard, there).report(BackboneSetup.of(onCard, catalog));

        assertThat(Files.readString(there.resolve("summary.md")))
                .contains("| peak MB of the host |", "what is on the device, cuda:0, is not in it.")
                .contains("| device, precision | cuda:0, float16 |");
        new StudyRun(plan, folder).report(List.of());
        assertThat(Files.readString(folder.resolve("summary.md")))
                .contains("| peak MB |")
                .doesNotContain("of the host");
    }
}
