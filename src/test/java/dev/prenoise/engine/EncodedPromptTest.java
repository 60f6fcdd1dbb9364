package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.Weights;
import dev.prenoise.text.ClipTextConfig;
import dev.prenoise.text.ClipTextEncoder;
import dev.prenoise.text.PromptEncoder;
import dev.prenoise.text.PromptTokenizer;
import dev.prenoise.text.SubjectFinder;
import dev.prenoise.text.SubjectResolver;
import dev.prenoise.text.TextFamily;
import dev.prenoise.text.Tokenizer;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** With a tiny vocabulary and tiny text encoders of 16 positions in SDXL's composition. */
class EncodedPromptTest {
    private static final Path TEXT = Path.of("test/resources/text");
    private static final SubjectResolver SUBJECTS = new SubjectResolver(new SubjectFinder());
    private static final Tokenizer TOKENIZER = Tokenizer.load(TEXT.resolve("clip-tiny"));
    private static final List<ClipTextEncoder> TOWERS = List.of(tower("tower_l", 8, true), tower("tower_g", 12, false));
    private static final PromptTokenizer PROMPTS = new PromptTokenizer(TOKENIZER, TextFamily.SDXL, 16);
    private static final PromptEncoder ENCODER = new PromptEncoder(PROMPTS, TOWERS, 0);

    @AfterAll
    static void free() {
        TOWERS.forEach(ClipTextEncoder::close);
        TOKENIZER.close();
    }

    @Test
    void of_longWeightedPrompt_hasChunksPooledAndSubjectsBehindTheFirstChunk() {
        PromptSpec prompt = spec(
                "(a portrait of an old fisherman:1.2) wearing a raincoat and a (cat)", "a dog", Weighting.COMFYUI, 0);
        try (EncodedPrompt encoded = EncodedPrompt.of(prompt, ENCODER, SUBJECTS, 20)) {
            assertThat(encoded.positive().context().shape()).containsExactly(1, 32, 20);
            assertThat(Objects.requireNonNull(encoded.positive().pooled()).shape())
                    .containsExactly(1, 6);
            assertThat(Objects.requireNonNull(encoded.negative()).context().shape())
                    .containsExactly(1, 16, 20);
            SubjectSpec cat =
                    encoded.subjects().found().get(encoded.subjects().found().size() - 1);
            assertThat(cat.text()).isEqualTo("cat");
            assertThat(cat.tokenIndices()).singleElement().satisfies(index -> assertThat(index)
                    .isBetween(17, 30));
            assertThat(encoded.warnings()).isEmpty();
            assertThat(EncodedPrompt.subjects(prompt, PROMPTS, SUBJECTS, 20))
                    .isEqualTo(encoded.subjects().required());
        }
    }

    @Test
    void of_syntaxThatIsReadOtherwise_warnsOnceForEachPrompt() {
        PromptSpec prompt = spec("a [cat:dog:0.5]", "a [frog:bear:0.5], red", Weighting.A1111, 5);
        try (EncodedPrompt encoded = EncodedPrompt.of(prompt, ENCODER, SUBJECTS, 20)) {
            assertThat(encoded.subjects().found()).extracting(SubjectSpec::text).containsExactly("cat");
            assertThat(encoded.warnings()).hasSize(3);
            assertThat(encoded.warnings().get(0)).contains("\"a cat\"");
            assertThat(encoded.warnings().get(1)).startsWith("clip skip 5 is left out");
            assertThat(encoded.warnings().get(2))
                    .startsWith("negative prompt: ")
                    .contains("\"a frog, red\"");
        }
    }

    @Test
    void of_badPrompt_namesTheField() {
        assertField("prompt.text", spec("a cat <lora:x:1>", "", Weighting.A1111, 0));
        assertField("prompt.negative_text", spec("a cat", "<lora:x:1>", Weighting.COMFYUI, 0));
        assertField("prompt.clip_skip", spec("a cat", "", Weighting.COMFYUI, 4));
        assertField("prompt.clip_skip", spec("a cat", "", Weighting.NONE, -1));
    }

    @Test
    void of_promptWithoutSubjects_isEncodedAndLacksThemOnlyWhereTheyAreRequired() {
        try (EncodedPrompt encoded = EncodedPrompt.of(spec("", "", Weighting.COMFYUI, 0), ENCODER, SUBJECTS, 20)) {
            assertThat(encoded.subjects().found()).isEmpty();
            assertThatThrownBy(() -> encoded.subjects().required())
                    .hasMessage(
                            "prompt.text: \"\" (expected: a prompt that names a thing to show, or subjects named by the"
                                    + " caller)");
        }
        PromptSpec named = new PromptSpec("a cat", "", List.of(new SubjectSpec("dog", List.of(), List.of())));
        assertField("prompt.subjects[0].text", named);
    }

    private static void assertField(String field, PromptSpec prompt) {
        assertThatThrownBy(() -> EncodedPrompt.of(prompt, ENCODER, SUBJECTS, 20))
                .isInstanceOfSatisfying(
                        InvalidFieldException.class, e -> assertThat(e.field()).isEqualTo(field));
    }

    private static PromptSpec spec(String text, String negative, Weighting weighting, int clipSkip) {
        return new PromptSpec(text, negative, List.of(), null, weighting, clipSkip);
    }

    private static ClipTextEncoder tower(String name, int width, boolean quickGelu) {
        int end = 579;
        ClipTextConfig config = new ClipTextConfig(end + 1, 16, width, 12, 3, 2, 1e-5, quickGelu, end - 1, end, 1);
        Path file = TEXT.resolve("prompts/" + name + ".safetensors");
        return new ClipTextEncoder(config, Weights.open(file, Compute.cpu(), DType.FLOAT32));
    }
}
