package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.attention.LossForm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class StudyFileTest {
    private static final String SOUND = """
            title: A study
            suites:
              - similar_subjects
              - {suite: two_objects, prompts: 5, seed: 2, name: pairs}
              - {file: own.txt, prompts: 2}
            backbones:
              - {id: shapes, name: small, steps: 5, guidance: 2.5, sampler: euler}
            strategies:
              - conform
              - {loss: initno, optimize: true}
              - {loss: self-cross, form: published, name: SC}
              - {search: zero-order, verifier: shapes-clip}
              - {verifiers: [shapes-clip, oracle]}
            budgets: [1, 2, 8]
            seeds: [7, 18446744073709551615]
            """;

    @TempDir
    Path folder;

    private StudyPlan read(String text) throws IOException {
        Files.writeString(folder.resolve("own.txt"), "# mine\na cat and a dog\n\na red apple\ntwo cats\n");
        Path file = Files.writeString(folder.resolve("study.yaml"), text);
        return StudyFile.read(file.toString());
    }

    @Test
    void read_textOfSeveralLines_isOne() throws IOException {
        StudyPlan plan = read(SOUND.replace("title: A study", "title: |\n  A study\n  of two lines")
                .replace("name: SC", "name: \"S\\nC\""));

        assertThat(plan.title()).isEqualTo("A study of two lines");
        assertThat(plan.strategies()).extracting(Strategy::name).contains("S C");
    }

    @Test
    void read_everyKindOfEntry_isThePlan() throws IOException {
        StudyPlan plan = read(SOUND);

        assertThat(plan.suites())
                .extracting(suite -> suite.name() + " " + suite.prompts().size())
                .containsExactly("similar_subjects 31", "pairs 5", "own.txt 2");
        assertThat(plan.backbones())
                .containsExactly(new BackboneSetting("small", "shapes", "", "euler", "", 5, 2.5, 0, 0));
        assertThat(plan.strategies())
                .extracting(Strategy::name, Strategy::kind)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple("conform", Strategy.Kind.RANK),
                        org.assertj.core.groups.Tuple.tuple("initno, optimized", Strategy.Kind.OPTIMIZE),
                        org.assertj.core.groups.Tuple.tuple("SC", Strategy.Kind.RANK),
                        org.assertj.core.groups.Tuple.tuple("zero-order by shapes-clip", Strategy.Kind.ZERO_ORDER),
                        org.assertj.core.groups.Tuple.tuple("random by shapes-clip + oracle", Strategy.Kind.FOLLOW));
        assertThat(plan.strategies().get(2).form()).isEqualTo(LossForm.PUBLISHED);
        assertThat(plan.seeds().values()).containsExactly(7L, -1L);
        assertThat(plan.metrics())
                .extracting(Metric::name)
                .containsExactly("complete", "oracle", "shapes-clip", "shapes-clip:parts", "shapes-aesthetic");
    }

    @Test
    void read_withoutPictures_judgesOnlyWhatVerifiersChooseBy() throws IOException {
        StudyPlan plan = read(SOUND + "pictures: none\nplateau: [0.2]\n");

        assertThat(plan.metrics()).extracting(Metric::name).containsExactly("shapes-clip", "oracle");
        assertThat(plan.shown()).isZero();
        assertThat(plan.plateau()).containsExactly(0.2);
        assertThat(read(SOUND).plateau()).containsExactly(0.025, 0.05, 0.1);
        assertThat(plan.units())
                .filteredOn(unit -> unit.metrics().isEmpty())
                .extracting(unit -> unit.strategy().kind())
                .containsOnly(Strategy.Kind.RANK, Strategy.Kind.OPTIMIZE)
                .hasSize(3 * 2 * plan.prompts());
    }

    @Test
    void read_publishedSuite_hasItsTokenGroups() throws IOException {
        StudyPrompt prompt = ShippedSuites.get("object_object", 0, 1).prompts().get(0);

        assertThat(prompt.text()).isEqualTo("a pink crown and a purple bow");
        assertThat(prompt.subjects())
                .extracting(subject -> subject.attributes() + subject.text() + subject.tokenIndices())
                .containsExactly("[pink]crown[2, 3]", "[purple]bow[6, 7]");
    }

    @Test
    void suites_allThatShip_haveTheirSizes() {
        assertThat(List.of("animal_animal", "animal_object", "object_object", "similar_subjects", "shape_shape"))
                .extracting(name -> ShippedSuites.get(name, 0, 1).prompts().size())
                .containsExactly(66, 144, 66, 31, 56);
        for (String name : ShippedSuites.names()) {
            StudySuite suite = ShippedSuites.get(name, 10, 3);
            assertThat(suite.prompts()).hasSize(10).doesNotHaveDuplicates();
            assertThat(ShippedSuites.get(name, 20, 3).prompts())
                    .startsWith(suite.prompts().toArray(StudyPrompt[]::new));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "title: A study          | ''                           | study.yaml:2: no \"title\" (expected: one)",
                "title: A study          | title: [a]                   | study.yaml:1: title: a list (expected: a text)",
                "budgets: [1, 2, 8]      | budgets: [1, 8, 2]           | study.yaml:14: budgets: [1, 8, 2] (expected: rising)",
                "budgets: [1, 2, 8]      | budgets: [1, two]            | study.yaml:14: budgets[1]: \"two\" (expected: a whole number from 1 to 100000)",
                "budgets: [1, 2, 8]      | budgets: []                  | study.yaml:14: budgets: an empty list (expected: a list of one or more)",
                "budgets: [1, 2, 8]      | budget: [1, 2, 8]            | study.yaml:14: budget: unknown key (expected: one of backbones, budgets,",
                "prompts: 5              | prompts: 5000                | study.yaml:4: suites[1].prompts: \"5000\" (expected: a whole number from 1 to 4032)",
                "prompts: 5              | count: 5                     | study.yaml:4: suites[1].count: unknown key (expected: one of category, file, name,",
                "suite: two_objects      | suite: two                   | study.yaml:4: suites[1].suite: \"two\" (expected: one of animal_animal,",
                "file: own.txt           | file: no.txt                 | (expected: a readable file)",
                "- similar_subjects      | - {prompts: 3}               | study.yaml:3: suites[0]: a mapping (expected: one of suite and file)",
                "- conform               | - confirm                    | study.yaml:9: strategies[0]: \"confirm\" (expected: one of initno, conform, self-cross, attend-and-excite)",
                "- conform               | - {loss: conform, verifier: oracle} | study.yaml:9: strategies[0].verifier: \"oracle\" (expected: none with a loss)",
                "- conform               | - {search: paths}            | study.yaml:9: strategies[0]: a mapping (expected: one of loss, verifier and verifiers)",
                "- conform               | - {search: far, verifier: oracle} | strategies[0].search: \"far\" (expected: one of random, zero-order, paths,",
                "name: SC                | name: conform                | strategies: two are called \"conform\" (expected: each its own name)",
                "[shapes-clip, oracle]   | [clip-l14]                   | strategies: random by clip-l14 follows clip-l14, which is no metric",
                "optimize: true          | optimize: perhaps            | study.yaml:10: strategies[1].optimize: \"perhaps\" (expected: true or false)",
                "sampler: euler          | sampler: oiler               | study.yaml:7: backbones[0].sampler: \"oiler\" (expected: one of ddim,",
                "guidance: 2.5           | guidance: -1                 | backbones[0].guidance: \"-1\" (expected: a number from 1.0E-6 to 1000.0)",
                "guidance: 2.5           | guidance: 0                  | backbones[0].guidance: \"0\" (expected: a number from 1.0E-6 to 1000.0)",
                "seeds: [7,              | 'seeds: {per_prompt: true} #' | study.yaml:15: seeds: no \"seeds\" (expected: one in seeds)",
                "id: shapes              | id: sd15                     | no \"metrics\" (expected: some, such as clip-l14,",
                "seeds: [7,              | seeds: [7, 7,                | study.yaml:15: seeds[1]: \"7\" (expected: each once)",
                "seeds: [7,              | seeds: [-7,                  | seeds[0]: \"-7\" (expected: a whole number from 0 to",
                "title: A study          | title: {                     | no YAML",
                "title: A study          | 'title: A\\npictures: some'   | study.yaml:2: pictures: \"some\" (expected: one of all, winners, none)",
                "title: A study          | 'title: A\\npictures: none\\nmetrics: [oracle]' | study.yaml:3: metrics: a list (expected: no metrics with pictures: none)",
                "title: A study          | 'title: A\\nplateau: [0]'     | study.yaml:2: plateau[0]: \"0\" (expected: a number from 1.0E-6 to 1.0)",
            })
    void read_whatCannotBe_isRefusedByPlaceAndExpectation(String sound, String wrong, String message) {
        assertThat(SOUND).contains(sound);
        assertThatThrownBy(() -> read(SOUND.replace(sound, wrong == null ? "" : wrong.replace("\\n", "\n"))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void read_thePromptOfAnotherSuite_countsOnce() throws IOException {
        String again = "- similar_subjects\n  - {suite: similar_subjects, prompts: 3, name: again}";
        assertThatThrownBy(() -> read(SOUND.replace("- similar_subjects", again)))
                .hasMessageContaining("again has no prompt that others have not (expected: one at least)");

        String first = "- {suite: similar_subjects, prompts: 3, name: few}\n  - similar_subjects";
        StudyPlan plan = read(SOUND.replace("- similar_subjects", first));
        assertThat(plan.suites().get(0).prompts()).hasSize(3);
        assertThat(plan.suites().get(1).prompts())
                .hasSize(28)
                .doesNotContainAnyElementsOf(plan.suites().get(0).prompts());
    }

    @Test
    void seeds_ofEachPrompt_areItsOwn() throws IOException {
        String text = SOUND.replaceAll("(?m)^seeds: .*$", "seeds: {seeds: 3, per_prompt: true}");
        StudyPlan own = read(text);
        List<StudyPrompt> prompts = own.suites().get(0).prompts();
        List<Long> first = own.seeds().of(prompts.get(0));

        assertThat(first).hasSize(3).doesNotHaveDuplicates().allSatisfy(seed -> assertThat(seed)
                .isBetween(0L, 0xffffffffL));
        assertThat(own.seeds().of(prompts.get(1))).doesNotContainAnyElementsOf(first);
        assertThat(own.seeds().crossed()).isFalse();
        // whatever stands beside it, and after a restart
        assertThat(read(text).seeds().of(new StudyPrompt(prompts.get(0).text(), List.of())))
                .isEqualTo(first);
        assertThat(own.units().stream().flatMap(unit -> unit.seeds().stream()).distinct())
                .hasSize(3 * own.prompts());

        StudyPlan shared = read(SOUND.replaceAll("(?m)^seeds: .*$", "seeds: {seeds: [5, 9]}"));
        assertThat(shared.seeds().of(prompts.get(0))).containsExactly(5L, 9L);
        assertThat(shared.seeds().crossed()).isTrue();
    }

    @Test
    void read_aKeyTwice_isRefused() {
        assertThatThrownBy(() -> read(SOUND + "seeds: 3\n")).hasMessageContaining(":16: seeds: stands twice");
    }

    @Test
    void read_noSuchFile_listsTheStudiesThatThereAre() {
        assertThatThrownBy(() -> StudyFile.read("nothing.yaml"))
                .hasMessageContaining("study: nothing.yaml (expected: a readable YAML file, or one of first-study,");
    }

    static List<String> shipped() {
        return StudyFile.shipped();
    }

    @ParameterizedTest
    @MethodSource("shipped")
    void read_shippedStudies_arePlans(String name) {
        assertThat(StudyFile.read(name).units()).isNotEmpty();
    }

    @Test
    void choiShapes_hasTwoHundredPromptsAndFourSeeds() {
        StudyPlan plan = StudyFile.read("choi-shapes");

        assertThat(plan.suites().stream().flatMap(suite -> suite.prompts().stream()))
                .hasSize(200)
                .doesNotHaveDuplicates();
        assertThat(plan.seeds().values()).hasSize(4);
        assertThat(plan.candidates()).isEqualTo(256);
    }

    @Test
    void read_table_takesTheColumnsOfDrawBench() throws IOException {
        Path file = Files.writeString(
                folder.resolve("bench.csv"),
                "\ufeffPrompts,Category\r\n\"A car, red.\",Colors\r\n\"A \"\"big\"\" dog.\",Text\r\nTwo cats.,Counting\r\n");

        assertThat(SuiteFile.read(file, ""))
                .extracting(StudyPrompt::text)
                .containsExactly("A car, red.", "A \"big\" dog.", "Two cats.");
        assertThat(SuiteFile.read(file, "colors")).extracting(StudyPrompt::text).containsExactly("A car, red.");
        assertThatThrownBy(() -> SuiteFile.read(file, "Shapes"))
                .hasMessageContaining("no prompts of the category \"Shapes\"");
    }

    @Test
    void read_yamlSuite_hasItsSubjects() throws IOException {
        Path file = Files.writeString(
                folder.resolve("own.yaml"),
                "- a dog\n- prompt: a red apple and a cat\n  subjects: [{text: apple, attributes: [red], tokens: [2, 3]}, cat]\n");

        List<StudyPrompt> prompts = SuiteFile.read(file, "");
        assertThat(prompts.get(0).subjects()).isEmpty();
        assertThat(prompts.get(1).subjects())
                .extracting(subject -> subject.text() + subject.attributes() + subject.tokenIndices())
                .containsExactly("apple[red][2, 3]", "cat[][]");
    }

    @Test
    void read_suiteWithTheSamePromptTwice_isRefused() throws IOException {
        Path file = Files.writeString(folder.resolve("twice.txt"), "a dog\na cat\na dog\n");

        assertThatThrownBy(() -> SuiteFile.read(file, "")).hasMessageContaining("\"a dog\" stands twice");
    }
}
