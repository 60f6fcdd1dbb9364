package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PromptSpecTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        COMFYUI | a (red:1.3) cat      | a red cat
        COMFYUI | a [red] cat          | a [red] cat
        A1111   | a ([red]:1.3) cat    | a red cat
        A1111   | a [cat:dog:0.5] runs | a dog runs
        NONE    | a (red:1.3) cat      | a (red:1.3) cat
        """)
    void words_areThePromptWithoutItsSyntax(Weighting weighting, String text, String words) {
        assertThat(new PromptSpec(text, "", List.of(), null, weighting, 0).words())
                .isEqualTo(words);
    }
}
