package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.image.Picture;
import dev.prenoise.study.UnitQueue.Delivery;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.LlmGrader;
import dev.prenoise.verifier.LlmOptions;
import dev.prenoise.verifier.Shot;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StudyRunTest {
    private static final String STUDY = """
            title: Small
            suites: [{suite: two_objects, prompts: 2}]
            backbones: [{id: shapes, steps: 3}]
            strategies:
              - conform
              - {loss: initno, optimize: true}
              - {verifier: shapes-clip}
              - {search: zero-order, verifier: oracle}
            budgets: [1, 2, 4]
            seeds: 2
            """;

    @TempDir
    static Path folder;

    private static ModelCatalog catalog;

    @BeforeAll
    static void open() {
        // nobody listens at this port
        LlmOptions nobody =
                LlmOptions.of("http://127.0.0.1:9/v1", "seer", "", false).withRetries(0);
        catalog = Catalogs.create(CatalogOptions.of(folder.resolve("cache"))
                .withOffers(List.of(LlmGrader.offer(nobody, folder.resolve("cache")))));
    }

    @AfterAll
    static void close() {
        catalog.close();
    }

    private static StudyPlan plan() throws Exception {
        return StudyFile.read(
                        Files.writeString(folder.resolve("study.yaml"), STUDY).toString())
                .on(catalog, "1");
    }

    /** Stops after so many results. */
    private static final class Stopping implements UnitQueue {
        private final LocalQueue queue = new LocalQueue(Duration.ofMinutes(1));
        private int left;

        Stopping(int left) {
            this.left = left;
        }

        @Override
        public void offer(Collection<Unit> units) {
            queue.offer(units);
        }

        @Override
        public long units() {
            return queue.units();
        }

        @Override
        public void retain(Set<String> wanted) {
            queue.retain(wanted);
        }

        @Override
        public void withdraw() {
            queue.withdraw();
        }

        @Override
        public void say(WorkerWord word) {
            queue.say(word);
        }

        @Override
        public void listen(Consumer<WorkerWord> listener) {
            queue.listen(listener);
        }

        @Override
        public @Nullable Delivery<Unit> take(Duration patience) throws InterruptedException {
            if (left-- == 0) {
                throw new InterruptedException("stopped");
            }
            return queue.take(patience);
        }

        @Override
        public void report(UnitResult result) {
            queue.report(result);
        }

        @Override
        public @Nullable Delivery<UnitResult> result(Duration patience) throws InterruptedException {
            return queue.result(patience);
        }

        @Override
        public void close() {}
    }

    /** Without what depends on the hour. */
    private static List<UnitResult> timeless(Path rows) throws IOException {
        List<UnitResult> results = new ArrayList<>();
        for (String line : Files.readAllLines(rows)) {
            UnitResult result = UnitResult.ofJson(line);
            assertThat(result.seconds()).isPositive();
            results.add(new UnitResult(
                    result.unit(), result.version(), 0, 0, result.rows(), result.pictures(), result.failure()));
        }
        return results;
    }

    @Test
    void run_afterAStopInTheMiddle_endsAsIfUndisturbed() throws Exception {
        StudyPlan plan = plan();
        UnitWork worker = new UnitWork(catalog, "1");
        Path whole = folder.resolve("whole");
        List<String> told = new ArrayList<>();
        try (LocalQueue queue = new LocalQueue(Duration.ofMinutes(1))) {
            new StudyRun(plan, whole).run(queue, worker, (known, of) -> told.add(known + "/" + of));
        }
        // for each of 2 prompts and 2 seeds: the shared pictures, a loss, optimised starts, a search
        assertThat(told).startsWith("0/16", "1/16").endsWith("15/16", "16/16");

        Path parts = folder.resolve("parts");
        assertThatThrownBy(() -> new StudyRun(plan, parts).run(new Stopping(5), worker, (known, of) -> {}))
                .isInstanceOf(InterruptedException.class);
        // a stop in the middle of a line
        Files.writeString(parts.resolve("rows.jsonl"), "{\"unit\":\"4711", StandardOpenOption.APPEND);
        told.clear();
        try (LocalQueue queue = new LocalQueue(Duration.ofMinutes(1))) {
            new StudyRun(plan, parts).run(queue, worker, (known, of) -> told.add(known + "/" + of));
        }
        assertThat(told).startsWith("5/16");
        assertThat(timeless(parts.resolve("rows.jsonl"))).isEqualTo(timeless(whole.resolve("rows.jsonl")));

        told.clear();
        try (LocalQueue queue = new LocalQueue(Duration.ofMinutes(1))) {
            queue.offer(plan.on(catalog, "2").units());
            new StudyRun(plan, parts).run(queue, null, (known, of) -> told.add(known + "/" + of));
            assertThat(queue.units()).as("of a plan before this one").isZero();
        }
        assertThat(told).containsExactly("16/16");
        told.clear();
        assertThatThrownBy(() -> new StudyRun(plan.on(catalog, "2"), whole)
                        .run(new Stopping(0), worker, (known, of) -> told.add(known + "/" + of)))
                .isInstanceOf(InterruptedException.class);
        assertThat(told).as("of another version").containsExactly("0/16");
        rows_areWhatTheirStrategiesSay(plan, whole);
        new StudyRun(plan, whole).report(List.of());
        List<String> table = Files.readAllLines(whole.resolve("candidates.csv"));
        assertThat(table.get(0)).endsWith("nfe,success,complete,oracle,shapes-clip,shapes-clip:parts,shapes-aesthetic");
        assertThat(table.get(1))
                .matches("shapes,two_objects,a \\w+ \\w+ and a \\w+ \\w+,pictures,1,0,1,,0,3,,[01].0,.*");
        assertThat(table)
                .anySatisfy(line -> assertThat(line).contains(",conform,2,3,").endsWith(",1,0,,,,,,"));
    }

    private static void rows_areWhatTheirStrategiesSay(StudyPlan plan, Path whole) throws IOException {
        for (UnitResult result : timeless(whole.resolve("rows.jsonl"))) {
            Unit unit = plan.units().stream()
                    .filter(each -> each.id().equals(result.unit()))
                    .findFirst()
                    .orElseThrow();
            List<UnitResult.Row> rows = result.rows();
            assertThat(result.pictures())
                    .hasSize(unit.seeds().get(0) != 1 ? 0 : unit.strategy().kind() == Strategy.Kind.PICTURES ? 6 : 1);
            switch (unit.strategy().kind()) {
                case PICTURES -> {
                    assertThat(rows).hasSize(4).allSatisfy(row -> {
                        assertThat(row.values()).hasSize(5);
                        assertThat(row.nfe()).isEqualTo(3);
                        // complete means that the oracle has nothing to mend but what is too much
                        assertThat(row.values().get(1))
                                .isGreaterThanOrEqualTo(0.9 * row.values().get(0));
                    });
                }
                case RANK ->
                    assertThat(rows).hasSize(4).allSatisfy(row -> {
                        assertThat(row.losses()).isEqualTo(1);
                        assertThat(row.score()).isFinite();
                    });
                case OPTIMIZE ->
                    assertThat(rows).hasSize(1).allSatisfy(row -> {
                        assertThat(row.losses()).isBetween(1, 10);
                        assertThat(row.success() || row.losses() == 10).isTrue();
                    });
                default -> {
                    assertThat(rows.get(rows.size() - 1).nfe()).isLessThanOrEqualTo(12);
                    assertThat(rows.get(0).nfe()).isEqualTo(3);
                    // it follows the oracle, which is the second metric
                    assertThat(rows).allSatisfy(row -> assertThat(row.score())
                            .isCloseTo(row.values().get(1), within(0.0)));
                }
            }
        }
    }

    @Test
    void run_withoutPictures_drawsNone() throws Exception {
        String text = STUDY.replaceAll("  - \\{(verifier|search).*\n", "").replace("prompts: 2", "prompts: 1")
                + "pictures: none\n";
        StudyPlan plan = StudyFile.read(
                        Files.writeString(folder.resolve("none.yaml"), text).toString())
                .on(catalog, "1");
        Path none = folder.resolve("none");
        try (LocalQueue queue = new LocalQueue(Duration.ofMinutes(1))) {
            new StudyRun(plan, none).run(queue, new UnitWork(catalog, "1"), (known, of) -> {});
        }

        assertThat(timeless(none.resolve("rows.jsonl"))).hasSize(2 * 2).allSatisfy(result -> {
            assertThat(result.pictures()).isEmpty();
            assertThat(result.rows()).allSatisfy(row -> {
                assertThat(row.score()).isFinite();
                assertThat(row.losses()).isPositive();
                assertThat(row.values()).isEmpty();
            });
        });
    }

    private static StudyPlan plan(String prompts, String strategy, String metrics) throws IOException {
        Files.writeString(folder.resolve("some.txt"), prompts);
        String text = "title: Some\nsuites: [{file: some.txt}]\nstrategies: [" + strategy
                + "]\nbudgets: [2]\nseeds: 1\nmetrics: [" + metrics + "]\n";
        return StudyFile.read(
                Files.writeString(folder.resolve("some.yaml"), text).toString());
    }

    private static final String SOUND = "a red circle and a blue square\na green triangle\n";

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "a red circle, hello there; conform; oracle; suites: \"hello there\" by shapes: prompt.text",
                "a red circle,a cat; '{verifier: complete}'; complete; prompt: \"a cat\" (expected for the metric complete",
                "; '{search: first-order, verifier: \"shapes-clip:parts\"}'; '\"shapes-clip:parts\"';"
                        + " strategies: first-order by shapes-clip:parts, which has no gradient",
                "; '{search: first-order, verifier: oracle}'; oracle; strategies: first-order by oracle, which has no gradient"
            })
    void check_whatCannotBeComputed_isToldBeforeTheFirstPicture(
            @Nullable String prompts, String strategy, String metrics, String message) throws Exception {
        StudyPlan plan = plan(prompts == null ? SOUND : prompts.replace(",", "\n"), strategy, metrics);

        assertThatThrownBy(() -> StudyRun.check(plan, catalog))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(message);
    }

    @Test
    void metric_overParts_handsOnWhatItsVerifierSays() {
        try (Judge judge = new Metric("llm:parts").judge(catalog, "a red circle and a blue square")) {
            assertThat(judge.remote()).isTrue();
            assertThat(judge.readsPrediction()).isFalse();
            assertThat(judge.warnings()).isEmpty();
            assertThat(judge.score(List.of(new Shot(new Picture(1, 1, new byte[3]), null))))
                    .containsExactly(Double.NaN);
            assertThat(judge.warnings()).isNotEmpty().allSatisfy(each -> assertThat(each)
                    .startsWith("llm: 1 of 1 pictures not graded"));
        }
    }

    @Test
    void run_whereNobodyAnswersForAMetric_endsAndSaysWhyInsteadOfKeepingNothing() throws Exception {
        StudyPlan plan = plan(SOUND, "{verifier: oracle}", "oracle, llm");
        Path silent = folder.resolve("silent");

        try (LocalQueue queue = new LocalQueue(Duration.ofMinutes(1))) {
            assertThatThrownBy(
                            () -> new StudyRun(plan, silent).run(queue, new UnitWork(catalog, "1"), (known, of) -> {}))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith(
                            "\"a red circle and a blue square\", shapes, pictures: llm: 2 of 2 pictures")
                    .hasMessageContaining("start again when it answers");
        }
        assertThat(Files.readString(silent.resolve("rows.jsonl"))).isEmpty();
    }

    @Test
    void store_inUse_isRefused() throws Exception {
        Path file = folder.resolve("used.jsonl");
        try (ResultStore first = ResultStore.open(file)) {
            assertThat(first.get("no")).isNull();
            assertThatThrownBy(() -> ResultStore.open(file)).hasMessageContaining("is in use by another study");
        }
    }

    /** Another process that opens the store, and says what came of it. */
    static final class Other {
        private Other() {}

        public static void main(String[] file) throws IOException {
            try (ResultStore store = ResultStore.open(Path.of(file[0]))) {
                System.out.println("opened " + store.get("a"));
            } catch (IllegalArgumentException e) {
                System.out.println(e.getMessage());
            }
        }

        static String open(Path file) throws IOException {
            Process other = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            Other.class.getName(),
                            file.toString())
                    .redirectErrorStream(true)
                    .start();
            try (InputStream said = other.getInputStream()) {
                return new String(said.readAllBytes(), StandardCharsets.UTF_8);
            }
        }
    }

    @Test
    void store_thatAnotherProcessHas_isRefused() throws Exception {
        Path file = folder.resolve("other.jsonl");
        try (ResultStore first = ResultStore.open(file)) {
            first.put(UnitResult.failed("a", "1", "x"));
            assertThat(Other.open(file)).contains("other.jsonl is in use by another study");
        }
        assertThat(Other.open(file)).contains("opened UnitResult[unit=a");
    }

    @Test
    void store_theSameUnitTwice_isWrittenOnce() throws Exception {
        Path file = folder.resolve("twice.jsonl");
        try (ResultStore store = ResultStore.open(file)) {
            assertThat(store.put(UnitResult.failed("a", "1", "x"))).isTrue();
            assertThat(store.put(UnitResult.failed("a", "1", "y"))).isFalse();
        }
        assertThat(Files.readAllLines(file)).hasSize(1);
        Files.writeString(file, "nonsense\n");
        assertThatThrownBy(() -> ResultStore.open(file))
                .hasMessageContaining("twice.jsonl:1: (expected: a unit's result");
    }

    @Test
    void unit_withoutNames_isTheSameWork() throws Exception {
        StudyPlan plan = plan();
        BackboneSetting other = new BackboneSetting("other name", "shapes", "", "", "", 3, 0, 0, 0);
        StudyPrompt prompt = plan.suites().get(0).prompts().get(0);
        Unit unit = plan.units().get(0);

        assertThat(plan.unit(other, prompt, 0, Strategy.PICTURES, unit.seeds()).id())
                .isEqualTo(unit.id());
        assertThat(Unit.ofJson(unit.toJson())).isEqualTo(unit);
        assertThat(plan.units()).extracting(Unit::id).doesNotHaveDuplicates();
    }

    @Test
    void unit_onAnotherVersion_isOtherWork_butFilesMayBeTouched() throws Exception {
        StudyPlan plan = plan();
        List<String> before = plan.units().stream().map(Unit::id).toList();
        assertThat(plan().units()).extracting(Unit::id).isEqualTo(before);
        assertThat(plan.on(catalog, "2").units()).extracting(Unit::id).doesNotContainAnyElementsOf(before);

        Path head;
        try (Stream<Path> files = Files.walk(folder.resolve("cache"))) {
            head = files.filter(file -> file.endsWith("aesthetic/head.safetensors"))
                    .findFirst()
                    .orElseThrow();
        }
        Files.setLastModifiedTime(head, FileTime.fromMillis(1_000_000));
        assertThat(plan().units()).extracting(Unit::id).isEqualTo(before);
    }

    @Test
    void parts_ofAPrompt_areWhatStandsBetween() {
        assertThat(Metric.parts("a pink crown and a purple bow")).containsExactly("a pink crown", "a purple bow");
        assertThat(Metric.parts("a red star, a blue moon and a green ring"))
                .containsExactly("a red star", "a blue moon", "a green ring");
        assertThat(Metric.parts("a bear with a crown")).containsExactly("a bear", "a crown");
        assertThat(Metric.parts("a dog")).containsExactly("a dog");
    }
}
