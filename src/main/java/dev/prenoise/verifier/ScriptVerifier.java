package dev.prenoise.verifier;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.TorchScript;
import dev.prenoise.text.TokenizedPrompt;
import dev.prenoise.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The user's own TorchScript, which loads when a judge first needs it. */
final class ScriptVerifier implements Verifier {
    private final ScriptCard card;
    private final Compute compute;
    private volatile long loadedBytes;
    private @Nullable TorchScript script;

    ScriptVerifier(ScriptCard card, Compute compute) {
        this.card = card;
        this.compute = compute;
    }

    @Override
    public String name() {
        return card.name();
    }

    @Override
    public Judge judge(Question question) {
        Path tokenizer = card.tokenizer();
        if (card.embedding()) {
            return new SimilarityJudge(
                    name(),
                    network(pixels -> NetworkVerifier.open(
                            name(), () -> shaped(script().forward(pixels), pixels.size(0), true))));
        }
        if (tokenizer == null) {
            return new PictureJudge(
                    name(),
                    network(pixels -> NetworkVerifier.open(
                            name(), () -> shaped(script().forward(pixels), pixels.size(0), false))),
                    UnaryOperator.identity(),
                    card.differentiable());
        }
        Text text = NetworkVerifier.open(name(), () -> read(tokenizer, question.prompt()));
        return new PictureJudge(
                name(),
                network(pixels -> NetworkVerifier.open(name(), () -> {
                    long batch = pixels.size(0);
                    Tensor ids =
                            Tensor.of(compute, text.ids(), 1, card.length()).expand(batch, card.length());
                    Tensor mask =
                            Tensor.of(compute, text.mask(), 1, card.length()).expand(batch, card.length());
                    return shaped(script().forward(pixels, ids, mask), batch, false);
                })),
                UnaryOperator.identity(),
                card.differentiable());
    }

    /** A script may have been written down for one picture at a time. */
    private PictureNetwork network(UnaryOperator<Tensor> forward) {
        return PictureNetwork.oneByOne(compute, card.preprocessing(), forward);
    }

    /**
     * @param mask 1 where a token of the text is, its first and last special token included, 0 where it was filled up
     */
    private record Text(long[] ids, long[] mask) {}

    private Text read(Path folder, String prompt) {
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            TokenizedPrompt read = tokenizer.encode(prompt, card.length(), tokenizer.padId());
            long[] mask = new long[card.length()];
            Arrays.fill(mask, 0, read.chunks().get(0).eosIndex() + 1, 1);
            return new Text(read.ids().stream().mapToLong(Integer::longValue).toArray(), mask);
        }
    }

    /** Scores as {@code [B]}, embeddings as {@code [B, D]}. */
    private Tensor shaped(Tensor output, long batch, boolean embedding) {
        long[] shape = output.shape();
        boolean one = shape.length == 1 || (shape.length == 2 && shape[1] == 1);
        boolean fits = shape.length > 0 && shape[0] == batch && (embedding ? shape.length == 2 : one);
        if (!fits) {
            throw new VerifierException(card.script() + ": forward gives " + Arrays.toString(shape) + " for a batch of "
                    + batch + " (expected: "
                    + (embedding ? "[" + batch + ", D]" : "[" + batch + "] or [" + batch + ", 1]")
                    + ")");
        }
        return embedding ? output : output.reshape(batch);
    }

    private TorchScript script() {
        TorchScript loaded = script;
        if (loaded == null) {
            loaded = TorchScript.load(card.script(), compute);
            script = loaded;
            loadedBytes = size(card.script());
        }
        return loaded;
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw new VerifierException(file + ": " + e.getMessage(), e);
        }
    }

    @Override
    public List<Path> files() {
        List<Path> files = new ArrayList<>(List.of(card.file(), card.script()));
        if (card.tokenizer() != null) {
            files.addAll(VerifierFiles.settings(card.tokenizer()));
        }
        return files;
    }

    /** The file's bytes stand for those of its weights. */
    @Override
    public long bytes() {
        return size(card.script());
    }

    @Override
    public long loadedBytes() {
        return loadedBytes;
    }

    @Override
    public long unload() {
        long freed = loadedBytes;
        close();
        return freed;
    }

    @Override
    public void close() {
        TorchScript loaded = script;
        if (loaded != null) {
            script = null;
            loadedBytes = 0;
            loaded.close();
        }
    }
}
