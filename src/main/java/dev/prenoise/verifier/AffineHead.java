package dev.prenoise.verifier;

import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * LAION's improved aesthetic predictor (christophschuhmann/improved-aesthetic-predictor): linear layers with nothing between them but dropout,
 * which judging leaves out. So it is one affine map, and is folded into one when it is read, in float64.
 *
 * @param weights of a picture's embedding of length 1
 */
record AffineHead(float[] weights, float bias) {
    private static final Pattern LAYER = Pattern.compile("layers\\.(\\d{1,3})\\.weight");

    /**
     * @param file with {@code layers.N.weight} and {@code layers.N.bias}; the last layer has one output
     * @param width of the embeddings
     * @throws dev.prenoise.tensor.SafetensorsException when the file cannot be read, or layers do not fit each other or the embeddings
     */
    static AffineHead read(Path file, int width) {
        SafetensorsFile tensors = SafetensorsFile.open(file);
        SortedSet<Integer> layers = new TreeSet<>();
        for (String name : tensors.names()) {
            Matcher layer = LAYER.matcher(name);
            if (layer.matches()) {
                layers.add(Integer.valueOf(layer.group(1)));
            }
        }
        if (layers.isEmpty()) {
            throw tensors.wrong("layers.0.weight", "missing");
        }
        // from the last layer back: w and b are of all that was passed
        double[] w = {1};
        double b = 0;
        while (!layers.isEmpty()) {
            int layer = layers.last();
            layers.remove(layer);
            String name = "layers." + layer + ".weight";
            int in = layers.isEmpty() ? width : rows(tensors, layers.last());
            if (!tensors.entry(name).shape().equals(List.of((long) w.length, (long) in))) {
                throw tensors.wrong(
                        name, "shape " + tensors.entry(name).shape() + " (expected: [" + w.length + ", " + in + "])");
            }
            float[] bias = tensors.values("layers." + layer + ".bias");
            if (bias.length != w.length) {
                throw tensors.wrong("layers." + layer + ".bias", bias.length + " values (expected: " + w.length + ")");
            }
            for (int o = 0; o < w.length; o++) {
                b += w[o] * bias[o];
            }
            w = through(w, tensors.values(name), in);
        }
        float[] folded = new float[width];
        for (int i = 0; i < width; i++) {
            folded[i] = (float) w[i];
        }
        return new AffineHead(folded, (float) b);
    }

    private static int rows(SafetensorsFile tensors, int layer) {
        String name = "layers." + layer + ".weight";
        List<Long> shape = tensors.entry(name).shape();
        if (shape.size() != 2 || shape.get(0) < 1 || shape.get(0) > 1 << 16) {
            throw tensors.wrong(name, "shape " + shape + " (expected: a matrix)");
        }
        return Math.toIntExact(shape.get(0));
    }

    /** {@code w [out]} times a matrix {@code [out, in]}. */
    private static double[] through(double[] w, float[] matrix, int in) {
        double[] result = new double[in];
        for (int o = 0; o < w.length; o++) {
            for (int i = 0; i < in; i++) {
                result[i] += w[o] * matrix[o * in + i];
            }
        }
        return result;
    }

    /**
     * @param units {@code [B, P]}, float32
     * @return {@code [B]}
     */
    Tensor of(Tensor units) {
        Tensor column = Tensor.of(units.compute(), weights, weights.length, 1);
        return units.matmul(column).reshape(-1).add(bias);
    }
}
