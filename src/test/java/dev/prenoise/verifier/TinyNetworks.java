package dev.prenoise.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.image.Picture;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/** The tiny networks of {@code make_verifiers_vision.py}, what they were shown and what the published code made of it. */
final class TinyNetworks {
    /** A folder of verifiers. */
    static final Path FOLDER = resource();

    private static final SafetensorsFile GOLDEN = SafetensorsFile.open(FOLDER.resolve("golden.safetensors"));
    private static final int[][] SIZES = {{50, 37}, {40, 40}, {33, 61}};

    private TinyNetworks() {}

    private static Path resource() {
        try {
            return Path.of(Objects.requireNonNull(TinyNetworks.class.getResource("/verifier/vision"))
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    static Weights weights(String file, DType type) {
        return Weights.open(FOLDER.resolve(file), Compute.cpu(), type);
    }

    /** {@code [2, 3, size, size]} between -1 and 1. */
    static Tensor numbers(int size, DType type) {
        double[] values = IntStream.range(0, 2 * 3 * size * size)
                .mapToDouble(i -> (i * 7919L % 256) / 128.0 - 1)
                .toArray();
        return Tensor.of(Compute.cpu(), values, 2, 3, size, size).to(type);
    }

    /** Pictures, each with its prediction. */
    static List<Shot> shots() {
        return IntStream.range(0, SIZES.length)
                .mapToObj(i -> new Shot(picture(i, 0), picture(i, 1)))
                .toList();
    }

    /** Triangle waves. */
    static Picture picture(int index, int phase) {
        int width = SIZES[index][0];
        int height = SIZES[index][1];
        byte[] rgb = new byte[width * height * 3];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                for (int c = 0; c < 3; c++) {
                    int v = (x * (5 + c + index) + y * (11 - 3 * c) + c * 40 + phase * (x * y / 4)) % 510;
                    rgb[(y * width + x) * 3 + c] = (byte) (v > 255 ? 510 - v : v);
                }
            }
        }
        return new Picture(width, height, rgb);
    }

    static double[] golden(String name) {
        try (Tensor expected = GOLDEN.load(name, Compute.cpu(), DType.FLOAT64)) {
            return expected.toDoubles();
        }
    }

    /** The largest difference to the golden numbers is at most the tolerance; says how large it is. */
    static void assertNear(double[] actual, String golden, DType type, double tolerance) {
        double[] expected = golden(golden);
        assertThat(actual).as(golden).hasSameSizeAs(expected);
        double largest = 0;
        double size = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(actual[i] - expected[i]));
            size = Math.max(size, Math.abs(expected[i]));
        }
        System.out.printf("%s %s: largest difference %.1e, of values up to %.1f%n", golden, type, largest, size);
        assertThat(largest).as(golden).isLessThanOrEqualTo(tolerance);
    }
}
