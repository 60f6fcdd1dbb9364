package dev.prenoise.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClassLabelsTest {
    private static final ClassLabels LABELS = ClassLabels.of(List.of(
            "tench, Tinca tinca",
            "goldfish, Carassius auratus",
            "crane",
            "tiger cat",
            "tiger, Panthera tigris",
            "crane",
            "great_white_shark"));

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "4,4",
        "tiger,4",
        "TIGER CAT,3",
        "panthera  tigris,4",
        "'goldfish, Carassius auratus',1",
        "great white shark,6"
    })
    void find_label_isTheClassOfThatNumberOrName(String label, int index) {
        assertThat(LABELS.find(new Question("a goldfish", label, ""))).isEqualTo(index);
    }

    @ParameterizedTest
    @CsvSource({
        "a tiger in the grass,4",
        "'a Tiger-cat, asleep',3",
        "two tenches and one tench,0",
        "a goldfish chased by a tiger cat,3",
        "three tigers,4",
        "a great white shark,6"
    })
    void find_noLabel_isTheLongestNameInThePrompt(String prompt, int index) {
        assertThat(LABELS.find(Question.of(prompt))).isEqualTo(index);
    }

    @Test
    void find_noClass_isRefused() {
        assertThatThrownBy(() -> LABELS.find(Question.of("a red circle")))
                .isInstanceOf(VerifierException.class)
                .hasMessage(
                        "label: no class is called so, or stands in \"a red circle\" (expected: one of 7 classes, by name or by"
                                + " number 0 to 6; such as \"tench\")");
        assertThatThrownBy(() -> LABELS.find(new Question("a tiger", "tig", "")))
                .isInstanceOf(VerifierException.class)
                .hasMessageContaining("\"tig\"");
        assertThatThrownBy(() -> LABELS.find(new Question("", "7", "")))
                .isInstanceOf(VerifierException.class)
                .hasMessage("label: 7 (expected: 0 to 6)");
        assertThatThrownBy(() -> LABELS.find(Question.of(""))).isInstanceOf(VerifierException.class);
    }

    @Test
    void find_nameOfTwoClasses_asksForTheNumber() {
        assertThatThrownBy(() -> LABELS.find(new Question("", "crane", "")))
                .isInstanceOf(VerifierException.class)
                .hasMessage(
                        "label: \"crane\" is a name of 2 classes (expected: the number of one: 2 = crane; 5 = crane)");
    }

    @Test
    void read_labelsFile_comesBeforeTheConfig() throws IOException {
        Files.writeString(folder.resolve("config.json"), "{\"id2label\": {\"1\": \"dog, hound\", \"0\": \"cat\"}}");
        ClassLabels config = Objects.requireNonNull(ClassLabels.read(folder));
        assertThat(List.of(config.label(0), config.label(1), config.name(1)))
                .containsExactly("cat", "dog, hound", "dog");

        Files.writeString(folder.resolve("labels.txt"), "circle\n\nsquare\n");
        ClassLabels lines = Objects.requireNonNull(ClassLabels.read(folder));
        assertThat(List.of(lines.label(0), lines.label(1))).containsExactly("circle", "square");
    }

    @Test
    void read_madeUpLabelsOrNone_areNone() throws IOException {
        assertThat(ClassLabels.read(folder)).isNull();
        Files.writeString(folder.resolve("config.json"), "{\"id2label\": {\"0\": \"LABEL_0\", \"1\": \"LABEL_1\"}}");
        assertThat(ClassLabels.read(folder)).isNull();
    }

    @Test
    void read_labelsFileWithoutAClass_namesTheFile() throws IOException {
        Path lines = Files.writeString(folder.resolve("labels.txt"), "\n \n");
        assertThatThrownBy(() -> ClassLabels.read(folder))
                .isInstanceOf(VerifierException.class)
                .hasMessage(lines + ": no classes (expected: UTF-8, a class a line)");
    }

    @Test
    void read_brokenConfig_namesTheFile() throws IOException {
        Path config =
                Files.writeString(folder.resolve("config.json"), "{\"id2label\": {\"0\": \"cat\", \"2\": \"dog\"}}");
        assertThatThrownBy(() -> ClassLabels.read(folder))
                .isInstanceOf(VerifierException.class)
                .hasMessage(config + ": id2label: none for 1 (expected: numbers 0 to 1)");
    }
}
