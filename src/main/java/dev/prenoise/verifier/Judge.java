package dev.prenoise.verifier;

import dev.prenoise.tensor.Tensor;
import java.util.List;
import java.util.function.BooleanSupplier;

/** A verifier with one question in mind. One thread at a time. Closing frees what was computed of the question, not the weights. */
public interface Judge extends AutoCloseable {
    /**
     * A score depends on the shot alone, never on what it is judged beside.
     *
     * @return one for each shot, in order, higher is better; NaN for one that could not be judged, which then stands in {@link #warnings}
     */
    double[] score(List<Shot> shots);

    /**
     * As {@link #score(List)}, of a judge that may wait long.
     *
     * @param stopped asked from time to time by one that waits for another machine
     * @throws java.util.concurrent.CancellationException soon after it answers true; what was judged until then is lost
     */
    default double[] score(List<Shot> shots, BooleanSupplier stopped) {
        return score(shots);
    }

    /** Whether it reads {@link Shot#prediction()}. */
    default boolean readsPrediction() {
        return false;
    }

    /** Whether it waits for another machine: then it is asked outside the device's turn, and {@link #score} does not touch the device. */
    default boolean remote() {
        return false;
    }

    /** Whether {@link #scoreTensor} works. */
    default boolean differentiable() {
        return false;
    }

    /**
     * The same scores with a graph. Where {@link #score} resamples whole bytes this resamples numbers, so that the values differ a little.
     *
     * @param images {@code [B, 3, H, W]} in [0, 1], float32
     * @return {@code [B]}
     */
    default Tensor scoreTensor(Tensor images) {
        throw new IllegalStateException("scoreTensor: of a judge that is not differentiable");
    }

    /** What was not judged, and why, so far: sentences for the user. */
    default List<String> warnings() {
        return List.of();
    }

    @Override
    default void close() {}
}
