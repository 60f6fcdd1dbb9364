package dev.prenoise.engine;

import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * How a search draws the pictures that it has judged.
 *
 * @param steps sampling steps; 0 = as many as the host's own picture has
 * @param gradientSteps how many of the last steps a gradient goes back through; what lies before counts as the identity; 0 = all
 * @param turns gives the device; called for each batch. Members that are {@link dev.prenoise.verifier.Judge#remote} are asked outside
 * @param stopped asked before each denoiser call; true ends the evaluation with {@link java.util.concurrent.CancellationException}
 */
public record PictureOptions(int steps, int gradientSteps, Turns turns, BooleanSupplier stopped) {
    /** Whoever shares the device among searches. */
    public interface Turns {
        /** Runs the work when it is this search's turn. */
        <T> T take(Supplier<T> work);

        /** Nobody else is there. */
        Turns ALONE = new Turns() {
            @Override
            public <T> T take(Supplier<T> work) {
                return work.get();
            }
        };
    }

    /** As the host draws them, undisturbed. */
    public static PictureOptions plain() {
        return new PictureOptions(0, 0, Turns.ALONE, () -> false);
    }
}
