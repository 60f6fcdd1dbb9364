package dev.prenoise.engine;

import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.image.Picture;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.verifier.Shot;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A caller who computes on its own loaded model what a search wants to know. Every call waits for it, on the search's thread, and throws
 * when it does not answer, answers what cannot be used ({@link HostAnswerException}), or the search is told to stop meanwhile
 * ({@link java.util.concurrent.CancellationException}). One thread at a time; at most {@link HostProfile#maxBatch} noises a call, and one
 * where the graph is kept.
 */
public interface Host {
    /**
     * Maps of the first step.
     *
     * @param self whether self-attention is read
     * @param keepGraph whether {@link #backward} follows
     * @return one for each noise, in order; all of one shape, every value finite
     */
    List<AttentionMaps> attention(List<Noise> noises, boolean self, boolean keepGraph);

    /**
     * Finished pictures.
     *
     * @param predictions whether the pictures predicted on the way are wanted too
     * @param keepGraph whether {@link #backwardOfPicture} follows
     * @return one for each noise, in order
     */
    List<Shot> pictures(List<SeededNoise> noises, boolean predictions, boolean keepGraph);

    /**
     * Moves latents along the deterministic walk between the levels of {@link HostProfile#sigmas}.
     *
     * @param latents {@code [1, C, H, W]}; at level 0 unit noise
     * @param from level
     * @param to level; below {@code from} it is the way back
     * @param pictures whether the pictures predicted at {@code to} are wanted
     */
    Walked walk(List<SeededNoise> latents, int from, int to, boolean pictures);

    /**
     * The gradient of a score with respect to the noise whose maps were asked for last, the graph being kept.
     *
     * @param ofMaps with respect to those maps; its self null = 0
     * @return of the noise's shape, finite
     */
    Noise backward(AttentionMaps ofMaps);

    /**
     * As {@link #backward}, of the picture that was asked for last.
     *
     * @param ofPicture {@code [3, H, W]}, with respect to the picture's values in 0 to 1
     */
    Noise backwardOfPicture(float[] ofPicture);

    /**
     * Where a walk ended, one for each noise.
     *
     * @param latents those given, where the walk goes nowhere
     * @param pictures null where none were asked for
     */
    record Walked(List<Noise> latents, @Nullable List<Picture> pictures) {}
}
