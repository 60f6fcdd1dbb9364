package dev.prenoise.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Against what the hosts' own code makes of prompts: their tokens in chunks of 77, and contexts of tiny encoders with 16 positions. */
class PromptEncoderTest {
    private static final Path FOLDER = TestTokenizers.resource("prompts");
    private static final JsonObject GOLDEN = golden();
    private static final int BOS = GOLDEN.get("bos").getAsInt();
    private static final int EOS = GOLDEN.get("eos").getAsInt();
    private static final int STEPS = GOLDEN.get("steps").getAsInt();
    private static final Tokenizer TOKENIZER = TestTokenizers.load("clip-tiny");
    private static final PromptOptions COMFY = new PromptOptions(PromptSyntax.COMFYUI, 0, STEPS);
    private static final PromptOptions WEBUI = new PromptOptions(PromptSyntax.A1111, 0, STEPS);
    private static final PromptOptions PLAIN = new PromptOptions(PromptSyntax.PLAIN, 0, STEPS);

    @AfterAll
    static void free() {
        TOKENIZER.close();
    }

    @Test
    void prepare_promptsOfBothLanguages_tokensAndWeightsEqualTheHosts() {
        PromptEncoder encoder = wide(TextFamily.SD1);
        for (JsonElement element : GOLDEN.getAsJsonArray("tokens")) {
            JsonObject expected = element.getAsJsonObject();
            String text = expected.get("text").getAsString();
            PromptSyntax syntax = PromptSyntax.valueOf(expected.get("syntax").getAsString());
            TokenizedPrompt tokens = encoder.prepare(text, new PromptOptions(syntax, 0, STEPS), false)
                    .tokens();

            List<Integer> ids = new ArrayList<>();
            List<Double> weights = new ArrayList<>();
            for (JsonElement chunk : expected.getAsJsonArray("chunks")) {
                addChunk(chunk.getAsJsonObject(), ids, weights);
            }
            assertThat(tokens.ids()).as(syntax + " " + text).isEqualTo(ids);
            for (int i = 0; i < weights.size(); i++) {
                assertThat(tokens.weights().get(i))
                        .as(syntax + " " + text + " " + i)
                        .isEqualTo(weights.get(i), within(1e-12));
            }
        }
    }

    @Test
    void encode_weightsLayersAndChunksOfEveryFamily_equalsTheHosts() {
        SafetensorsFile contexts = SafetensorsFile.open(FOLDER.resolve("contexts.safetensors"));
        JsonArray cases = GOLDEN.getAsJsonArray("contexts");
        for (int i = 0; i < cases.size(); i++) {
            JsonObject c = cases.get(i).getAsJsonObject();
            TextFamily family = TextFamily.valueOf(c.get("family").getAsString());
            PromptSyntax syntax = PromptSyntax.valueOf(c.get("syntax").getAsString());
            PromptOptions options = new PromptOptions(syntax, c.get("clip_skip").getAsInt(), STEPS);
            try (Scope scope = new Scope();
                    Towers towers = towers(family)) {
                PromptEncoder encoder = encoder(family, towers.all(), 0);
                EncodedText text = encoder.encode(encoder.prepare(c.get("text").getAsString(), options, false));
                assertClose(text.context(), contexts, "" + i, c.toString());
                if (family == TextFamily.SDXL) {
                    assertClose(Objects.requireNonNull(text.pooled()), contexts, i + ".pooled", c.toString());
                } else {
                    assertThat(text.pooled()).isNull();
                }
            }
        }
    }

    @Test
    void encode_sd2WithoutItsLastLayer_equalsTheWholeTower() {
        try (Scope scope = new Scope();
                Towers whole = towers(TextFamily.SD2);
                Towers short1 = new Towers(List.of(tower("tower_g", 12, 2, false)))) {
            PromptEncoder full = encoder(TextFamily.SD2, whole.all(), 0);
            PromptEncoder less = encoder(TextFamily.SD2, short1.all(), 1);
            PromptOptions earlier = new PromptOptions(PromptSyntax.COMFYUI, 3, STEPS);

            assertThat(less.encode(less.prepare("a (red:1.2) apple", COMFY, false))
                            .context()
                            .toDoubles())
                    .containsExactly(full.encode(full.prepare("a (red:1.2) apple", COMFY, false))
                            .context()
                            .toDoubles());
            assertThat(less.encode(less.prepare("a cat", earlier, false))
                            .context()
                            .toDoubles())
                    .containsExactly(full.encode(full.prepare("a cat", earlier, false))
                            .context()
                            .toDoubles());
            assertThatThrownBy(() -> less.prepare("a cat", new PromptOptions(PromptSyntax.COMFYUI, 1, STEPS), false))
                    .hasMessage("clip_skip: 1 (expected: 2 to 3, layers that the model's files have)");
        }
    }

    @Test
    void encode_emptyNegativeOfSdxl_isZerosToA1111Only() {
        try (Scope scope = new Scope();
                Towers towers = towers(TextFamily.SDXL)) {
            PromptEncoder encoder = encoder(TextFamily.SDXL, towers.all(), 0);
            EncodedText webui = encoder.encode(encoder.prepare("", WEBUI, true));
            assertThat(webui.context().shape()).containsExactly(1, 16, 20);
            assertThat(webui.context().toDoubles()).containsOnly(0);
            assertThat(Objects.requireNonNull(webui.pooled()).toDoubles()).containsOnly(0);

            for (PreparedPrompt read : List.of(
                    encoder.prepare("", WEBUI, false),
                    encoder.prepare(" ", WEBUI, true),
                    encoder.prepare("", COMFY, true))) {
                assertThat(encoder.encode(read).context().toDoubles()).doesNotContain(0);
            }
        }
    }

    @Test
    void encode_ownModelWithoutSyntax_isTheLastLayerOfASingleChunkBitForBit() {
        try (Scope scope = new Scope();
                Towers towers = towers(TextFamily.SD1)) {
            PromptEncoder encoder = encoder(TextFamily.OWN, towers.all(), 0);
            String text = "a portrait of an old fisherman wearing a yellow raincoat and a cat";
            PreparedPrompt prompt = encoder.prepare(text, COMFY, false);
            TokenizedPrompt plain = TOKENIZER.encode(text, 16, TOKENIZER.padId());

            assertThat(prompt.tokens()).isEqualTo(plain);
            assertThat(prompt.tokens().truncatedWords()).extracting(Word::text).contains("cat");
            assertThat(encoder.encode(prompt).context().toDoubles())
                    .containsExactly(towers.all()
                            .get(0)
                            .encode(new long[][] {plain.idArray()})
                            .toDoubles());
        }
    }

    @Test
    void prepare_longPrompt_subjectsAreFoundInTheirChunkAndInSyntax() {
        PromptEncoder encoder = wide(TextFamily.SD1);
        SubjectResolver resolver = new SubjectResolver(new SubjectFinder());
        String filler = "red , ".repeat(45);
        TokenizedPrompt prompt = encoder.prepare(
                        "a (yellow raincoat:1.3) on a cat, " + filler + "and a ((blue) \\(dog\\):0.8)", COMFY, false)
                .tokens();

        assertThat(prompt.chunks()).hasSize(2);
        assertThat(prompt.text()).startsWith("a yellow raincoat on a cat").endsWith("and a blue (dog)");
        List<ResolvedSubject> subjects = resolver.resolve(
                prompt, List.of(SubjectQuery.ofText("raincoat", "yellow"), SubjectQuery.ofText("dog", "blue")));
        assertThat(subjects.get(0).tokenIndices()).containsExactly(2, 3, 4, 5, 6);
        int dog = subjects.get(1)
                .tokenIndices()
                .get(subjects.get(1).tokenIndices().size() - 1);
        assertThat(dog).isGreaterThan(77);
        assertThat(prompt.spans().get(dog).of(prompt.text())).isEqualTo("dog");
        assertThat(prompt.weights().get(dog)).isEqualTo(0.8);
        assertThat(prompt.ids().get(77)).isEqualTo(BOS);

        List<ResolvedSubject> byToken = resolver.resolve(prompt, List.of(SubjectQuery.ofTokens(dog)));
        assertThat(byToken.get(0).text()).isEqualTo("dog");
        for (int special : List.of(0, 76, 77, prompt.eosIndex(), 153)) {
            assertThatThrownBy(() -> resolver.resolve(prompt, List.of(SubjectQuery.ofTokens(special))))
                    .isInstanceOf(SubjectException.class)
                    .hasMessageContaining(
                            "expected: 1..75 or 78.." + (prompt.eosIndex() - 1) + ", a word of the prompt");
        }
    }

    @Test
    void prepare_scheduledPrompt_findsOnlyWhatTheFirstStepReads() {
        PromptEncoder encoder = wide(TextFamily.SD1);
        PreparedPrompt prompt = encoder.prepare("a [cat:dog:0.5] and a [frog|bear] BREAK a red apple", WEBUI, false);

        assertThat(prompt.tokens().text()).isEqualTo("a cat and a frog\na red apple");
        assertThat(prompt.warnings()).hasSize(1);
        assertThat(prompt.warnings().get(0)).contains("a cat and a frog BREAK a red apple");
        assertThat(new SubjectResolver(new SubjectFinder()).resolve(prompt.tokens(), List.of()))
                .extracting(ResolvedSubject::text)
                .containsExactly("cat", "frog", "apple");
    }

    @Test
    void prepare_whatCannotBeDone_isRefusedAndSaysHow() {
        PromptEncoder encoder = wide(TextFamily.SD1);
        for (PromptOptions options : List.of(COMFY, WEBUI)) {
            assertThatThrownBy(() -> encoder.prepare("a cat <lora:style:0.8>", options, false))
                    .isInstanceOf(PromptException.class)
                    .hasMessageContaining(
                            "\"<lora:style:0.8>\" (expected: a prompt without it; name LoRA files in the field \"lora\"");
        }
        assertThat(encoder.prepare("a <lora:x:1>", PLAIN, false).tokens().text())
                .isEqualTo("a <lora:x:1>");

        assertThatThrownBy(() -> encoder.prepare("a cat AND a dog", WEBUI, false))
                .isInstanceOf(PromptException.class)
                .hasMessageStartingWith("\"AND\" (expected: one prompt");
        assertThat(encoder.prepare("a cat AND a dog", WEBUI, true).warnings()).isEmpty();
        assertThatThrownBy(() -> encoder.prepare("(a cat:1.2.3)", WEBUI, false))
                .hasMessage("\":1.2.3)\" (expected: a number as weight)");
        assertThatThrownBy(() -> encoder.prepare("a (cat:1e999)", COMFY, false))
                .isInstanceOf(PromptException.class)
                .hasMessage("\"cat\" weighs Infinity (expected: -1000 to 1000)");
        assertThatThrownBy(() -> encoder.prepare("(".repeat(2000) + "a" + ")".repeat(2000), COMFY, false))
                .isInstanceOf(PromptException.class)
                .hasMessageContaining("expected: at most 500");
        assertThat(encoder.prepare("([".repeat(1000) + "a cat", WEBUI, false)
                        .tokens()
                        .text())
                .isEqualTo("a cat");
        assertThatThrownBy(() -> encoder.prepare("a cat", new PromptOptions(PromptSyntax.COMFYUI, 13, 20), false))
                .hasMessage("clip_skip: 13 (expected: 1 to 12, layers that the model's files have)");
    }

    @Test
    void prepare_whatIsReadOtherwise_isSaid() {
        PromptEncoder encoder = wide(TextFamily.SD1);
        assertThat(encoder.prepare("a cat, (embedding:easynegative:1.2), a dog", COMFY, true)
                        .warnings())
                .singleElement()
                .asString()
                .startsWith("\"embedding:easynegative\" is left out");
        assertThat(encoder.prepare("a cat <hypernet:x:1>", WEBUI, false).warnings())
                .singleElement()
                .asString()
                .startsWith("\"<hypernet:x:1>\" is left out");
        assertThat(encoder.prepare("a cat :1.5", WEBUI, false).warnings())
                .singleElement()
                .asString()
                .startsWith("\":1.5\" at the prompt's end");
        assertThat(encoder.prepare("a (red:1.2) cat \\(frog\\)", COMFY, false).warnings())
                .isEmpty();

        PromptEncoder sd2 = wide(TextFamily.SD2);
        assertThat(sd2.prepare("a cat", new PromptOptions(PromptSyntax.A1111, 3, 20), false)
                        .warnings())
                .containsExactly("clip skip 3 is left out: A1111 applies it to models of the family SD 1 only");
    }

    @Test
    void new_towersOrTokenizerOfAnotherFamily_areRefused() {
        try (Towers one = towers(TextFamily.SD1)) {
            assertThatThrownBy(() -> encoder(TextFamily.SDXL, one.all(), 0))
                    .hasMessage("text_encoders: 1 (expected: 2 for SDXL)");
        }
        try (ClipTextEncoder small = ClipTextEncoderTest.encoder("clip_l", 3, 2, true)) {
            assertThatThrownBy(() -> encoder(TextFamily.SD1, List.of(small), 0))
                    .hasMessageContaining("tokenizer: ends a text with token " + EOS + " (expected: less than 40");
        }
    }

    private static void addChunk(JsonObject chunk, List<Integer> ids, List<Double> weights) {
        List<Integer> text = chunk.getAsJsonArray("ids").asList().stream()
                .map(JsonElement::getAsInt)
                .toList();
        ids.add(BOS);
        ids.addAll(text);
        ids.addAll(Collections.nCopies(76 - text.size(), EOS));
        weights.add(1.0);
        for (int i = 0; i < text.size(); i++) {
            weights.add(
                    chunk.has("weights")
                            ? chunk.getAsJsonArray("weights").get(i).getAsDouble()
                            : 1);
        }
        weights.addAll(Collections.nCopies(76 - text.size(), 1.0));
    }

    /** Real lengths, no weights: for what is decided before anything is encoded. */
    private static PromptEncoder wide(TextFamily family) {
        ClipTextConfig config = new ClipTextConfig(EOS + 1, 77, 8, 12, 12, 2, 1e-5, true, BOS, EOS, 1);
        ClipTextEncoder tower = new ClipTextEncoder(config, Weights.synthetic(Compute.cpu(), DType.FLOAT32, 1));
        return encoder(family, Collections.nCopies(family.towers(), tower), 0);
    }

    private static PromptEncoder encoder(TextFamily family, List<ClipTextEncoder> towers, int layersLeftOut) {
        int length = towers.get(0).config().length();
        return new PromptEncoder(new PromptTokenizer(TOKENIZER, family, length), towers, layersLeftOut);
    }

    private record Towers(List<ClipTextEncoder> all) implements AutoCloseable {
        @Override
        public void close() {
            all.forEach(ClipTextEncoder::close);
        }
    }

    private static Towers towers(TextFamily family) {
        ClipTextEncoder g = tower("tower_g", 12, 3, false);
        return new Towers(
                switch (family) {
                    case SD1, OWN -> List.of(tower("tower_l", 8, 3, true));
                    case SD2 -> List.of(g);
                    case SDXL -> List.of(tower("tower_l", 8, 3, true), g);
                });
    }

    private static ClipTextEncoder tower(String name, int width, int layers, boolean quickGelu) {
        ClipTextConfig config = new ClipTextConfig(EOS + 1, 16, width, 12, layers, 2, 1e-5, quickGelu, BOS, EOS, 1);
        return new ClipTextEncoder(
                config, Weights.open(FOLDER.resolve(name + ".safetensors"), Compute.cpu(), DType.FLOAT64));
    }

    private static void assertClose(Tensor actual, SafetensorsFile golden, String name, String what) {
        try (Tensor expected = golden.load(name, Compute.cpu(), DType.FLOAT64)) {
            assertThat(actual.shape()).as(what).containsExactly(expected.shape());
            double[] values = expected.toDoubles();
            assertThat(actual.toDoubles()).as(what).containsExactly(values, within(1e-10));
        }
    }

    private static JsonObject golden() {
        try {
            return JsonParser.parseString(Files.readString(FOLDER.resolve("prompts.json")))
                    .getAsJsonObject();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
