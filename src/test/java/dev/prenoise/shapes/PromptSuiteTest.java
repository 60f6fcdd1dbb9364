package dev.prenoise.shapes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class PromptSuiteTest {
    @ParameterizedTest
    @EnumSource(PromptSuite.class)
    void prompt_allIndices_givesEveryPromptOnce(PromptSuite suite) {
        int count = Math.min(5000, suite.size());
        Set<String> prompts = new HashSet<>();
        for (int i = 0; i < count; i++) {
            prompts.add(suite.prompt(3, i));
        }

        assertThat(prompts).hasSize(count);
    }

    @ParameterizedTest
    @EnumSource(PromptSuite.class)
    void prompt_any_isMadeOfTheModelsWordsAndUnderstood(PromptSuite suite) {
        for (int i = 0; i < 500; i++) {
            String prompt = suite.prompt(4, i);

            assertThat(World.VOCABULARY)
                    .as(prompt)
                    .containsAll(List.of(prompt.replace(",", " ,").split(" ")));
            assertThat(suite.goal(4, i).objects()).isBetween(2, 3);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "TWO_OBJECTS,a \\w+ \\w+ and a \\w+ \\w+",
        "SHAPE_SHAPE,a \\w+ and a \\w+",
        "COLOUR_SHAPE,a \\w+ and a \\w+ \\w+",
        "COUNTING,two \\w+ \\w+s",
        "RELATIONS,a \\w+ \\w+ (left of|right of|above|below) a \\w+ \\w+",
        "SIMILAR_SHAPES,a (\\w+) \\w+ and a \\1 \\w+"
    })
    void prompt_ofEachSuite_hasItsForm(PromptSuite suite, String form) {
        assertThat(IntStream.range(0, 100).mapToObj(i -> suite.prompt(5, i)))
                .allSatisfy(prompt -> assertThat(prompt).matches(form));
    }

    @Test
    void prompt_threeShapes_areThreeDifferentObjects() {
        for (int i = 0; i < 3000; i++) {
            String prompt = PromptSuite.THREE_SHAPES.prompt(6, i);

            assertThat(prompt).matches("a \\w+ \\w+, a \\w+ \\w+ and a \\w+ \\w+");
            assertThat(PromptSuite.THREE_SHAPES.goal(6, i).wanted()).doesNotHaveDuplicates();
        }
    }

    @Test
    void prompt_twoObjects_differ() {
        for (int i = 0; i < PromptSuite.TWO_OBJECTS.size(); i++) {
            assertThat(PromptSuite.TWO_OBJECTS.goal(6, i).wanted()).doesNotHaveDuplicates();
        }
    }

    @Test
    void prompt_beyondTheSize_comesInAnotherOrder() {
        PromptSuite suite = PromptSuite.SHAPE_SHAPE;
        List<String> first =
                IntStream.range(0, 56).mapToObj(i -> suite.prompt(7, i)).toList();
        List<String> second =
                IntStream.range(56, 112).mapToObj(i -> suite.prompt(7, i)).toList();

        assertThat(second).containsExactlyInAnyOrderElementsOf(first).isNotEqualTo(first);
    }

    @Test
    void prompt_anotherSeed_anotherOrder() {
        assertThat(PromptSuite.TWO_OBJECTS.prompt(1, 0)).isEqualTo(PromptSuite.TWO_OBJECTS.prompt(1, 0));
        assertThat(IntStream.range(0, 20).mapToObj(i -> PromptSuite.TWO_OBJECTS.prompt(1, i)))
                .isNotEqualTo(IntStream.range(0, 20)
                        .mapToObj(i -> PromptSuite.TWO_OBJECTS.prompt(2, i))
                        .toList());
    }

    @Test
    void prompt_theFirstOne_neverChanges() {
        assertThat(PromptSuite.TWO_OBJECTS.prompt(0, 0)).isEqualTo("a green square and a orange cross");
    }

    @Test
    void prompt_negativeIndex_isRejected() {
        assertThatThrownBy(() -> PromptSuite.COUNTING.prompt(0, -1)).hasMessage("index: -1 (expected: >= 0)");
    }

    @Test
    void similar_pairs_areThoseThatMatchByTwoThirds() {
        for (Shape one : Shape.values()) {
            Scene scene = Scene.of(new SceneObject(one, Colour.BLUE, 31.3, 31.6, 13));
            Sighting sighting = Oracle.look(TestPictures.render(scene, 1, 0)).get(0);
            for (Shape other : Shape.values()) {
                if (one != other) {
                    boolean listed = PromptSuite.SIMILAR.contains(List.of(one, other))
                            || PromptSuite.SIMILAR.contains(List.of(other, one));
                    assertThat(sighting.match(other) >= 0.66)
                            .as("%s %s", one, other)
                            .isEqualTo(listed);
                }
            }
        }
    }

    @Test
    void permutation_everySize_isOne() {
        for (int size : new int[] {1, 2, 3, 56, 64, 80, 1000, 4097}) {
            Permutation permutation = Permutation.of("test", 9, 0, size);
            int[] places =
                    IntStream.range(0, size).map(permutation::at).sorted().toArray();

            assertThat(Arrays.equals(places, IntStream.range(0, size).toArray()))
                    .as("size %s", size)
                    .isTrue();
        }
    }
}
