package dev.prenoise.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SubjectFinderTest {
    private static final SubjectFinder FINDER = new SubjectFinder();

    private static final List<String> SHAPES =
            List.of("circle", "square", "triangle", "ring", "cross", "star", "heart", "moon");
    private static final List<String> COLOURS =
            List.of("red", "green", "blue", "yellow", "purple", "orange", "cyan", "black");

    @Test
    void find_freePrompts_allOfTheMustList() throws IOException {
        List<String[]> must = rows("subjects-must.tsv");
        List<String[]> known = rows("subjects-known.tsv");
        List<String> wrong = new ArrayList<>();
        for (String[] row : must) {
            String found = show(FINDER.find(row[0]));
            if (!found.equals(row[1])) {
                wrong.add(row[0] + "\n  expected " + row[1] + "\n  found    " + found);
            }
        }
        int total = must.size() + known.size();
        int right = must.size() - wrong.size();
        System.out.printf("subjects found in free prompts: %d of %d (%.1f %%)%n", right, total, 100.0 * right / total);

        assertThat(must).hasSizeGreaterThanOrEqualTo(60);
        assertThat(wrong).as(String.join("\n", wrong)).isEmpty();
        assertThat((double) right / total).isGreaterThan(0.97);
    }

    @Test
    void find_knownFailures_stillFail() throws IOException {
        for (String[] row : rows("subjects-known.tsv")) {
            assertThat(show(FINDER.find(row[0])))
                    .as("now right: move to subjects-must.tsv")
                    .isNotEqualTo(row[1]);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"animal_animal", "animal_object", "object_object", "similar_subjects"})
    void find_publishedPrompts_exactlyTheGroups(String name) {
        for (PromptSet.Prompt prompt : PromptSets.get(name).prompts()) {
            List<String> words =
                    Word.split(prompt.text()).stream().map(Word::text).toList();
            String expected = prompt.groups().stream()
                    .map(group -> group.stream().map(i -> words.get(i - 1)).toList())
                    .map(group -> show(group.get(group.size() - 1), group.subList(0, group.size() - 1)))
                    .collect(Collectors.joining("; "));

            assertThat(show(FINDER.find(prompt.text()))).as(prompt.text()).isEqualTo(expected);
        }
    }

    @Test
    void find_captionsOfTheBuiltInWorld_everyShapeAndColour() {
        for (int i = 0; i < 8 * 8; i++) {
            String a = SHAPES.get(i % 8);
            String b = SHAPES.get(i / 8);
            String red = COLOURS.get((i + i / 8) % 8);
            String blue = COLOURS.get(i / 8);
            String plural = a.equals("cross") ? "crosses" : a + "s";
            for (String relation : List.of("and", "left of", "right of", "above", "below")) {
                assertFinds("a %s %s %s a %s %s".formatted(red, a, relation, blue, b), show(a, red), show(b, blue));
            }
            assertFinds(
                    "a %s %s , a %s %s and a %s ring".formatted(red, a, blue, b, red),
                    show(a, red),
                    show(b, blue),
                    show("ring", red));
            assertFinds("a %s and a %s".formatted(a, b), a, b);
            assertFinds("two " + blue + " " + plural, show(plural, blue));
            assertFinds("two " + plural, plural);
            assertFinds("a " + blue + " " + a, show(a, blue));
        }
    }

    @Test
    void find_spans_pointIntoThePromptAsWritten() {
        String prompt = "🦊 (a RED:1.2) Fox, <lora:x:1> and a [pale] owl";
        List<FoundSubject> found = FINDER.find(prompt);

        assertThat(found).hasSize(2);
        assertThat(found.get(0).noun().span().of(prompt)).isEqualTo("Fox");
        assertThat(found.get(0).attributes().get(0).span().of(prompt)).isEqualTo("RED");
        assertThat(found.get(1).noun().span().of(prompt)).isEqualTo("owl");
        assertThat(found.get(1).toString()).isEqualTo("pale owl");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "   \n ",
                ",,, ... ((()))",
                "masterpiece, best quality, 8k, highly detailed",
                "<lora:thing:0.8>",
                "red",
                "a",
                "at night, on the left",
                "😀😀"
            })
    void find_nothingToShow_isEmpty(String prompt) {
        assertThat(FINDER.find(prompt)).isEmpty();
    }

    @Test
    void find_hugeOrBrokenText_staysInsideIt() {
        String brackets = "((((" + "[".repeat(5_000) + "a cat\uD83E";
        assertThat(show(FINDER.find(brackets))).isEqualTo("cat");
        assertThat(FINDER.find("a red cat and ".repeat(2_000))).hasSizeBetween(100, 1000);
        assertThat(FINDER.find("x-".repeat(20_000))).hasSizeLessThan(5);
        assertThat(FINDER.find("<a:".repeat(5_000) + "\"".repeat(9_999))).hasSizeLessThan(2001);
        assertThat(FINDER.find("a red, ".repeat(1_000))).isEmpty();
    }

    @Test
    void find_manyThreads_sameSubjects() throws Exception {
        List<String> prompts =
                rows("subjects-must.tsv").stream().map(row -> row[0]).limit(40).toList();
        List<List<FoundSubject>> expected = prompts.stream().map(FINDER::find).toList();
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Callable<List<FoundSubject>>> calls = new ArrayList<>();
            for (int i = 0; i < 160; i++) {
                String prompt = prompts.get(i % prompts.size());
                calls.add(() -> FINDER.find(prompt));
            }
            List<Future<List<FoundSubject>>> results = threads.invokeAll(calls);
            for (int i = 0; i < results.size(); i++) {
                assertThat(results.get(i).get()).isEqualTo(expected.get(i % prompts.size()));
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static void assertFinds(String prompt, String... subjects) {
        assertThat(show(FINDER.find(prompt))).as(prompt).isEqualTo(String.join("; ", subjects));
    }

    private static List<String[]> rows(String resource) throws IOException {
        return Files.readAllLines(TestTokenizers.resource(resource)).stream()
                .filter(line -> !line.startsWith("#"))
                .map(line -> line.split("\t"))
                .toList();
    }

    private static String show(List<FoundSubject> found) {
        return found.stream()
                .map(s -> show(s.text(), s.attributes().stream().map(Word::text).toList()))
                .collect(Collectors.joining("; "));
    }

    private static String show(String noun, String attribute) {
        return show(noun, List.of(attribute));
    }

    private static String show(String noun, List<String> attributes) {
        return attributes.isEmpty() ? noun : noun + "{" + String.join(", ", attributes) + "}";
    }
}
