package dev.prenoise.text;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.List;

/**
 * BERT's tokenizer as its folder stores it in {@code vocab.txt}, a piece a line, written as the {@code tokenizer.json} that says the same:
 * lower case without accents, Chinese characters and marks by themselves, words by the longest pieces.
 */
final class BertWordPieces {
    private static final List<String> SPECIAL = List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]");

    private static final String RULES = """
            {
              "version": "1.0",
              "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
                             "lowercase": true},
              "pre_tokenizer": {"type": "BertPreTokenizer"},
              "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", SEP_ID], "cls": ["[CLS]", CLS_ID]},
              "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
            }
            """;

    private BertWordPieces() {}

    /**
     * @param lines of {@code vocab.txt}; a piece's id is its place
     * @throws IllegalArgumentException when a special token is missing
     */
    static JsonObject tokenizerJson(List<String> lines) {
        JsonObject vocabulary = new JsonObject();
        for (int id = 0; id < lines.size(); id++) {
            vocabulary.addProperty(lines.get(id), id);
        }
        JsonArray added = new JsonArray();
        for (String token : SPECIAL) {
            if (!vocabulary.has(token)) {
                throw new IllegalArgumentException(
                        "no " + token + " (expected: a vocabulary of BERT's, a piece a line)");
            }
            added.add(special(vocabulary.get(token).getAsInt(), token));
        }
        JsonObject rules = JsonParser.parseString(
                        RULES.replace("SEP_ID", vocabulary.get("[SEP]").getAsString())
                                .replace("CLS_ID", vocabulary.get("[CLS]").getAsString()))
                .getAsJsonObject();
        rules.add("added_tokens", added);
        rules.getAsJsonObject("model").add("vocab", vocabulary);
        return rules;
    }

    private static JsonObject special(int id, String content) {
        JsonObject token = new JsonObject();
        token.addProperty("id", id);
        token.addProperty("content", content);
        for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized")) {
            token.addProperty(flag, false);
        }
        token.addProperty("special", true);
        return token;
    }
}
