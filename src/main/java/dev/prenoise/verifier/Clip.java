package dev.prenoise.verifier;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Weights;
import dev.prenoise.text.Tokenizer;
import dev.prenoise.text.TokenizerException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** An opened CLIP with its tokenizer, and how pictures are prepared for it. One thread at a time. */
final class Clip {
    /** Texts at once: a classifier has thousands. */
    private static final int TEXTS = 64;

    private final SharedClips.Network network;
    private final Path tokenizer;

    private Clip(SharedClips.Network network, Path tokenizer) {
        this.network = network;
        this.tokenizer = tokenizer;
    }

    /**
     * Reads headers, no weights.
     *
     * @param open those that may be it
     * @param weights as {@link ClipFiles#read}
     * @param tokenizer as {@link Tokenizer#load}; read when a text is
     */
    static Clip open(
            SharedClips open, PublishedClip published, Path weights, Path tokenizer, Compute compute, DType type) {
        return new Clip(open.get(published, weights, compute, type), tokenizer);
    }

    /**
     * Of a folder in transformers' layout, with its preprocessing and tokenizer in it. Reads headers, no weights.
     */
    static Clip open(Path folder, Compute compute, DType type) {
        ClipModel model = new ClipModel(
                ClipConfig.read(folder.resolve("config.json")),
                Weights.open(folder.resolve(VerifierFiles.MODEL), compute, type));
        Preprocessing preprocessing = Preprocessing.read(folder.resolve("preprocessor_config.json"));
        return new Clip(new SharedClips.Network(model, pictures(model, preprocessing)), folder);
    }

    /** {@code [B, P]} of length 1, float32. Differentiable. */
    static PictureNetwork pictures(ClipModel model, Preprocessing preprocessing) {
        return new PictureNetwork(
                model.weights().compute(),
                preprocessing,
                pixels -> Scope.of(() -> model.imageEmbeddings(pixels).normalized()),
                model.config().vision().places());
    }

    Weights weights() {
        return network.model().weights();
    }

    /** Width P of embeddings. */
    int width() {
        return network.model().config().projection();
    }

    /** What cosines are multiplied by before a softmax. */
    double scale() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            return Math.exp(network.model().logitScale().toDoubles()[0]);
        }
    }

    /** Pictures as {@code [B, P]} of length 1, float32. Differentiable. */
    PictureNetwork units() {
        return network.pictures();
    }

    /**
     * Embeddings of length 1, float32. A text that is too long loses its end, as in the published code.
     *
     * @throws VerifierException when the tokenizer cannot be read or is another model's
     */
    float[][] texts(List<String> texts) {
        List<float[]> units = new ArrayList<>();
        try (Tokenizer words = Tokenizer.load(tokenizer)) {
            for (int from = 0; from < texts.size(); from += TEXTS) {
                List<String> part = texts.subList(from, Math.min(from + TEXTS, texts.size()));
                units.addAll(unitsOf(ids(words, part)));
            }
        } catch (TokenizerException e) {
            throw new VerifierException(String.valueOf(e.getMessage()), e);
        }
        return units.toArray(float[][]::new);
    }

    /** Cut off behind the longest text's end, which changes nothing: no place sees a later one. */
    private long[][] ids(Tokenizer words, List<String> texts) {
        int length = network.model().config().text().length();
        int vocabulary = network.model().config().text().vocabulary();
        List<List<Integer>> rows = texts.stream()
                .map(text -> words.encode(text, length, words.padId()))
                .map(prompt -> prompt.ids().subList(0, prompt.chunks().get(0).eosIndex() + 1))
                .toList();
        int longest = rows.stream().mapToInt(List::size).max().orElse(0);
        long[][] ids = new long[rows.size()][longest];
        for (int row = 0; row < ids.length; row++) {
            List<Integer> tokens = rows.get(row);
            for (int i = 0; i < longest; i++) {
                ids[row][i] = tokens.get(Math.min(i, tokens.size() - 1));
                if (ids[row][i] >= vocabulary) {
                    throw new VerifierException(tokenizer + ": has a token " + ids[row][i]
                            + " (expected: those of the network's vocabulary, 0 to " + (vocabulary - 1) + ")");
                }
            }
        }
        return ids;
    }

    private List<float[]> unitsOf(long[][] ids) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            float[] flat = network.model()
                    .textEmbeddings(ids)
                    .to(DType.FLOAT32)
                    .normalized()
                    .toFloats();
            List<float[]> rows = new ArrayList<>();
            for (int row = 0; row < ids.length; row++) {
                rows.add(Arrays.copyOfRange(flat, row * width(), (row + 1) * width()));
            }
            return rows;
        }
    }
}
