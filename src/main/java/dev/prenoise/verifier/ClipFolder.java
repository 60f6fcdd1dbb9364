package dev.prenoise.verifier;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Verifiers on a CLIP of any size that is known by its folder, in transformers' layout, rather than found under a published name: the cosine to
 * the prompt, and an affine head on the picture's embedding.
 */
public final class ClipFolder {
    private ClipFolder() {}

    /**
     * The cosine of picture and prompt, -1 to 1.
     *
     * @param folder with {@code config.json}, {@code preprocessor_config.json}, {@code model.safetensors} and a tokenizer
     * @throws VerifierException when the files cannot be read or do not fit each other; names the file
     */
    public static Verifier cosine(String name, Path folder, Compute compute, DType type) {
        return NetworkVerifier.open(name, () -> {
            Clip clip = Clip.open(folder, compute, type);
            return new NetworkVerifier(
                    name,
                    List.of(clip.weights()),
                    question -> judge(name, clip, ClipScores.cosine(clip.texts(List.of(question.prompt()))[0])));
        });
    }

    /**
     * An affine function of the picture's embedding of length 1.
     *
     * @param head layers as those of LAION's aesthetic predictor
     * @throws VerifierException as {@link #cosine}
     */
    public static Verifier aesthetic(String name, Path folder, Path head, Compute compute, DType type) {
        return NetworkVerifier.open(name, () -> {
            Clip clip = Clip.open(folder, compute, type);
            AffineHead affine = AffineHead.read(head, clip.width());
            return new NetworkVerifier(
                    name, List.of(clip.weights()), List.of(head), question -> judge(name, clip, affine::of));
        });
    }

    private static Judge judge(String name, Clip clip, UnaryOperator<Tensor> score) {
        return new PictureJudge(name, clip.units(), score);
    }
}
