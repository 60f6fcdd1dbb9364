package dev.prenoise.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class PromptSetsTest {
    @Test
    void all_sizes_asPublished() {
        assertThat(PromptSets.all()).extracting(PromptSet::name).isEqualTo(PromptSets.names());
        assertThat(PromptSets.all()).extracting(set -> set.prompts().size()).containsExactly(66, 144, 66, 31);
    }

    @Test
    void all_prompts_differAndStayWithinTheirWords() {
        for (PromptSet set : PromptSets.all()) {
            assertThat(set.prompts()).extracting(PromptSet.Prompt::text).doesNotHaveDuplicates();
            for (PromptSet.Prompt prompt : set.prompts()) {
                int words = prompt.text().split(" ").length;
                assertThat(prompt.groups()).hasSize(2);
                assertThat(prompt.groups().get(1)).endsWith(words);
            }
        }
    }

    @Test
    void get_namedSet_hasItsGroups() {
        PromptSet.Prompt coloured = PromptSets.get("object_object").prompts().get(0);
        assertThat(coloured.text()).isEqualTo("a pink crown and a purple bow");
        assertThat(coloured.groups()).containsExactly(List.of(2, 3), List.of(6, 7));

        assertThat(PromptSets.get("animal_object").prompts())
                .contains(
                        new PromptSet.Prompt("a turtle with a bow", List.of(List.of(2), List.of(5))),
                        new PromptSet.Prompt("a mouse and a pink apple", List.of(List.of(2), List.of(5, 6))));
        assertThat(PromptSets.get("similar_subjects").prompts())
                .extracting(PromptSet.Prompt::text)
                .contains("an ox and a cow", "a eagle and a owl");
    }

    @Test
    void get_unknownName_listsTheSets() {
        assertThatThrownBy(() -> PromptSets.get("ssd_3"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("prompt set: ssd_3 (expected: one of [animal_animal,");
    }
}
