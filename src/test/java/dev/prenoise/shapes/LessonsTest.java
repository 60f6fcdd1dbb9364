package dev.prenoise.shapes;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LessonsTest {
    private static final List<Lesson> LESSONS = lessons();

    private static List<Lesson> lessons() {
        List<Lesson> lessons = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            lessons.add(Lessons.lesson(5, 1, i));
        }
        return lessons;
    }

    @Test
    void caption_isTrueOfWhatIsShown_andWrongOnesAreNot() {
        for (Lesson lesson : LESSONS) {
            assertThat(Statement.of(lesson.caption()).holds(lesson.shown()))
                    .as("\"%s\" of %s", lesson.caption(), lesson.shown())
                    .isTrue();
            assertThat(lesson.wrong()).hasSize(Lessons.WRONG);
            for (String wrong : lesson.wrong()) {
                assertThat(Statement.of(wrong).holds(lesson.shown()))
                        .as("\"%s\" of %s", wrong, lesson.shown())
                        .isFalse();
            }
        }
    }

    @Test
    void lesson_sameSeedRoundAndIndex_isTheSame() {
        Lesson again = Lessons.lesson(5, 1, 7);
        assertThat(again.caption()).isEqualTo(LESSONS.get(7).caption());
        assertThat(again.wrong()).isEqualTo(LESSONS.get(7).wrong());
        assertThat(again.image().values()).isEqualTo(LESSONS.get(7).image().values());
        assertThat(Lessons.lesson(6, 1, 7).image().values())
                .isNotEqualTo(LESSONS.get(7).image().values());
    }

    /** Of what the oracle sees in the pictures: objects are as described, and of those that failed next to none looks right. */
    @Test
    void pictures_showWhatTheirLessonsSay() {
        int objects = 0;
        int seen = 0;
        int tooMany = 0;
        for (Lesson lesson : LESSONS) {
            Verdict verdict = Oracle.judge(lesson.image(), PromptGoal.of(new Scene(lesson.shown())));
            objects += verdict.asked();
            seen += verdict.found();
            tooMany += verdict.extra();
        }
        assertThat(seen / (double) objects).isGreaterThan(0.9);
        assertThat(tooMany / (double) objects).isLessThan(0.08);
    }

    @Test
    void captions_ofAllKindsCome() {
        assertThat(LESSONS.stream().map(Lesson::caption))
                .anyMatch(caption -> caption.startsWith("two "))
                .anyMatch(caption -> caption.contains(" left of "))
                .anyMatch(caption -> caption.contains(" , "))
                .anyMatch(caption -> caption.matches("a \\w+"));
        assertThat(new HashSet<>(LESSONS.stream().map(Lesson::caption).toList()))
                .hasSizeGreaterThan(150);
    }

    @Test
    void statement_holds_needsAnObjectForEachThing_andItsRelation() {
        List<SceneObject> shown = List.of(
                new SceneObject(Shape.STAR, Colour.RED, 15, 30, 10),
                new SceneObject(Shape.MOON, Colour.BLUE, 45, 30, 10));
        assertThat(Statement.of("a red star left of a blue moon").holds(shown)).isTrue();
        assertThat(Statement.of("a blue moon left of a red star").holds(shown)).isFalse();
        assertThat(Statement.of("a star").holds(shown)).isTrue();
        assertThat(Statement.of("two red stars").holds(shown)).isFalse();
        assertThat(Statement.of("a blue star and a red moon").holds(shown)).isFalse();
        assertThat(Statement.of("two red stars").caption()).isEqualTo("two red stars");
        assertThat(Statement.of("a red star, a moon and a cross").caption())
                .isEqualTo("a red star , a moon and a cross");
        assertThat(new Statement(Statement.of("a star and a moon").things(), Optional.of(Relation.ABOVE)).caption())
                .isEqualTo("a star above a moon");
    }
}
