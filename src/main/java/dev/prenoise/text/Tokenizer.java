package dev.prenoise.text;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.prenoise.text.TokenizedPrompt.TokenizedWord;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/**
 * Turns a prompt into the ids that a text encoder reads, by the rules in the model's folder: {@code tokenizer.json}, CLIP's
 * {@code vocab.json} with {@code merges.txt}, or BERT's {@code vocab.txt}. Works offline.
 *
 * <p>Thread-safe. The native tokenizer only reads once it is set up (its cache has its own lock), but using it after it was freed would end
 * the process, hence the lock around {@link #close}.
 */
public final class Tokenizer implements AutoCloseable {
    private static final int CLIP_LENGTH = 77;

    static {
        // The library would otherwise look for a GPU build of itself to download, and report its use.
        presetProperty("RUST_FLAVOR", "cpu");
        presetProperty("OPT_OUT_TRACKING", "true");
    }

    private final ReadWriteLock closing = new ReentrantReadWriteLock();
    private final HuggingFaceTokenizer tokenizer;
    private final Path source;
    private final @Nullable String unknownToken;
    private final int maxLength;
    private final int padId;
    private final List<Integer> leading;
    private final List<Integer> trailing;

    private Tokenizer(TokenizerFiles files, HuggingFaceTokenizer tokenizer) {
        this.tokenizer = tokenizer;
        this.source = files.source();
        JsonElement unknown = files.rules().getAsJsonObject("model").get("unk_token");
        this.unknownToken = unknown == null || unknown.isJsonNull() ? null : unknown.getAsString();

        Encoding probe = encode("a");
        int first = 0;
        int last = probe.getIds().length;
        while (first < last && probe.getSpecialTokenMask()[first] == 1) {
            first++;
        }
        while (last > first && probe.getSpecialTokenMask()[last - 1] == 1) {
            last--;
        }
        this.leading = ids(probe, 0, first);
        this.trailing = ids(probe, last, probe.getIds().length);
        if (first == last || trailing.isEmpty()) {
            throw new TokenizerException(source + ": \"a\" becomes " + List.of(probe.getTokens())
                    + " (expected: a token for it, then an end-of-text token)");
        }

        Integer length = files.maxLength();
        this.maxLength = length == null ? CLIP_LENGTH : length;
        String pad = files.configured("pad_token");
        this.padId = pad == null ? (int) probe.getIds()[last] : id(pad, files);
    }

    /**
     * Reads a model's tokenizer folder, or the list of merges that OpenAI published for CLIP, {@code bpe_simple_vocab_16e6.txt.gz}.
     *
     * @throws TokenizerException when a file is missing or does not make a tokenizer; the message names it
     */
    public static Tokenizer load(Path folder) {
        TokenizerFiles files = TokenizerFiles.read(folder);
        if (!files.rules().has("model") || !files.rules().get("model").isJsonObject()) {
            throw new TokenizerException(files.source() + ": no model (expected: the rules of a tokenizer)");
        }
        HuggingFaceTokenizer tokenizer = create(files);
        try {
            return new Tokenizer(files, tokenizer);
        } catch (RuntimeException e) {
            tokenizer.close();
            throw e;
        }
    }

    /** Tokens that the model reads, beginning and end included: {@code model_max_length}, 77 where the files do not say. */
    public int maxLength() {
        return maxLength;
    }

    /** The id that fills up: the files' {@code pad_token}, end-of-text where they do not say. Stable Diffusion 2's is 0. */
    public int padId() {
        return padId;
    }

    /** At the model's own length, padded as the files say. */
    public TokenizedPrompt encodePrompt(String text) {
        return encode(text, maxLength, padId);
    }

    /**
     * Exactly {@code length} ids. A text that is too long loses its last tokens, never the end-of-text token; the words concerned are
     * in {@link TokenizedPrompt#truncatedWords()}.
     *
     * @param length at least one more than the special tokens
     * @throws IllegalArgumentException when length is too small
     */
    public TokenizedPrompt encode(String text, int length, int padId) {
        List<PromptToken> tokens = tokens(text);
        int kept = Math.min(tokens.size(), room(length));
        return frame(text, List.of(tokens.subList(0, kept)), tokens.subList(kept, tokens.size()), length, padId);
    }

    /** The text's own tokens, without beginning and end, each with weight 1. */
    List<PromptToken> tokens(String text) {
        Encoding encoding = encode(text);
        int[] units = units(text);
        List<PromptToken> tokens = new ArrayList<>();
        for (int i = leading.size(); i < encoding.getIds().length - trailing.size(); i++) {
            boolean known = !encoding.getTokens()[i].equals(unknownToken);
            tokens.add(new PromptToken((int) encoding.getIds()[i], 1, span(encoding, i, units), known));
        }
        return tokens;
    }

    /**
     * Tokens of a text that a sequence of this length has room for.
     *
     * @throws IllegalArgumentException when it has room for none
     */
    int room(int length) {
        int special = leading.size() + trailing.size();
        if (length <= special) {
            throw new IllegalArgumentException("length: " + length + " (expected: > " + special + ")");
        }
        return length - special;
    }

    /** The id that ends a text. */
    int endId() {
        return trailing.get(0);
    }

    /**
     * Gives every chunk its beginning, its end and its padding.
     *
     * @param cut tokens behind the last chunk, which are lost
     */
    TokenizedPrompt frame(String text, List<List<PromptToken>> chunks, List<PromptToken> cut, int length, int padId) {
        int size = chunks.size() * length;
        List<Integer> ids = new ArrayList<>(Collections.nCopies(size, padId));
        List<Double> weights = new ArrayList<>(Collections.nCopies(size, 1.0));
        List<Span> spans = new ArrayList<>(Collections.nCopies(size, Span.NONE));
        List<TokenizedPrompt.Chunk> places = new ArrayList<>();
        List<PromptToken> read = new ArrayList<>();
        List<Integer> indices = new ArrayList<>();
        for (List<PromptToken> chunk : chunks) {
            int start = places.size() * length;
            int first = start + leading.size();
            for (int i = 0; i < leading.size(); i++) {
                ids.set(start + i, leading.get(i));
            }
            for (int i = 0; i < chunk.size(); i++) {
                ids.set(first + i, chunk.get(i).id());
                weights.set(first + i, chunk.get(i).weight());
                spans.set(first + i, chunk.get(i).span());
                read.add(chunk.get(i));
                indices.add(first + i);
            }
            int end = first + chunk.size();
            for (int i = 0; i < trailing.size(); i++) {
                ids.set(end + i, trailing.get(i));
            }
            places.add(new TokenizedPrompt.Chunk(first - 1, end));
        }
        read.addAll(cut);
        return new TokenizedPrompt(text, ids, weights, places, spans, words(text, read, indices));
    }

    @Override
    public void close() {
        closing.writeLock().lock();
        try {
            tokenizer.close();
        } finally {
            closing.writeLock().unlock();
        }
    }

    /**
     * @param indices where the first tokens went; the others were cut off
     */
    private static List<TokenizedWord> words(String text, List<PromptToken> tokens, List<Integer> indices) {
        List<TokenizedWord> words = new ArrayList<>();
        int from = 0;
        for (Word word : Word.split(text)) {
            while (from < tokens.size()
                    && tokens.get(from).span().end() <= word.span().start()) {
                from++;
            }
            List<Integer> own = new ArrayList<>();
            boolean truncated = false;
            boolean known = true;
            int i = from;
            for (;
                    i < tokens.size()
                            && tokens.get(i).span().start() < word.span().end();
                    i++) {
                known &= tokens.get(i).known();
                if (i < indices.size()) {
                    own.add(indices.get(i));
                } else {
                    truncated = true;
                }
            }
            words.add(new TokenizedWord(word, own, truncated, known && i > from));
        }
        return words;
    }

    private Encoding encode(String text) {
        closing.readLock().lock();
        try {
            return tokenizer.encode(wellFormed(text), true, false);
        } catch (RuntimeException e) {
            throw new TokenizerException(source + ": cannot tokenize \"" + text + "\": " + e.getMessage(), e);
        } finally {
            closing.readLock().unlock();
        }
    }

    private static HuggingFaceTokenizer create(TokenizerFiles files) {
        byte[] json = files.rules().toString().getBytes(StandardCharsets.UTF_8);
        // Cut and filled up here, where what was cut off stays visible.
        Map<String, String> options = Map.of("truncation", "do_not_truncate", "padding", "do_not_pad");
        try {
            return HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), options);
        } catch (RuntimeException | IOException e) {
            throw new TokenizerException(files.source() + ": " + e.getMessage(), e);
        }
    }

    private static int id(String token, TokenizerFiles files) {
        JsonElement added = files.rules().get("added_tokens");
        if (added != null && added.isJsonArray()) {
            for (JsonElement element : added.getAsJsonArray()) {
                JsonObject entry = element.getAsJsonObject();
                if (entry.get("content").getAsString().equals(token)) {
                    return entry.get("id").getAsInt();
                }
            }
        }
        JsonElement vocabulary = files.rules().getAsJsonObject("model").get("vocab");
        if (vocabulary != null
                && vocabulary.isJsonObject()
                && vocabulary.getAsJsonObject().has(token)) {
            return vocabulary.getAsJsonObject().get(token).getAsInt();
        }
        throw new TokenizerException(
                files.source() + ": pad_token: " + token + " (expected: a token of the vocabulary)");
    }

    private static List<Integer> ids(Encoding encoding, int from, int to) {
        return Arrays.stream(encoding.getIds(), from, to)
                .mapToObj(id -> (int) id)
                .toList();
    }

    private static Span span(Encoding encoding, int i, int[] units) {
        CharSpan span = encoding.getCharTokenSpans()[i];
        return span == null ? Span.NONE : new Span(units[span.getStart()], units[span.getEnd()]);
    }

    // The library counts code points, Java counts UTF-16 units.
    private static int[] units(String text) {
        int[] units = new int[text.codePointCount(0, text.length()) + 1];
        for (int point = 0, unit = 0; point < units.length; point++) {
            units[point] = unit;
            unit += unit < text.length() ? Character.charCount(text.codePointAt(unit)) : 0;
        }
        return units;
    }

    // Half a surrogate pair is no character; it has no UTF-8 form.
    private static String wellFormed(String text) {
        StringBuilder good = new StringBuilder(text);
        for (int i = 0; i < good.length(); i += Character.charCount(good.codePointAt(i))) {
            int c = good.codePointAt(i);
            if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
                good.setCharAt(i, '\uFFFD');
            }
        }
        return good.toString();
    }

    private static void presetProperty(String name, String value) {
        if (System.getenv(name) == null && System.getProperty(name) == null) {
            System.setProperty(name, value);
        }
    }
}
