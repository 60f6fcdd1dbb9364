package dev.prenoise.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LlmGradeTest {
    private static final String WHOLE = """
            {"accuracy": {"reason": "both are there", "score": 9.5}, "creativity": {"reason": "plain", "score": 3},
             "quality": {"reason": "clean", "score": 8}, "consistency": {"reason": "one style", "score": 9},
             "resonance": {"reason": "cold", "score": 2.5}, "overall": {"reason": "right but dull", "score": 7.5}}""";

    @Test
    void read_ofAWholeAnswer_keepsEveryAspect() {
        LlmGrade grade = LlmGrade.read(WHOLE);

        assertThat(grade).isNotNull();
        assertThat(grade.overall()).isEqualTo(7.5);
        assertThat(grade.aspects().keySet()).containsExactlyElementsOf(LlmWording.ASPECTS);
        assertThat(grade.aspects().get("resonance")).isEqualTo(new LlmGrade.Aspect(2.5, "cold"));
    }

    @Test
    void read_ofWhatToJsonWrites_isTheSame() {
        LlmGrade grade = LlmGrade.read(WHOLE);

        assertThat(grade).isNotNull();
        assertThat(LlmGrade.read(grade.toJson().toString())).isEqualTo(grade);
    }

    @Test
    void read_withoutOverall_takesTheMeanOfAllFive() {
        LlmGrade grade = LlmGrade.read(
                "{\"accuracy\": 10, \"creativity\": 5, \"quality\": 5, \"consistency\": 5, \"resonance\": 4}");

        assertThat(grade).isNotNull();
        assertThat(grade.overall()).isCloseTo(5.8, within(1e-12));
    }

    @Test
    void read_withoutOverallAndWithFourAspects_isNothing() {
        assertThat(LlmGrade.read("{\"accuracy\": 10, \"creativity\": 5, \"quality\": 5, \"consistency\": 5}"))
                .isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "```json\n{\"overall\": 6.5}\n```",
                "<think>maybe {a or b} ... {\"overall\": 1}</think>\nHere it is: {\"overall\": {\"score\": 6.5, \"reason\": \"a } in it\"}} ok?",
                "{\"overall\": \"6.5/10\"}",
                "{\"overall_score\": \"6.5 out of 10\", \"overall_reason\": \"10\"}",
                "{\"grades\": {\"Overall Rating\": {\"rating\": 6.5}}}",
                "an { that never closes, then {\"overall\": 6.5}",
                "{\"overall\": 6.5, \"accuracy\": [], \"quality\": null, \"resonance\": true}",
            })
    void read_ofAnswersAsModelsGiveThem_findsTheOverallGrade(String answer) {
        LlmGrade grade = LlmGrade.read(answer);

        assertThat(grade).isNotNull();
        assertThat(grade.overall()).isEqualTo(6.5);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "7",
                "I would say 7.",
                "{}",
                "{\"overall\": 75}",
                "{\"overall\": -1}",
                "{\"overall\": 10.01}",
                "{\"overall\": NaN}",
                "{\"overall\": true}",
                "{\"overall\": [7]}",
                "{\"overall\": {\"reason\": \"7\"}}",
                "{\"overall\": 7",
                "[7, 7, 7]",
            })
    void read_ofNonsense_isNothing(String answer) {
        assertThat(LlmGrade.read(answer)).isNull();
    }

    @Test
    void read_ofAMillionBraces_endsSoon() {
        assertThat(LlmGrade.read("{".repeat(1_000_000))).isNull();
        assertThat(LlmGrade.read("{\"a\":".repeat(100_000) + "1" + "}".repeat(100_000)))
                .isNull();
    }

    @Test
    void read_ofALongReason_keepsItsBeginning() {
        LlmGrade grade = LlmGrade.read(
                "{\"overall\": 5, \"quality\": {\"score\": 5, \"reason\": \"" + "x".repeat(5000) + "\"}}");

        assertThat(grade).isNotNull();
        assertThat(grade.aspects().get("quality").reason()).hasSize(300);
    }

    @Test
    void wording_withOwnInstructions_hasThemInPlaceOfTheUsual() {
        LlmWording usual = LlmWording.of(Question.of("a red circle"));
        LlmWording own = LlmWording.of(new Question("a red circle", "", "Only colour counts."));

        assertThat(LlmWording.ASPECTS)
                .allSatisfy(aspect -> assertThat(usual.system()).contains(aspect + ": "));
        assertThat(usual.user()).contains("a red circle");
        assertThat(own.system()).startsWith("Only colour counts.").doesNotContain("creativity");
        assertThat(List.of(usual.system(), own.system()))
                .allSatisfy(system -> assertThat(system).contains("\"overall\"").contains("from 0"));
        assertThat(LlmWording.of(Question.of(" ")).user()).startsWith("There was no prompt");
    }
}
