package dev.prenoise.shapes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CaptionsTest {
    private static final SceneObject LEFT = new SceneObject(Shape.CIRCLE, Colour.RED, 15, 30, 12);
    private static final SceneObject RIGHT = new SceneObject(Shape.SQUARE, Colour.BLUE, 45, 32, 12);
    private static final SceneObject LOW = new SceneObject(Shape.CROSS, Colour.CYAN, 16, 52, 10);

    @Test
    void caption_oneObject_hasTwoForms() {
        assertThat(captions(Scene.of(LEFT))).containsExactly("a circle", "a red circle");
    }

    @Test
    void caption_twoObjects_namesRelationsThatHold() {
        assertThat(captions(Scene.of(LEFT, RIGHT)))
                .containsExactly(
                        "a blue square and a red circle",
                        "a blue square right of a red circle",
                        "a circle and a square",
                        "a circle left of a square",
                        "a red circle and a blue square",
                        "a red circle left of a blue square",
                        "a square and a circle",
                        "a square right of a circle");
        assertThat(captions(Scene.of(LEFT, LOW)))
                .contains("a red circle above a cyan cross", "a cyan cross below a red circle");
    }

    @Test
    void caption_threeObjects_hasACommaAsAWord() {
        assertThat(captions(Scene.of(LEFT, RIGHT, LOW)))
                .contains("a red circle , a blue square and a cyan cross", "a cross , a square and a circle")
                .hasSize(12);
    }

    @Test
    void caption_twins_areCountedInFourOfFive() {
        Scene twins = Scene.of(LOW, new SceneObject(Shape.CROSS, Colour.CYAN, 45, 50, 10));
        List<String> captions = IntStream.range(0, 2000)
                .mapToObj(i -> Captions.caption(twins, 1, 0, i))
                .toList();

        assertThat(captions).contains("two cyan crosses", "two crosses", "a cyan cross and a cyan cross");
        assertThat(captions.stream()
                                .filter(caption -> caption.startsWith("two"))
                                .count()
                        / 2000.0)
                .isCloseTo(0.8, within(0.03));
        assertThat(captions.stream().filter(caption -> caption.contains("cyan")).count() / 2000.0)
                .isCloseTo(0.85, within(0.03));
    }

    @Test
    void caption_emptyScene_isRejected() {
        assertThatThrownBy(() -> Captions.caption(Scene.of(), 1, 0, 0))
                .hasMessage("scene: 0 objects (expected: 1 to 3)");
    }

    @Test
    void caption_ofAnyScene_isMadeOfTheModelsWordsAndUnderstood() {
        for (int i = 0; i < 1000; i++) {
            Scene scene = SceneSampler.sample(2, 0, i);
            String caption = Captions.caption(scene, 2, 0, i);

            assertThat(World.VOCABULARY).containsAll(List.of(caption.split(" ")));
            PromptReading reading = PromptGoal.read(caption);
            assertThat(reading).as(caption).isInstanceOf(PromptReading.Understood.class);
            assertThat(((PromptReading.Understood) reading).goal().objects())
                    .isEqualTo(scene.objects().size());
        }
    }

    private static Set<String> captions(Scene scene) {
        Set<String> captions = new TreeSet<>();
        for (int i = 0; i < 500; i++) {
            captions.add(Captions.caption(scene, 1, 0, i));
        }
        return captions;
    }
}
