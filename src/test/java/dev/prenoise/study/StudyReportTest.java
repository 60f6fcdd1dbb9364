package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.image.Picture;
import dev.prenoise.image.PictureFile;
import dev.prenoise.image.Png;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A study whose numbers are made up: conform knows which picture is right, self-cross knows nothing. */
class StudyReportTest {
    private static final String STUDY = """
            title: Made up & <small>
            suites: [{suite: two_objects, prompts: 12}, {suite: counting, prompts: 8}]
            backbones: [{id: shapes, name: "model #1"}]
            strategies:
              - conform
              - self-cross
              - {loss: initno, optimize: true}
              - {verifier: oracle}
              - {verifiers: [oracle, shapes-clip]}
              - {search: zero-order, verifier: oracle}
            budgets: [1, 2, 4, 8, 16]
            seeds: 3
            seeds_per_unit: 2
            sheet_prompts: 1
            """;

    @TempDir
    static Path folder;

    @BeforeAll
    static void report() throws IOException {
        Path file = Files.writeString(folder.resolve("study.yaml"), STUDY);
        StudyPlan plan = StudyFile.read(file.toString());
        try (ResultStore store = ResultStore.open(folder.resolve("rows.jsonl"))) {
            for (Unit unit : plan.units()) {
                store.put(result(unit));
            }
        }
        new StudyRun(plan, folder).report(List.of());
    }

    private static UnitResult result(Unit unit) {
        List<UnitResult.Row> rows = new ArrayList<>();
        Strategy.Kind kind = unit.strategy().kind();
        for (long seed : unit.seeds()) {
            int count = kind == Strategy.Kind.OPTIMIZE ? 1 : unit.candidates();
            for (int k = 0; k < count; k++) {
                rows.add(row(unit, seed, k));
            }
        }
        Map<String, String> pictures = new HashMap<>();
        if (unit.shown()) {
            byte[] rgb = new byte[16 * 16 * 3];
            new SplittableRandom(unit.id().hashCode()).nextBytes(rgb);
            String png = Base64.getEncoder().encodeToString(Png.encode(new Picture(16, 16, rgb)));
            pictures.put("", png);
            unit.metrics().forEach(metric -> pictures.put(metric, png));
        }
        double seconds = rows.stream().mapToInt(row -> row.losses() + row.nfe()).sum() * 0.25;
        return new UnitResult(unit.id(), "9.9.9", seconds, 123_000_000, rows, pictures, null);
    }

    /** Whether a candidate's picture is right depends on prompt, seed and index alone, as it does in truth. */
    private static UnitResult.Row row(Unit unit, long seed, int index) {
        SplittableRandom truth =
                new SplittableRandom(unit.prompt().text().hashCode() * 1_000_003L + seed * 1009 + index);
        double right = truth.nextInt(3) == 0 ? 1 : 0;
        double noise = truth.nextDouble();
        Strategy.Kind kind = unit.strategy().kind();
        double score =
                switch (unit.strategy().loss()) {
                    case "conform" -> -right + 0.1 * noise;
                    case "" -> Double.NaN;
                    default -> noise;
                };
        byte[] look = new byte[Album.LOOK * Album.LOOK * 3];
        truth.nextBytes(look);
        boolean losses = kind == Strategy.Kind.RANK || kind == Strategy.Kind.OPTIMIZE;
        int nfe = kind == Strategy.Kind.ZERO_ORDER ? 10 * (index + 1) : losses ? 0 : 10;
        return new UnitResult.Row(
                seed,
                index,
                score,
                kind == Strategy.Kind.OPTIMIZE ? 10 : losses ? 1 : 0,
                nfe,
                false,
                kind == Strategy.Kind.RANK
                        ? List.of()
                        : List.of(right, 0.5 * right + 0.5 * noise, noise, noise / 2, 5 + noise),
                kind == Strategy.Kind.RANK ? "" : Base64.getEncoder().encodeToString(look));
    }

    private static List<String> cells(String file, String section, String row) throws IOException {
        String text = Files.readString(folder.resolve(file));
        String table = text.substring(text.indexOf("### " + section));
        String line = table.lines()
                .filter(each -> each.startsWith("| " + row + " |"))
                .findFirst()
                .orElseThrow();
        return List.of(line.substring(2, line.length() - 2).split(" \\| "));
    }

    private static double first(String cell) {
        return Double.parseDouble(cell.split(" ")[0]);
    }

    @Test
    void summary_sayWhoGainsAndFromWhereItIsFlat() throws IOException {
        List<String> knowing = cells("summary.md", "model #1: complete, %", "conform");
        List<String> guessing = cells("summary.md", "model #1: complete, %", "self-cross");

        // of 16, a third right each, one that knows finds one almost always
        assertThat(first(knowing.get(5))).isGreaterThan(97);
        assertThat(first(knowing.get(1))).isEqualTo(first(guessing.get(1))).isBetween(25.0, 42.0);
        assertThat(first(knowing.get(6))).isGreaterThan(55);
        assertThat(Math.abs(first(guessing.get(6)))).isLessThan(25);
        assertThat(first(knowing.get(7))).isBetween(6.0, 15.0);
    }

    @Test
    void summary_withOnePictureUnjudged_leavesItsPromptOut() throws IOException {
        StudyPlan plan = StudyFile.read(folder.resolve("study.yaml").toString());
        Path unjudged = Files.createDirectory(folder.resolve("unjudged"));
        try (ResultStore store = ResultStore.open(unjudged.resolve("rows.jsonl"))) {
            boolean done = false;
            for (Unit unit : plan.units()) {
                boolean here = !done && unit.strategy().kind() == Strategy.Kind.ZERO_ORDER;
                store.put(here ? unjudged(result(unit), 3, 1) : result(unit));
                done |= here;
            }
        }
        new StudyRun(plan, unjudged).report(List.of());

        String summary = Files.readString(unjudged.resolve("summary.md"));
        assertThat(summary).containsOnlyOnce("1 prompt that it could not judge is left out.");
        assertThat(summary.substring(summary.indexOf("### model #1: oracle"), summary.indexOf("### model #1: shapes-")))
                .contains("1 prompt that it could not judge is left out.")
                .doesNotContain("NaN");
    }

    private static UnitResult unjudged(UnitResult result, int index, int metric) {
        List<UnitResult.Row> rows = new ArrayList<>(result.rows());
        UnitResult.Row row = rows.get(index);
        List<Double> values = new ArrayList<>(row.values());
        values.set(metric, Double.NaN);
        rows.set(
                index,
                new UnitResult.Row(
                        row.seed(),
                        row.index(),
                        row.score(),
                        row.losses(),
                        row.nfe(),
                        row.success(),
                        values,
                        row.look()));
        return new UnitResult(
                result.unit(), result.version(), result.seconds(), result.memory(), rows, result.pictures(), null);
    }

    @Test
    void summary_testsPairs() throws IOException {
        List<String> pair = cells("summary.md", "model #1: complete, strategies in pairs", "self-cross less conform");

        assertThat(first(pair.get(1))).isLessThan(-40);
        assertThat(Double.parseDouble(pair.get(2))).isLessThan(0.001);
        assertThat(Double.parseDouble(pair.get(3))).isBetween(Double.parseDouble(pair.get(2)), 0.02);
    }

    @Test
    void summary_saysWhatItCosts() throws IOException {
        String section = "model #1: what picking costs";

        assertThat(cells("summary.md", section, "conform").subList(1, 3)).containsExactly("16.0", "0.0");
        assertThat(cells("summary.md", section, "random by oracle").subList(1, 3))
                .containsExactly("0.0", "160.0");
        assertThat(cells("summary.md", section, "zero-order by oracle").subList(1, 3))
                .containsExactly("0.0", "160.0");
        assertThat(cells("summary.md", section, "initno, optimized").subList(1, 3))
                .containsExactly("10.0", "0.0");
        // of noise: the root of 1/6
        assertThat(Double.parseDouble(cells("summary.md", section, "conform").get(3)))
                .isBetween(0.36, 0.46);
    }

    @Test
    void summary_showsWhatSeedsHideInAMean() throws IOException {
        String section = "model #1: complete by seed, %";
        List<String> before = cells("summary.md", section, "conform, N = 1");
        List<String> gain = cells("summary.md", section, "conform, gain at N = 16");

        // of three seeds; a third of the pictures is right, and conform finds one
        assertThat(before).hasSize(4);
        assertThat(gain).hasSize(4);
        for (int seed = 1; seed <= 3; seed++) {
            assertThat(first(before.get(seed)) + first(gain.get(seed))).isBetween(95.0, 100.05);
        }
        double picked = first(cells("summary.md", section, "conform, picked most, % of prompts")
                .get(1));
        assertThat(picked).isBetween(100.0 / 20, 60.0);
        assertThat(Files.readString(folder.resolve("summary.md")))
                .contains("20 prompts, each with the same 3 seeds,")
                .contains("95 % bootstrap intervals over prompts and seeds.")
                .doesNotContain("initno, optimized, picked most");
    }

    @Test
    void summary_saysHowLongItTakes() throws IOException {
        String section = "model #1: seconds and memory";

        assertThat(cells("summary.md", section, "conform"))
                .containsExactly("conform", "0.250 [0.250, 0.250]", "", "", "4.00 [4.00, 4.00]", "123");
        assertThat(cells("summary.md", section, "random by oracle"))
                .containsExactly(
                        "random by oracle",
                        "",
                        "0.250 [0.250, 0.250]",
                        "2.50 [2.50, 2.50]",
                        "40.0 [40.0, 40.0]",
                        "123");
        assertThat(cells("summary.md", section, "initno, optimized").get(4)).isEqualTo("2.50 [2.50, 2.50]");
    }

    @Test
    void summary_judgesStoppingEarly() throws IOException {
        String whole = "model #1: stopped on a plateau, against all of N = 16";
        String fixed = "model #1: stopped on a plateau, against a fixed number";

        // two thirds of the candidates are equal to a tenth: there is always something to gain, or nothing is left to
        List<String> row = cells("summary.md", whole, "conform, 0.05 (default)");
        assertThat(row).hasSize(4 + 5);
        assertThat(first(row.get(1))).isBetween(8.0, 16.0);
        assertThat(first(row.get(2))).isCloseTo(100 * (1 - first(row.get(1)) / 16), within(0.5));
        // who stops has never picked better by the loss
        assertThat(first(row.get(3))).isNotNegative();
        double strict = first(cells("summary.md", whole, "conform, 0.1").get(1));
        double loose = first(cells("summary.md", whole, "conform, 0.025").get(1));
        assertThat(strict).isLessThanOrEqualTo(first(row.get(1)));
        assertThat(loose).isGreaterThanOrEqualTo(first(row.get(1)));
        assertThat(first(cells("summary.md", fixed, "conform, 0.1").get(1))).isCloseTo(strict, within(0.1));
        assertThat(first(cells("summary.md", whole, "initno, optimized, 0.1").get(1)))
                .isEqualTo(10);
        assertThat(Files.readString(folder.resolve("summary.tex"))).contains("stopped on a plateau");
        assertThat(Files.readString(folder.resolve("summary.md"))).doesNotContain("| zero-order by oracle, 0.05");
    }

    @Test
    void report_withoutPictures_isTimeAndMemory() throws IOException {
        Path file = Files.writeString(folder.resolve("cost.yaml"), """
                title: Cost
                suites: [{suite: two_objects, prompts: 3}]
                backbones: [{id: some, name: some}]
                strategies: [conform, {loss: initno, optimize: true}]
                budgets: [1, 10]
                seeds: 1
                pictures: none
                """);
        StudyPlan plan = StudyFile.read(file.toString());
        Path cost = Files.createDirectory(folder.resolve("cost"));
        assertThat(plan.units()).hasSize(3 * 2).allSatisfy(unit -> {
            assertThat(unit.metrics()).isEmpty();
            assertThat(unit.shown()).isFalse();
        });
        try (ResultStore store = ResultStore.open(cost.resolve("rows.jsonl"))) {
            plan.units().forEach(unit -> put(store, unjudged(result(unit))));
        }
        new StudyRun(plan, cost).report(List.of());

        String summary = Files.readString(cost.resolve("summary.md"));
        assertThat(summary)
                .contains(
                        "3 prompts, each with 1 seed,",
                        "| conform | 0.250 [0.250, 0.250] |  |  | 2.50 [2.50, 2.50] | 123 |")
                .doesNotContain("bootstrap", "in pairs", "NaN");
        assertThat(summary.split("### ", -1)).hasSize(1 + 2);
        assertThat(Files.readString(cost.resolve("report.html"))).doesNotContain("<svg", "<img", "<figure");
        assertThat(Files.readAllLines(cost.resolve("candidates.csv"))).hasSize(1 + 3 * (10 + 1));
        try (Stream<Path> files = Files.list(cost)) {
            assertThat(files.map(each -> each.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "rows.jsonl", "candidates.csv", "report.html", "summary.md", "summary.tex");
        }
    }

    private static void put(ResultStore store, UnitResult result) {
        try {
            store.put(result);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static UnitResult unjudged(UnitResult result) {
        List<UnitResult.Row> rows = result.rows().stream()
                .map(row -> new UnitResult.Row(
                        row.seed(), row.index(), row.score(), row.losses(), row.nfe(), row.success(), List.of(), ""))
                .toList();
        return new UnitResult(result.unit(), result.version(), result.seconds(), result.memory(), rows, Map.of(), null);
    }

    @Test
    void significant_hasThreeDigitsWhateverTheScale() {
        assertThat(List.of(0.0123456, 0.5, 3.14159, 31.4159, 314.159, 3141.59))
                .extracting(StudyReport::significant)
                .containsExactly("0.0123", "0.500", "3.14", "31.4", "314", "3142");
    }

    @Test
    void page_needsNothingElse() throws IOException {
        String html = Files.readString(folder.resolve("report.html"));

        assertThat(html)
                .contains(
                        "<title>Made up &amp; &lt;small&gt;</title>", "<svg", "Computed by Prenoise 9.9.9.", "by suite")
                .doesNotContain("<script", "src=\"http", "<link", "url(", "base64,\"");
        // a picture's base64 may spell anything
        assertThat(html.replaceAll("base64,[A-Za-z0-9+/=]+", "")).doesNotContain("NaN", "Infinity");
        // two suites, a prompt each: the plain seed and five strategies, as nobody can say whom two verifiers choose
        assertThat(html.split("data:image/png;base64,", -1)).hasSize(1 + 2 * 6);
    }

    @Test
    void fileName_ofNamesThatLookAlike_isAnotherForEach() {
        Set<String> taken = new HashSet<>();

        assertThat(List.of("a b", "a/b", "A b", "a-b-2"))
                .extracting(name -> StudyRun.fileName(name, taken))
                .containsExactly("a-b", "a-b-2", "A-b-3", "a-b-2-2");
    }

    @Test
    void pictures_showCurvesAndChoices() throws IOException {
        Picture curves = PictureFile.decode(Files.readAllBytes(folder.resolve("curves-model-1.png")), 1 << 24);
        // five metrics, three in a row, at two pixels a unit
        assertThat(curves.width()).isEqualTo(3 * 260 * 2);
        assertThat(curves.height()).isEqualTo((2 * 200 + 2 * 18 + 10) * 2);
        // the second curve's colour, and text on white
        assertThat(count(curves, 0xe69f00)).isGreaterThan(500);
        assertThat(count(curves, 0xffffff)).isBetween(curves.rgb().length / 6, curves.rgb().length / 3 - 5000);

        Picture sheet =
                PictureFile.decode(Files.readAllBytes(folder.resolve("sheet-model-1-two_objects.png")), 1 << 24);
        // a prompt, the plain seed and five strategies
        assertThat(sheet.width()).isEqualTo((150 + 6 * 102 + 6) * 2);
        assertThat(sheet.height()).isEqualTo((44 + 102) * 2);
        // six pictures of random pixels cover their squares
        int white = count(sheet, 0xffffff);
        assertThat(white).isLessThan(sheet.width() * sheet.height() - 6 * 96 * 96 * 4 + 1000);
        assertThat(Files.exists(folder.resolve("sheet-model-1-counting.png"))).isTrue();
        assertThat(PixelPen.missing()).isEmpty();
    }

    private static int count(Picture picture, int colour) {
        int count = 0;
        byte[] rgb = picture.rgb();
        for (int i = 0; i < rgb.length; i += 3) {
            int here = (rgb[i] & 0xff) << 16 | (rgb[i + 1] & 0xff) << 8 | rgb[i + 2] & 0xff;
            count += here == colour ? 1 : 0;
        }
        return count;
    }

    @Test
    void files_inOtherLanguages_areWhole() throws IOException {
        assertThat(Files.readString(folder.resolve("curves-model-1.svg")))
                .startsWith("<svg")
                .endsWith("</svg>\n")
                .contains("fill-opacity=\"0.12\"")
                .doesNotContain("NaN");
        assertThat(Files.readString(folder.resolve("summary.tex")))
                .contains("\\caption{model \\#1: complete, \\%}", "\\begin{tabular}{lrrrrrrr}");
        assertThat(Files.readAllLines(folder.resolve("candidates.csv")))
                .hasSize(1 + 20 * 3 * (16 + 16 + 16 + 1 + 16))
                .anySatisfy(line -> assertThat(line).startsWith("model #1,counting,two "));
    }
}
