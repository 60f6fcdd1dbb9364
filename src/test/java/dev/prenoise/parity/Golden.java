package dev.prenoise.parity;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.prenoise.attention.TokenGroup;
import dev.prenoise.backbone.Conditioning;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the reference computes on a tiny model, and how far from it results lie. */
final class Golden {
    private final SafetensorsFile file;
    private final JsonObject numbers;
    private final List<TokenGroup> groups;
    private final Map<String, Double> differences = new LinkedHashMap<>();
    private final DType type;

    /**
     * @param type to compute in
     */
    Golden(String family, DType type) {
        this.type = type;
        file = SafetensorsFile.open(TinyModel.RESOURCES.resolve(family + "/golden.safetensors"));
        numbers = JsonParser.parseString(file.metadata().get("numbers")).getAsJsonObject();
        groups = JsonParser.parseString(file.metadata().get("groups")).getAsJsonArray().asList().stream()
                .map(JsonElement::getAsJsonArray)
                .map(JsonArray::asList)
                .map(indices -> new TokenGroup(
                        indices.stream().map(JsonElement::getAsInt).toList()))
                .toList();
    }

    boolean has(String name) {
        return file.contains(name) || numbers.has(name);
    }

    /** In the caller's scope. */
    Tensor tensor(String name) {
        long[] shape = shape(name).stream().mapToLong(Long::longValue).toArray();
        return type == DType.FLOAT64
                ? Tensor.of(Compute.cpu(), doubles(name), shape)
                : Tensor.of(Compute.cpu(), floats(name), shape);
    }

    double[] doubles(String name) {
        try (Tensor stored = file.load(name, Compute.cpu(), DType.FLOAT64)) {
            return stored.toDoubles();
        }
    }

    float[] floats(String name) {
        try (Tensor stored = file.load(name, Compute.cpu(), DType.FLOAT32)) {
            return stored.toFloats();
        }
    }

    List<Long> shape(String name) {
        return file.entry(name).shape();
    }

    long[] ids(String tower) {
        float[] stored = floats(tower + ".ids");
        long[] ids = new long[stored.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = (long) stored[i];
        }
        return ids;
    }

    Conditioning conditioning() {
        return has("pooled")
                ? new Conditioning(tensor("context"), tensor("pooled"), tensor("time_ids"))
                : Conditioning.of(tensor("context"));
    }

    double number(String name) {
        return numbers.get(name).getAsDouble();
    }

    double timestep() {
        return Double.parseDouble(file.metadata().get("timestep"));
    }

    int rows() {
        return (int) number("rows");
    }

    int columns() {
        return (int) number("columns");
    }

    /** Subjects of two tokens each, the noun last. */
    List<TokenGroup> groups() {
        return groups;
    }

    /**
     * Holds a tensor to the golden.
     *
     * @param tolerance of the largest difference, as a share of the golden's largest value
     */
    void assertClose(String name, Tensor actual, double tolerance) {
        assertThat(actual.shape())
                .as(name)
                .containsExactly(shape(name).stream().mapToLong(l -> l).toArray());
        double[] a = actual.toDoubles();
        double[] b = doubles(name);
        double worst = 0;
        double largest = 0;
        for (int i = 0; i < b.length; i++) {
            // so that a NaN is no small difference
            worst = Double.isNaN(a[i]) ? Double.POSITIVE_INFINITY : Math.max(worst, Math.abs(a[i] - b[i]));
            largest = Math.max(largest, Math.abs(b[i]));
        }
        differences.put(name, worst / largest);
        assertThat(worst / largest).as(name).isLessThanOrEqualTo(tolerance);
    }

    /** Holds a number to the golden, absolutely: losses are near 1. */
    void assertClose(String name, double actual, double tolerance) {
        differences.put(name, Math.abs(actual - number(name)));
        assertThat(Math.abs(actual - number(name))).as(name).isLessThanOrEqualTo(tolerance);
    }

    /** Every comparison so far, in the order made. */
    String differences() {
        StringBuilder text = new StringBuilder();
        differences.forEach(
                (name, value) -> text.append(String.format(java.util.Locale.ROOT, " %s %.1e", name, value)));
        return text.toString();
    }
}
