package dev.prenoise.text;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.ArrayList;
import java.util.List;

/**
 * CLIP's tokenizer as older model folders store it, a vocabulary and a list of merges, written as the {@code tokenizer.json} that
 * says the same: lower case, words and single digits apart, byte-level pairs whose last piece carries {@code </w>}.
 */
final class ClipBytePairs {
    private static final String BOS = "<|startoftext|>";
    private static final String EOS = "<|endoftext|>";

    /** Merges that CLIP takes of OpenAI's longer list. */
    static final int MERGES = 49152 - 256 - 2;

    private static final String RULES = """
            {
              "version": "1.0",
              "added_tokens": [
                {"id": BOS_ID, "content": "<|startoftext|>", "single_word": false, "lstrip": false, "rstrip": false,
                 "normalized": false, "special": true},
                {"id": EOS_ID, "content": "<|endoftext|>", "single_word": false, "lstrip": false, "rstrip": false,
                 "normalized": false, "special": true}
              ],
              "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "NFC"},
                {"type": "Replace", "pattern": {"Regex": "\\\\s+"}, "content": " "},
                {"type": "Lowercase"}
              ]},
              "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                {"type": "Split", "behavior": "Removed", "invert": true, "pattern": {"Regex":
                  "<\\\\|startoftext\\\\|>|<\\\\|endoftext\\\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\\\p{L}]+|[\\\\p{N}]|[^\\\\s\\\\p{L}\\\\p{N}]+"}},
                {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
              ]},
              "post_processor": {"type": "RobertaProcessing", "sep": ["<|endoftext|>", EOS_ID], "cls": ["<|startoftext|>", BOS_ID],
                "trim_offsets": false, "add_prefix_space": false},
              "model": {"type": "BPE", "unk_token": "<|endoftext|>", "continuing_subword_prefix": "",
                "end_of_word_suffix": "</w>", "fuse_unk": false}
            }
            """;

    private ClipBytePairs() {}

    /**
     * @param vocabulary token to id
     * @param merges lines of a {@code merges.txt}: two pieces with a space between, best first; a {@code #version} line is passed over
     * @throws IllegalArgumentException when a line is no merge or a special token has no id
     */
    static JsonObject tokenizerJson(JsonObject vocabulary, List<String> merges) {
        String rules = RULES.replace("BOS_ID", id(BOS, vocabulary)).replace("EOS_ID", id(EOS, vocabulary));
        JsonObject json = JsonParser.parseString(rules).getAsJsonObject();
        json.getAsJsonObject("model").add("vocab", vocabulary);
        json.getAsJsonObject("model").add("merges", pairs(merges));
        return json;
    }

    /** The vocabulary that a list of merges stands for: every byte, every byte at a word's end, every merge, the two special tokens. */
    static JsonObject vocabulary(List<String> merges) {
        List<String> tokens = new ArrayList<>();
        printable(tokens, '!', '~');
        printable(tokens, '\u00a1', '\u00ac');
        printable(tokens, '\u00ae', '\u00ff');
        for (int i = 256; tokens.size() < 256; i++) {
            tokens.add(String.valueOf((char) i));
        }
        tokens.addAll(tokens.stream().map(token -> token + "</w>").toList());
        merges.forEach(merge -> tokens.add(merge.replace(" ", "")));
        tokens.add(BOS);
        tokens.add(EOS);
        JsonObject vocabulary = new JsonObject();
        for (int i = 0; i < tokens.size(); i++) {
            vocabulary.addProperty(tokens.get(i), i);
        }
        return vocabulary;
    }

    // Bytes that print stand for themselves, GPT-2's way; the others get what follows the last of them.
    private static void printable(List<String> tokens, char first, char last) {
        for (char c = first; c <= last; c++) {
            tokens.add(String.valueOf(c));
        }
    }

    private static JsonArray pairs(List<String> lines) {
        JsonArray pairs = new JsonArray();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i);
            if (line.isBlank() || (i == 0 && line.startsWith("#version"))) {
                continue;
            }
            String[] pieces = line.strip().split(" ");
            if (pieces.length != 2) {
                throw new IllegalArgumentException(
                        "line " + (i + 1) + ": \"" + line + "\" (expected: two pieces with a space between)");
            }
            JsonArray pair = new JsonArray();
            pair.add(pieces[0]);
            pair.add(pieces[1]);
            pairs.add(pair);
        }
        return pairs;
    }

    private static String id(String token, JsonObject vocabulary) {
        JsonElement id = vocabulary.get(token);
        if (id == null) {
            throw new IllegalArgumentException("no " + token + " (expected: CLIP's vocabulary)");
        }
        return Integer.toString(id.getAsInt());
    }
}
