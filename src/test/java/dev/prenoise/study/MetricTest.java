package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Shot;
import dev.prenoise.verifier.TinyClips;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Metrics of a CLIP that is there, against transformers on a tiny one. */
class MetricTest {
    private static final String MODEL = "clip_h";

    @TempDir
    static Path folder;

    private static ModelCatalog catalog;

    @BeforeAll
    static void open() throws IOException {
        TinyClips.publish(MODEL, folder.resolve("verifiers/clip-vit-base-patch16"));
        TinyClips.publish(MODEL, folder.resolve("verifiers/PickScore_v1"));
        catalog = Catalogs.create(
                CatalogOptions.of(folder.resolve("cache")).withVerifiers(List.of(folder.resolve("verifiers"))));
    }

    @AfterAll
    static void close() {
        catalog.close();
    }

    @ParameterizedTest
    @CsvSource({
        "clip-b16, clip-b16, false, false",
        "clip-b16:parts, clip-b16, true, false",
        "clip-b16:templates, clip-b16, false, true",
        "clip-b16:templates:parts, clip-b16, true, true",
        "complete, '', false, false"
    })
    void name_saysVerifierPartsAndTemplates(String name, String verifier, boolean parts, boolean templates) {
        Metric metric = new Metric(name);
        assertThat(metric.verifier()).isEqualTo(verifier);
        assertThat(metric.ofParts()).isEqualTo(parts);
        assertThat(metric.throughTemplates()).isEqualTo(templates);
    }

    @Test
    void score_throughTemplates_isThePublishedMetricsOfTheWholePromptAndOfItsWorseHalf() {
        double[] golden = TinyClips.golden(MODEL, "template_cosines");
        double[] whole = scores("clip-b16:templates");
        double[] worse = scores("clip-b16:templates:parts");
        for (int i = 0; i < 3; i++) {
            assertThat(whole[i]).isCloseTo(golden[4 * i], within(2e-6));
            assertThat(worse[i]).isCloseTo(Math.min(golden[4 * i + 1], golden[4 * i + 2]), within(2e-6));
            assertThat(worse[i]).isNotCloseTo(golden[4 * i + 1], within(1e-3));
        }
    }

    private static double[] scores(String metric) {
        List<Shot> shots = TinyClips.pictures().stream()
                .map(picture -> new Shot(picture, null))
                .toList();
        try (Judge judge = new Metric(metric).judge(catalog, TinyClips.READ_THROUGH.get(0))) {
            return judge.score(shots);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"shapes-clip:templates", "shapes-clip:templates:parts", "pick:templates", "oracle:templates"})
    void check_templatesOfAnother_namesTheKeyAndThoseThatTakeThem(String metric) throws Exception {
        StudyPlan plan = plan(metric);
        assertThatThrownBy(() -> StudyRun.check(plan, catalog))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "metrics: " + metric + " (expected before :templates: a CLIP that reads prompts through them,"
                                + " one of clip-b16, clip-b32, clip-l14, clip-h14)");
    }

    @Test
    void check_templatesOfAClipThatIsMissing_saysWhatToPutWhere() throws Exception {
        StudyPlan plan = plan("clip-l14:templates");
        assertThatThrownBy(() -> StudyRun.check(plan, catalog))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("metrics: ")
                .hasMessageContaining("clip-vit-large-patch14");
    }

    @Test
    void check_templatesOfAClipThatIsThere_isSound() throws Exception {
        StudyRun.check(plan("clip-b16:templates\", \"clip-b16:templates:parts"), catalog);
    }

    @Test
    void run_ofASearchByTemplates_followsTheirGradient() throws Exception {
        String text = "title: Some\nsuites: [{file: some.txt}]\nbackbones: [{id: shapes, steps: 2}]\n"
                + "strategies: [{search: first-order, verifier: \"clip-b16:templates\"}]\nbudgets: [1, 6]\nseeds: 1\n"
                + "metrics: [\"clip-b16:templates\"]\n";
        plan("oracle");
        StudyPlan plan = StudyFile.read(
                        Files.writeString(folder.resolve("own.yaml"), text).toString())
                .on(catalog, "1");
        StudyRun.check(plan, catalog);
        Unit unit = plan.units().stream()
                .filter(each -> each.strategy().kind() == Strategy.Kind.FIRST_ORDER)
                .findFirst()
                .orElseThrow();
        UnitResult result = new UnitWork(catalog, "1").run(unit);
        assertThat(result.failure()).isNull();
        assertThat(result.rows()).hasSizeGreaterThan(1).allSatisfy(row -> assertThat(row.score())
                .isEqualTo(row.values().get(0)));
    }

    private static StudyPlan plan(String metric) throws IOException {
        Files.writeString(folder.resolve("some.txt"), "a red circle and a blue square\na green triangle\n");
        String text = "title: Some\nsuites: [{file: some.txt}]\nstrategies: [conform]\nbudgets: [2]\nseeds: 1\n"
                + "metrics: [\"" + metric + "\"]\n";
        return StudyFile.read(
                Files.writeString(folder.resolve("some.yaml"), text).toString());
    }
}
