package dev.prenoise.shapes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PromptGoalTest {
    private static final Wanted RED_CIRCLE = new Wanted(Shape.CIRCLE, Optional.of(Colour.RED), 1);
    private static final Wanted BLUE_SQUARE = new Wanted(Shape.SQUARE, Optional.of(Colour.BLUE), 1);

    @Test
    void read_twoObjects() {
        assertThat(understood("a red circle and a blue square"))
                .isEqualTo(new PromptGoal(List.of(RED_CIRCLE, BLUE_SQUARE), Optional.empty()));
    }

    @Test
    void read_noColours() {
        assertThat(understood("A circle and a Square").wanted())
                .containsExactly(
                        new Wanted(Shape.CIRCLE, Optional.empty(), 1), new Wanted(Shape.SQUARE, Optional.empty(), 1));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a red star , a blue moon and a green ring",
                "a red star, a blue moon and a green ring",
                "a red star, a blue moon, and a green ring",
                "red star,blue moon,green ring"
            })
    void read_threeObjects_howeverTheCommaStands(String prompt) {
        PromptGoal goal = understood(prompt);

        assertThat(goal.objects()).isEqualTo(3);
        assertThat(goal.wanted().get(1)).isEqualTo(new Wanted(Shape.MOON, Optional.of(Colour.BLUE), 1));
    }

    @ParameterizedTest
    @CsvSource({"left of,LEFT_OF", "right of,RIGHT_OF", "above,ABOVE", "below,BELOW"})
    void read_relations(String words, Relation relation) {
        assertThat(understood("a red circle " + words + " a blue square"))
                .isEqualTo(new PromptGoal(List.of(RED_CIRCLE, BLUE_SQUARE), Optional.of(relation)));
    }

    @Test
    void read_counts() {
        assertThat(understood("two red stars").wanted())
                .containsExactly(new Wanted(Shape.STAR, Optional.of(Colour.RED), 2));
        assertThat(understood("three crosses and a red circle").objects()).isEqualTo(4);
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '\'',
            value = {
                "'a red dog','prompt: \"dog\" (expected: circle, square, triangle, ring, cross, star, heart, moon)'",
                "'a Frog','prompt: \"Frog\" (expected: red, green, blue, yellow, purple, orange, cyan, black, circle, square, triangle, ring, cross, star, heart, moon)'",
                "'a circle next to a square','prompt: \"next\" (expected: and, a comma, left of, right of, above, below)'",
                "'two stars above a moon','prompt: \"above\" (expected: and, a comma)'",
                "'two star','prompt: \"star\" (expected: red, green, blue, yellow, purple, orange, cyan, black, circles, squares, triangles, rings, crosses, stars, hearts, moons)'",
                "'a red','prompt: ends (expected: circle, square, triangle, ring, cross, star, heart, moon)'",
                "'a star above a moon and a ring','prompt: \"and\" (expected: nothing more after a relation)'"
            })
    void read_anythingElse_saysWhereItStopped(String prompt, String message) {
        assertThat(((PromptReading.NotUnderstood) PromptGoal.read(prompt)).message())
                .isEqualTo(message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "  ", ",", "and", "a", "a circle and", "a circle left", "left of a circle"})
    void read_fragments_areNotUnderstood(String prompt) {
        assertThat(PromptGoal.read(prompt)).isInstanceOf(PromptReading.NotUnderstood.class);
    }

    @Test
    void goal_relationAmongThree_isRejected() {
        assertThatThrownBy(
                        () -> new PromptGoal(List.of(RED_CIRCLE, RED_CIRCLE, BLUE_SQUARE), Optional.of(Relation.ABOVE)))
                .hasMessageStartingWith("relation: ABOVE");
    }

    private static PromptGoal understood(String prompt) {
        return ((PromptReading.Understood) PromptGoal.read(prompt)).goal();
    }
}
