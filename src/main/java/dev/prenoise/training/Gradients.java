package dev.prenoise.training;

import dev.prenoise.tensor.Parameters;
import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The gradients of one step.
 *
 * @param norm of all of them together
 */
record Gradients(Map<String, Tensor> each, double norm) {
    /**
     * Read after a backward pass, with gradients off.
     *
     * @throws IllegalStateException when the pass did not reach a parameter
     */
    static Gradients of(Parameters parameters) {
        Map<String, Tensor> each = new TreeMap<>();
        List<Tensor> squares = new ArrayList<>();
        parameters.all().forEach((name, weight) -> {
            Tensor gradient = weight.get().gradient();
            each.put(name, gradient);
            squares.add(gradient.mul(gradient).sum().reshape(1));
        });
        return new Gradients(each, Math.sqrt(Tensor.cat(0, squares).sum().toFloats()[0]));
    }

    /** Scaled down together where their norm is larger, in the innermost scope. */
    Map<String, Tensor> clipped(double largest) {
        if (norm <= largest) {
            return each;
        }
        Map<String, Tensor> scaled = new TreeMap<>();
        each.forEach((name, gradient) -> scaled.put(name, gradient.mul(largest / norm)));
        return scaled;
    }
}
