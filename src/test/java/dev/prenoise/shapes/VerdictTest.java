package dev.prenoise.shapes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class VerdictTest {
    private static final SceneObject RED_CIRCLE = new SceneObject(Shape.CIRCLE, Colour.RED, 15, 16, 12);
    private static final SceneObject BLUE_SQUARE = new SceneObject(Shape.SQUARE, Colour.BLUE, 46, 20, 12);
    private static final SceneObject GREEN_STAR = new SceneObject(Shape.STAR, Colour.GREEN, 17, 46, 11);

    @Test
    void judge_everythingThere_isExactAndScoresOne() {
        Verdict verdict = judge("a red circle and a blue square", RED_CIRCLE, BLUE_SQUARE);

        assertThat(verdict.isExact()).isTrue();
        assertThat(verdict.found()).isEqualTo(2);
        assertThat(verdict.asked()).isEqualTo(2);
        assertThat(verdict.score()).isCloseTo(1, within(1e-9));
    }

    @Test
    void judge_oneMore_isCompleteButNotExact() {
        Verdict verdict = judge("a red circle and a blue square", RED_CIRCLE, BLUE_SQUARE, GREEN_STAR);

        assertThat(verdict.isComplete()).isTrue();
        assertThat(verdict.isExact()).isFalse();
        assertThat(verdict.extra()).isEqualTo(1);
        assertThat(verdict.score()).isBetween(0.9, 0.999);
    }

    @Test
    void judge_swappedColours_findsNothing() {
        Verdict verdict = judge("a blue circle and a red square", RED_CIRCLE, BLUE_SQUARE);

        assertThat(verdict.found()).isZero();
        assertThat(verdict.extra()).isEqualTo(2);
        assertThat(verdict.score()).isBetween(0.1, 0.5);
    }

    @Test
    void judge_coloursNotAsked_anyWillDo() {
        assertThat(judge("a star and a circle", RED_CIRCLE, GREEN_STAR).isExact())
                .isTrue();
        assertThat(judge("a circle and a red circle", RED_CIRCLE, GREEN_STAR).found())
                .isEqualTo(1);
    }

    @Test
    void judge_anyColourAndOne_areDealtSoThatBothAreFound() {
        SceneObject blueCircle = new SceneObject(Shape.CIRCLE, Colour.BLUE, 46, 20, 12);

        assertThat(judge("a circle and a red circle", RED_CIRCLE, blueCircle).isExact())
                .isTrue();
        assertThat(judge("a red circle and a circle", RED_CIRCLE, blueCircle).isExact())
                .isTrue();
    }

    @Test
    void judge_twoOfTheSame_needsTwo() {
        SceneObject twin = new SceneObject(Shape.STAR, Colour.GREEN, 46, 20, 11);

        assertThat(judge("two green stars", GREEN_STAR, twin).isExact()).isTrue();
        assertThat(judge("two green stars", GREEN_STAR, RED_CIRCLE).found()).isEqualTo(1);
        assertThat(judge("two stars", GREEN_STAR, twin, RED_CIRCLE).isComplete())
                .isTrue();
    }

    @Test
    void judge_relation_mustHold() {
        assertThat(judge("a red circle left of a blue square", RED_CIRCLE, BLUE_SQUARE)
                        .isExact())
                .isTrue();
        assertThat(judge("a green star below a red circle", RED_CIRCLE, GREEN_STAR)
                        .isExact())
                .isTrue();
        Verdict wrong = judge("a red circle right of a blue square", RED_CIRCLE, BLUE_SQUARE);
        assertThat(wrong.found()).isEqualTo(2);
        assertThat(wrong.relationHolds()).isFalse();
        assertThat(wrong.isComplete()).isFalse();
        assertThat(wrong.score()).isCloseTo(0.8, within(1e-9));
        assertThat(judge("a red circle left of a blue square", RED_CIRCLE).relationHolds())
                .isFalse();
    }

    @Test
    void judge_betterPictures_scoreHigher() {
        String prompt = "a red circle and a blue square";
        SceneObject purpleSquare = new SceneObject(Shape.SQUARE, Colour.PURPLE, 46, 20, 12);

        double both = judge(prompt, RED_CIRCLE, BLUE_SQUARE).score();
        double more = judge(prompt, RED_CIRCLE, BLUE_SQUARE, GREEN_STAR).score();
        double nearly = judge(prompt, RED_CIRCLE, purpleSquare).score();
        double one = judge(prompt, RED_CIRCLE).score();
        double other = judge(prompt, GREEN_STAR).score();
        double none = judge(prompt).score();

        assertThat(new double[] {none, other, one, nearly, more, both}).isSorted();
        assertThat(none).isZero();
        assertThat(one).isCloseTo(0.5, within(1e-9));
    }

    private static Verdict judge(String prompt, SceneObject... objects) {
        PromptGoal goal = ((PromptReading.Understood) PromptGoal.read(prompt)).goal();
        return Oracle.judge(TestPictures.render(Scene.of(objects), 4, 0), goal);
    }
}
