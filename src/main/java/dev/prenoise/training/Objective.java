package dev.prenoise.training;

import dev.prenoise.tensor.Tensor;
import java.util.List;

/** What is made small. A step's loss depends on the parameters and on the step's number alone, so that a run can go on where it stopped. */
public interface Objective {
    /** Names of {@link Loss#parts}, for the curve. */
    List<String> parts();

    /** With a graph, in the innermost scope. */
    Loss loss(int step);

    /**
     * @param total 0-d, what the gradient is taken of
     * @param parts 0-d each, to be looked at
     */
    record Loss(Tensor total, List<Tensor> parts) {
        public Loss {
            parts = List.copyOf(parts);
        }
    }
}
