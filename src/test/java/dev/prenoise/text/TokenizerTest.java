package dev.prenoise.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.prenoise.text.TokenizedPrompt.TokenizedWord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {
    @Test
    void encode_shapesPrompt_equalsReferenceIds() {
        try (Tokenizer tokenizer = TestTokenizers.shapes()) {
            TokenizedPrompt prompt = tokenizer.encodePrompt("a red circle left of a blue square");

            assertThat(prompt.ids())
                    .containsExactly(0, 2, 19, 27, 9, 6, 2, 21, 28, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
            assertThat(prompt.bosIndex()).isZero();
            assertThat(prompt.eosIndex()).isEqualTo(9);
            assertThat(prompt.spans().get(3).of(prompt.text())).isEqualTo("circle");
            assertThat(prompt.idArray()).hasSize(24).startsWith(0, 2, 19);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"clip-tiny", "clip-tiny-json"})
    void encode_bytePairs_equalsGolden(String folder) throws IOException {
        JsonArray golden = JsonParser.parseString(Files.readString(TestTokenizers.resource("clip-tiny.golden.json")))
                .getAsJsonArray();
        try (Tokenizer tokenizer = TestTokenizers.load(folder)) {
            for (JsonElement element : golden) {
                JsonObject expected = element.getAsJsonObject();
                TokenizedPrompt prompt = tokenizer.encode(expected.get("text").getAsString(), 64, 7);

                List<Integer> ids = integers(expected.getAsJsonArray("ids"));
                assertThat(prompt.ids().subList(0, ids.size()))
                        .as(prompt.text())
                        .isEqualTo(ids);
                assertThat(prompt.ids().subList(ids.size(), 64))
                        .as(prompt.text())
                        .containsOnly(7);
                assertThat(prompt.eosIndex()).isEqualTo(ids.size() - 1);
                for (int i = 0; i < ids.size(); i++) {
                    List<Integer> span =
                            integers(expected.getAsJsonArray("spans").get(i).getAsJsonArray());
                    assertThat(prompt.spans().get(i))
                            .as(prompt.text() + " " + i)
                            .isEqualTo(new Span(span.get(0), span.get(1)));
                }
            }
        }
    }

    @Test
    void encode_wordOfSeveralPieces_givesAllItsTokens() {
        try (Tokenizer tokenizer = TestTokenizers.load("clip-tiny")) {
            TokenizedPrompt prompt = tokenizer.encode("a yellow raincoat", 16, 0);

            assertThat(tokensOf(prompt, "a")).containsExactly(1);
            assertThat(tokensOf(prompt, "yellow")).containsExactly(2, 3);
            assertThat(tokensOf(prompt, "raincoat")).containsExactly(4, 5, 6);
            assertThat(prompt.tokensIn(new Span(2, 17))).containsExactly(2, 3, 4, 5, 6);
            assertThat(prompt.eosIndex()).isEqualTo(7);
        }
    }

    @Test
    void encode_textTooLong_keepsEndAndNamesLostWords() {
        try (Tokenizer tokenizer = TestTokenizers.load("clip-tiny")) {
            TokenizedPrompt whole = tokenizer.encode("a cat , a yellow raincoat and a frog", 16, 0);
            TokenizedPrompt cut = tokenizer.encode("a cat , a yellow raincoat and a frog", 9, 0);

            assertThat(whole.truncatedWords()).isEmpty();
            assertThat(cut.ids())
                    .hasSize(9)
                    .startsWith(whole.ids().subList(0, 8).toArray(Integer[]::new));
            assertThat(cut.eosIndex()).isEqualTo(8);
            assertThat(cut.ids().get(8)).isEqualTo(whole.ids().get(whole.eosIndex()));
            assertThat(cut.truncatedWords()).extracting(Word::text).containsExactly("raincoat", "and", "a", "frog");
            assertThat(tokensOf(cut, "raincoat")).hasSize(1);
        }
    }

    @Test
    void encode_exactFit_losesNothing() {
        try (Tokenizer tokenizer = TestTokenizers.shapes()) {
            TokenizedPrompt prompt = tokenizer.encode("a red circle", 5, 1);

            assertThat(prompt.ids()).containsExactly(0, 2, 19, 27, 1);
            assertThat(prompt.truncatedWords()).isEmpty();
        }
    }

    @Test
    void encode_wordOutsideVocabulary_isUnknown() {
        try (Tokenizer tokenizer = TestTokenizers.shapes()) {
            TokenizedPrompt prompt = tokenizer.encodePrompt("a purple dog and a ring");

            assertThat(prompt.unknownWords()).extracting(Word::text).containsExactly("dog");
        }
    }

    @Test
    void encode_anyText_neverFails() {
        try (Tokenizer tokenizer = TestTokenizers.load("clip-tiny")) {
            String loneHalves = "a \uD83E cat \uDD8A";
            TokenizedPrompt prompt = tokenizer.encode(loneHalves, 64, 0);

            assertThat(tokensOf(prompt, "cat")).hasSize(1);
            assertThat(prompt.spans().get(tokensOf(prompt, "cat").get(0)).of(loneHalves))
                    .isEqualTo("cat");
            assertThat(tokenizer.encode("a \0 cat", 64, 0).truncatedWords()).isEmpty();
            assertThat(tokenizer.encode("<|endoftext|> cat", 64, 0).ids()).hasSize(64);
            assertThat(tokenizer.encode("a-".repeat(10_000), 77, 0).truncatedWords())
                    .isNotEmpty();
        }
    }

    @Test
    void encode_manyThreads_sameIds() throws Exception {
        try (Tokenizer tokenizer = TestTokenizers.load("clip-tiny")) {
            List<String> texts = List.of("a cat and a frog", "a yellow raincoat", "an old fisherman", "straw, berry");
            List<TokenizedPrompt> expected =
                    texts.stream().map(tokenizer::encodePrompt).toList();
            ExecutorService threads = Executors.newFixedThreadPool(4);
            try {
                List<Callable<TokenizedPrompt>> calls = new ArrayList<>();
                for (int i = 0; i < 400; i++) {
                    String text = texts.get(i % texts.size());
                    calls.add(() -> tokenizer.encodePrompt(text));
                }
                List<Future<TokenizedPrompt>> results = threads.invokeAll(calls);
                for (int i = 0; i < results.size(); i++) {
                    assertThat(results.get(i).get()).isEqualTo(expected.get(i % texts.size()));
                }
            } finally {
                threads.shutdownNow();
            }
        }
    }

    @Test
    void encode_afterClose_isRefused() {
        Tokenizer tokenizer = TestTokenizers.shapes();
        tokenizer.close();
        tokenizer.close();

        assertThatThrownBy(() -> tokenizer.encodePrompt("a circle")).isInstanceOf(TokenizerException.class);
    }

    @Test
    void encode_lengthTooSmall_isRefused() {
        try (Tokenizer tokenizer = TestTokenizers.shapes()) {
            assertThatThrownBy(() -> tokenizer.encode("a circle", 2, 1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("length: 2 (expected: > 2)");
        }
    }

    @Test
    void load_config_givesLengthAndPadding() {
        try (Tokenizer pairs = TestTokenizers.load("clip-tiny");
                Tokenizer json = TestTokenizers.load("clip-tiny-json");
                Tokenizer shapes = TestTokenizers.shapes()) {
            int endOfText = pairs.encodePrompt("a").ids().get(2);

            assertThat(pairs.maxLength()).isEqualTo(16);
            assertThat(pairs.padId()).isEqualTo(endOfText);
            assertThat(json.padId())
                    .as("pad_token \"!\", as in Stable Diffusion 2")
                    .isZero();
            assertThat(shapes.maxLength()).isEqualTo(24);
            assertThat(shapes.padId()).isEqualTo(1);
        }
    }

    @Test
    void load_withoutConfig_takesClipLengthAndEndOfText(@TempDir Path folder) throws IOException {
        Files.copy(TestTokenizers.resource("shapes/tokenizer.json"), folder.resolve("tokenizer.json"));

        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            assertThat(tokenizer.maxLength()).isEqualTo(77);
            assertThat(tokenizer.padId()).isEqualTo(1);
        }
    }

    @Test
    void load_badFiles_namesTheFile(@TempDir Path folder) throws IOException {
        assertThatThrownBy(() -> Tokenizer.load(folder))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining(folder.resolve("tokenizer.json").toString())
                .hasMessageContaining("expected: tokenizer.json, or vocab.json with merges.txt");

        Path json = folder.resolve("tokenizer.json");
        for (String bad : List.of("{", "[]", "{}", "{\"model\": 3}", "{\"model\": {\"type\": \"BPE\"}}", "\u0000")) {
            Files.writeString(json, bad);
            assertThatThrownBy(() -> Tokenizer.load(folder))
                    .as(bad)
                    .isInstanceOf(TokenizerException.class)
                    .hasMessageContaining(json.toString());
        }
        Files.write(json, new byte[] {(byte) 0xff, (byte) 0xfe});
        assertThatThrownBy(() -> Tokenizer.load(folder)).hasMessageContaining(json.toString());
    }

    @Test
    void load_badMerges_namesFileAndLine(@TempDir Path folder) throws IOException {
        Files.copy(TestTokenizers.resource("clip-tiny/vocab.json"), folder.resolve("vocab.json"));
        assertThatThrownBy(() -> Tokenizer.load(folder)).hasMessageContaining("merges.txt: missing");

        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\na n</w>\nthree pieces here\n");
        assertThatThrownBy(() -> Tokenizer.load(folder))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("merges.txt: line 3: \"three pieces here\"");
    }

    @Test
    void load_noEndOfText_isRefused(@TempDir Path folder) throws IOException {
        JsonObject rules = JsonParser.parseString(Files.readString(TestTokenizers.resource("shapes/tokenizer.json")))
                .getAsJsonObject();
        rules.remove("post_processor");
        Files.writeString(folder.resolve("tokenizer.json"), rules.toString());

        assertThatThrownBy(() -> Tokenizer.load(folder))
                .hasMessageContaining("expected: a token for it, then an end-of-text");
    }

    private static List<Integer> tokensOf(TokenizedPrompt prompt, String text) {
        return prompt.words().stream()
                .filter(w -> w.word().text().equals(text))
                .map(TokenizedWord::tokenIndices)
                .findFirst()
                .orElse(Collections.emptyList());
    }

    private static List<Integer> integers(JsonArray array) {
        return array.asList().stream().map(JsonElement::getAsInt).toList();
    }
}
