package dev.prenoise.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.prenoise.server.TestSidecar;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.v1.FindSubjectsRequest;
import dev.prenoise.v1.FindSubjectsResponse;
import dev.prenoise.v1.FoundSubject;
import dev.prenoise.v1.Prompt;
import dev.prenoise.v1.PromptWeighting;
import dev.prenoise.v1.Subject;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class FindSubjectsTest {
    private static TestSidecar sidecar;

    @BeforeAll
    static void start() {
        sidecar = TestSidecar.onLoopback(SidecarConfig.DEFAULT);
    }

    @AfterAll
    static void stop() {
        sidecar.close();
    }

    private static FindSubjectsResponse find(Prompt.Builder prompt) {
        return sidecar.client()
                .findSubjects(FindSubjectsRequest.newBuilder().setPrompt(prompt).build());
    }

    private static StatusRuntimeException failure(Prompt.Builder prompt) {
        return catchThrowableOfType(StatusRuntimeException.class, () -> find(prompt));
    }

    private static Prompt.Builder prompt(String text) {
        return Prompt.newBuilder().setText(text);
    }

    /** The words of each subject as the spans cut them out. */
    private static List<List<String>> words(FindSubjectsResponse found) {
        int[] points = found.getText().codePoints().toArray();
        return found.getSubjectsList().stream()
                .map(subject -> subject.getWordsList().stream()
                        .map(span -> new String(points, span.getStart(), span.getEnd() - span.getStart()))
                        .toList())
                .toList();
    }

    @Test
    void findSubjects_unnamed_findsAllWithTheirAttributes() {
        FindSubjectsResponse found = find(prompt("a red apple and a big blue dog, masterpiece"));

        assertThat(found.getText()).isEqualTo("a red apple and a big blue dog, masterpiece");
        assertThat(found.getSubjectsList())
                .extracting(FoundSubject::getSubject)
                .containsExactly(
                        Subject.newBuilder()
                                .setText("apple")
                                .addAttributes("red")
                                .build(),
                        Subject.newBuilder()
                                .setText("dog")
                                .addAttributes("big")
                                .addAttributes("blue")
                                .build());
        assertThat(words(found)).containsExactly(List.of("red", "apple"), List.of("big", "blue", "dog"));
    }

    @Test
    void findSubjects_weighted_hasSpansOfTheTextWithoutWeights() {
        FindSubjectsResponse comfy = find(prompt("a (red:1.3) apple and ((a cat))"));
        FindSubjectsResponse a1111 = find(prompt("a [cat:dog:0.5] and a (red:1.2) ball <lora:style:0.8>")
                .setWeighting(PromptWeighting.PROMPT_WEIGHTING_A1111));

        assertThat(comfy.getText()).isEqualTo("a red apple and a cat");
        assertThat(words(comfy)).containsExactly(List.of("red", "apple"), List.of("cat"));
        assertThat(a1111.getText()).isEqualTo("a cat and a red ball");
        assertThat(words(a1111)).containsExactly(List.of("cat"), List.of("red", "ball"));
    }

    @Test
    void findSubjects_behindCharactersBeyond16Bits_countsCodePoints() {
        FindSubjectsResponse found = find(prompt("\uD83D\uDE00\uD83D\uDE00 a red apple"));

        assertThat(words(found)).containsExactly(List.of("red", "apple"));
        assertThat(found.getSubjects(0).getWords(0).getStart()).isEqualTo(5);
    }

    @Test
    void findSubjects_named_looksThemUpInTheirOrder() {
        FindSubjectsResponse found = find(prompt("a red ball beside a blue ball")
                .addSubjects(Subject.newBuilder().setText("blue ball"))
                .addSubjects(Subject.newBuilder().setText("ball").addAttributes("red")));

        assertThat(words(found)).containsExactly(List.of("blue", "ball"), List.of("red", "ball"));
        assertThat(found.getSubjects(0).getWords(1).getStart()).isEqualTo(25);
    }

    @Test
    void findSubjects_ofNothing_findsNone() {
        assertThat(find(prompt("masterpiece, best quality, 8k")).getSubjectsList())
                .isEmpty();
        assertThat(find(prompt("")).getSubjectsList()).isEmpty();
    }

    @Test
    void findSubjects_thatAreNotThere_saysWhichThereAre() {
        StatusRuntimeException missing = failure(
                prompt("a cat and a frog").addSubjects(Subject.newBuilder().setText("dog")));
        StatusRuntimeException indexed = failure(
                prompt("a cat").addSubjects(Subject.newBuilder().setText("cat").addTokenIndices(2)));

        assertThat(missing.getStatus().getCode()).isEqualTo(Code.INVALID_ARGUMENT);
        assertThat(missing)
                .hasMessageContaining(
                        "prompt.subjects[0].text: \"dog\" (expected: a subject of the prompt, each once; found: cat, frog)");
        assertThat(indexed).hasMessageContaining("prompt.subjects[0].token_indices: 1 of them (expected: none");
    }

    @Test
    void findSubjects_withAPromptTooLong_isRefused() {
        assertThat(failure(prompt("cat ".repeat(3000)))).hasMessageContaining("prompt.text: 12000 characters");
    }
}
