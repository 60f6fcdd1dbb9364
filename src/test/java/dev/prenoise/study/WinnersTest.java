package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.LossForm;
import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.search.Budget;
import dev.prenoise.search.Candidate;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.InitNoSearch;
import dev.prenoise.search.Outcome;
import dev.prenoise.search.SearchObserver;
import dev.prenoise.search.SeededCandidates;
import dev.prenoise.search.Spend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Studies that draw only what was the best when it came, beside the same ones that draw everything. */
class WinnersTest {
    private static final String STUDY = """
            title: Small
            suites: [{suite: two_objects, prompts: 2}]
            backbones: [{id: shapes, steps: 2}]
            strategies:
              - conform
              - initno
              - self-cross
              - attend-and-excite
              - {loss: initno, optimize: true}
              - {search: zero-order, verifier: oracle}
            budgets: [1, 2, 4, 11]
            seeds: 2
            seeds_per_unit: 1
            sheet_prompts: 1
            metrics: [oracle, shapes-clip]
            """;

    @TempDir
    static Path folder;

    private static ModelCatalog catalog;
    private static StudyPlan all;
    private static StudyPlan winners;

    @BeforeAll
    static void run() throws Exception {
        catalog = Catalogs.create(CatalogOptions.of(folder.resolve("cache")));
        all = plan(STUDY).on(catalog, "1");
        winners = plan(STUDY + "pictures: winners\n").on(catalog, "1");
        UnitWork worker = new UnitWork(catalog, "1");
        for (StudyPlan plan : List.of(all, winners)) {
            try (LocalQueue queue = new LocalQueue(Duration.ofMinutes(1))) {
                new StudyRun(plan, folderOf(plan)).run(queue, worker, (known, of) -> {});
            }
        }
    }

    @AfterAll
    static void close() {
        catalog.close();
    }

    private static Path folderOf(StudyPlan plan) {
        return folder.resolve(plan.winnersOnly() ? "winners" : "all");
    }

    private static StudyPlan plan(String text) throws IOException {
        return StudyFile.read(
                Files.writeString(folder.resolve("study.yaml"), text).toString());
    }

    private static Map<String, UnitResult> results(StudyPlan plan) throws IOException {
        Map<String, UnitResult> results = new LinkedHashMap<>();
        for (String line : Files.readAllLines(folderOf(plan).resolve("rows.jsonl"))) {
            UnitResult result = UnitResult.ofJson(line);
            results.put(result.unit(), result);
        }
        return results;
    }

    private static UnitResult result(StudyPlan plan, Strategy strategy, int prompt, long seed) throws IOException {
        StudyPrompt text = plan.suites().get(0).prompts().get(prompt);
        String id = plan.unit(plan.backbones().get(0), text, prompt, strategy, List.of(seed))
                .id();
        UnitResult result = results(plan).get(id);
        assertThat(result).as("%s on %s", strategy.name(), text.text()).isNotNull();
        return result;
    }

    @Test
    void rows_ofALoss_holdWhatTheBestOfTheFirstCameTo() throws Exception {
        for (Strategy strategy : winners.strategies().subList(0, 4)) {
            for (int prompt = 0; prompt < 2; prompt++) {
                for (long seed = 1; seed <= 2; seed++) {
                    List<UnitResult.Row> drawn =
                            result(all, Strategy.PICTURES, prompt, seed).rows();
                    List<UnitResult.Row> scored =
                            result(all, strategy, prompt, seed).rows();
                    List<UnitResult.Row> rows =
                            result(winners, strategy, prompt, seed).rows();
                    boolean self =
                            strategy.loss().equals("initno") || strategy.loss().equals("self-cross");
                    assertThat(rows).hasSize(11);
                    double best = Double.POSITIVE_INFINITY;
                    for (int k = 0; k < 11; k++) {
                        UnitResult.Row row = rows.get(k);
                        UnitResult.Row picture = drawn.get(k);
                        // where self-attention's maps are built besides, the last bits may differ
                        assertThat(row.score()).isCloseTo(scored.get(k).score(), within(self ? 0 : 1e-5));
                        boolean record = row.score() < best;
                        best = Math.min(best, row.score());
                        // pictures to the bit
                        assertThat(row)
                                .isEqualTo(new UnitResult.Row(
                                        seed,
                                        k,
                                        row.score(),
                                        1,
                                        0,
                                        false,
                                        record ? picture.values() : List.of(),
                                        record ? picture.look() : ""));
                    }
                }
            }
        }
    }

    @Test
    void starts_withEveryBudget_areThoseOfASearch() throws Exception {
        Strategy strategy = winners.strategies().get(4);
        for (int prompt = 0; prompt < 2; prompt++) {
            StudyPrompt text = winners.suites().get(0).prompts().get(prompt);
            try (PromptSession session =
                    UnitWork.prepare(catalog, winners.backbones().get(0), text)) {
                Evaluator loss = session.attention(
                        AttentionLosses.of("initno", LossForm.RANKING),
                        AttentionLosses.optimization("initno", LossForm.RANKING));
                SeededCandidates source = SeededCandidates.of(1, NoiseSource.TORCH_CPU, session.noiseShape());
                for (StudyPlan plan : List.of(all, winners)) {
                    List<UnitResult.Row> rows =
                            result(plan, strategy, prompt, 1).rows();
                    for (int n : List.of(2, 4, 11)) {
                        Outcome outcome =
                                new InitNoSearch().search(source, loss, Budget.ofLossEvaluations(n), new Silent());
                        List<UnitResult.Row> paid = Starts.paid(rows, n);
                        UnitResult.Row best = paid.stream()
                                .reduce((before, next) -> next.score() < before.score() ? next : before)
                                .orElseThrow();

                        assertThat(best.score())
                                .isEqualTo(outcome.ranked().get(0).score());
                        assertThat(paid.stream()
                                        .mapToInt(UnitResult.Row::losses)
                                        .sum())
                                .isEqualTo(outcome.spent().lossEvaluations());
                        assertThat(best.values()).hasSize(2).allSatisfy(value -> assertThat(value)
                                .isFinite());
                    }
                }
            }
        }
    }

    private record Silent() implements SearchObserver {
        @Override
        public void scored(Candidate candidate, boolean bestSoFar, Spend spent) {}

        @Override
        public boolean stopRequested() {
            return false;
        }
    }

    @Test
    void units_ofOneKind_areThatOfThePlainSeedAndEveryStrategy() {
        List<Unit> units = winners.units();

        assertThat(units).hasSize(2 * 2 * 7);
        assertThat(units.get(6).strategy().kind()).isEqualTo(Strategy.Kind.PICTURES);
        assertThat(units.get(6).candidates()).isEqualTo(1);
        assertThat(units.get(0).metrics()).containsExactly("oracle", "shapes-clip");
        List<String> others = all.units().stream().map(Unit::id).toList();
        // searches that walk on are the same work in both
        assertThat(units.stream().filter(unit -> others.contains(unit.id())))
                .hasSize(4)
                .allSatisfy(unit -> assertThat(unit.strategy().kind()).isEqualTo(Strategy.Kind.ZERO_ORDER));
    }

    @Test
    void unit_thatJudgesAllPictures_saysWhatItEverSaid() {
        Unit unit = new Unit(
                new BackboneSetting("", "shapes", "", "", "", 0, 0, 0, 0),
                new StudyPrompt("a red circle", List.of()),
                Strategy.PICTURES.withoutName(),
                2,
                List.of(-1L),
                List.of("oracle"),
                true,
                List.of("1 cpu"),
                null,
                null);

        assertThat(unit.toJson())
                .isEqualTo(
                        "{\"backbone\":{\"name\":\"\",\"id\":\"shapes\",\"negative\":\"\",\"sampler\":\"\",\"schedule\":\"\","
                                + "\"steps\":0,\"guidance\":0.0,\"width\":0,\"height\":0},\"prompt\":{\"text\":\"a red circle\",\"subjects\":[]},"
                                + "\"strategy\":{\"name\":\"\",\"kind\":\"PICTURES\",\"loss\":\"\",\"form\":\"RANKING\",\"verifiers\":[]},"
                                + "\"candidates\":2,\"seeds\":[-1],\"metrics\":[\"oracle\"],\"shown\":true,\"basis\":[\"1 cpu\"]}");
    }

    @Test
    void pictures_forTheSheet_areThePlainSeedsAndTheLastRecords() throws Exception {
        for (Strategy strategy : winners.strategies().subList(0, 5)) {
            String shown = result(winners, strategy, 0, 1).pictures().getOrDefault("", "");
            assertThat(shown)
                    .isNotEmpty()
                    .isEqualTo(result(all, strategy, 0, 1).pictures().get(""));
            assertThat(result(winners, strategy, 1, 1).pictures()).isEmpty();
            assertThat(result(winners, strategy, 0, 2).pictures()).isEmpty();
        }
        assertThat(result(winners, Strategy.PICTURES, 0, 1).pictures().get(""))
                .isEqualTo(result(all, Strategy.PICTURES, 0, 1).pictures().get(""));
    }

    @Test
    void results_ofEveryUnit_sayWhatItTakesAlone() throws Exception {
        for (StudyPlan plan : List.of(all, winners)) {
            for (UnitResult result : results(plan).values()) {
                assertThat(result.seconds()).isPositive();
            }
        }
        double first = result(winners, winners.strategies().get(1), 1, 2).seconds();
        double second = result(winners, winners.strategies().get(2), 1, 2).seconds();
        // the second was scored on the first one's pass, whose time counts for both
        assertThat(second).isBetween(first / 2, first * 2);
    }

    @Test
    void report_ofBoth_saysTheSameAtTheLargestBudget() throws Exception {
        for (StudyPlan plan : List.of(all, winners)) {
            new StudyRun(plan, folderOf(plan)).report(List.of());
        }
        assertThat(folderOf(winners)).isDirectoryContaining("glob:**report.html");
        List<String> expected = lastColumns(all);
        assertThat(expected).hasSize(2 * 5);
        assertThat(lastColumns(winners)).isEqualTo(expected);
    }

    /** Of the tables of values: strategy, value at the largest N. */
    private static List<String> lastColumns(StudyPlan plan) throws IOException {
        List<String> values = new ArrayList<>();
        boolean inside = false;
        for (String line : Files.readAllLines(folderOf(plan).resolve("summary.md"))) {
            String[] cells = line.split("\\|");
            inside = line.startsWith("|") && (inside || line.contains("gain over N = 1"));
            // of starts that the budget cuts short "all" averages every order, "winners" takes the search's own
            if (inside && !line.contains("N = ") && !line.contains("---") && !cells[1].contains("optimized")) {
                values.add(cells[1].strip() + " " + cells[5].strip());
            }
        }
        return values;
    }

    @Test
    void read_withRandomSearchByAVerifier_saysWhyNot() {
        String text = STUDY + "pictures: winners\n";

        assertThatThrownBy(() -> plan(text.replace("search: zero-order, verifier", "verifier")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("pictures: winners beside the strategy random by oracle, which has to see every")
                .hasMessageContaining("expected: all");
        assertThatThrownBy(() -> plan(STUDY + "pictures: some\n")).hasMessageContaining("pictures");
    }
}
