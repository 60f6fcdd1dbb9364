package dev.prenoise.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.Weights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ClipTemplatesTest {
    @Test
    void sentences_ofAPrompt_are80ThatHaveItOnceEach() {
        List<String> sentences = ClipTemplates.sentences("red cat");
        assertThat(sentences)
                .hasSize(80)
                .doesNotHaveDuplicates()
                .allMatch(sentence -> sentence.split("red cat", -1).length == 2)
                .startsWith("a bad photo of a red cat.", "a photo of many red cat.")
                .endsWith("a photo of a small red cat.", "a tattoo of the red cat.");
    }

    @Test
    void sentences_ofAPromptWithItsArticle_haveOneArticle() {
        assertThat(ClipTemplates.sentences("a cat"))
                .startsWith("a bad photo of a cat.", "a photo of many a cat.")
                .contains("a plushie a cat.", "a cat in a video game.")
                .endsWith("a photo of a small a cat.", "a tattoo of a cat.")
                .noneMatch(sentence -> sentence.contains("a a ") || sentence.contains("the a "));
    }

    @Test
    void sentences_whereAWordsEndLooksLikeAnArticle_areThePublishedMetrics() {
        assertThat(ClipTemplates.sentences("a chihuahua and a poodle"))
                .contains("itap of my a chihuahuand a poodle.", "art of a chihuahuand a poodle.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"clip", "clip_h"})
    void embedding_ofAPrompt_isTransformersMean(String model, @TempDir Path folder) throws IOException {
        TinyClips.publish(model, folder);
        double[] golden = TinyClips.golden(model, "templates");
        Clip clip = Clip.open(folder, Compute.cpu(), DType.FLOAT32);
        try (Weights weights = clip.weights()) {
            double[] embeddings = TinyClips.READ_THROUGH.stream()
                    .map(prompt -> ClipTemplates.embedding(clip, prompt))
                    .flatMapToDouble(each -> IntStream.range(0, each.length).mapToDouble(i -> each[i]))
                    .toArray();
            double difference = TinyClips.difference(embeddings, golden);
            TinyClips.report(model + " mean of 80 texts", difference);
            assertThat(weights.loadedBytes()).isPositive();
            assertThat(difference).isLessThan(2e-6);
        }
    }
}
