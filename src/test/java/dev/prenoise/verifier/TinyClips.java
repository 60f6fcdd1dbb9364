package dev.prenoise.verifier;

import dev.prenoise.image.Picture;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.Tensor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** The tiny CLIPs under {@code src/test/resources/verifier/clip}, and what {@code make_clip.py} fed to them. */
public final class TinyClips {
    static final List<String> PROMPTS = List.of(
            "a red cat and a blue dog",
            "an old fisherman wearing a yellow raincoat",
            "A  portrait,of an Astronaut!",
            "a red cat and a blue dog on a yellow truck with a fisherman and a strawberry in the rain");

    /** Of the goldens of templates. */
    public static final List<String> READ_THROUGH =
            List.of("a red cat and a blue dog", "a red cat", "a blue dog", "a chihuahua and a poodle");

    private static final int[][] SIZES = {{52, 40}, {64, 64}, {33, 70}};

    private TinyClips() {}

    static Path resource(String name) {
        URL url = TinyClips.class.getResource(name);
        if (url == null) {
            throw new IllegalArgumentException("no test resource " + name);
        }
        try {
            return Path.of(url.toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    static Path folder(String model) {
        return resource("/verifier/clip/" + model);
    }

    static Path tokenizer() {
        return resource("/text/clip-tiny");
    }

    /** Puts one into a folder, with a tokenizer. */
    public static void publish(String model, Path place) throws IOException {
        copy(folder(model), place);
        copy(tokenizer(), place);
    }

    static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (DirectoryStream<Path> files = Files.newDirectoryStream(from)) {
            for (Path file : files) {
                Files.copy(file, to.resolve(file.getFileName().toString()));
            }
        }
    }

    public static double[] golden(String model, String name) {
        SafetensorsFile file = SafetensorsFile.open(folder(model).resolve("golden.safetensors"));
        try (Tensor stored = file.load(name, Compute.cpu(), DType.FLOAT64)) {
            return stored.toDoubles();
        }
    }

    /** {@code [2, 3, side, side]}, from -2 to 2. */
    static Tensor pixels(int side, DType type) {
        double[] values = new double[2 * 3 * side * side];
        for (int k = 0; k < values.length; k++) {
            values[k] = (k * 2654435761L % (1L << 32) >> 24) / 64.0 - 2;
        }
        return Tensor.of(Compute.cpu(), values, 2, 3, side, side).to(type);
    }

    public static List<Picture> pictures() {
        return List.of(picture(0), picture(1), picture(2));
    }

    private static Picture picture(int index) {
        int width = SIZES[index][0];
        int height = SIZES[index][1];
        byte[] rgb = new byte[width * height * 3];
        int at = 0;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                for (int c = 0; c < 3; c++) {
                    rgb[at++] = (byte) (x * (5 + index) + y * (3 + 2 * index) + c * 70 + x * y / 9);
                }
            }
        }
        return new Picture(width, height, rgb);
    }

    /** The largest difference, as a share of the golden's largest value; infinite for a NaN. */
    static double difference(double[] actual, double[] golden) {
        if (actual.length != golden.length) {
            throw new IllegalArgumentException(
                    "actual: " + actual.length + " values (expected: " + golden.length + ")");
        }
        double worst = 0;
        double largest = 0;
        for (int i = 0; i < golden.length; i++) {
            double far = Math.abs(actual[i] - golden[i]);
            worst = Double.isNaN(far) ? Double.POSITIVE_INFINITY : Math.max(worst, far);
            largest = Math.max(largest, Math.abs(golden[i]));
        }
        return worst / largest;
    }

    /** For the test's output. */
    static void report(String what, double difference) {
        System.out.printf(Locale.ROOT, "%s: largest difference %.1e of the largest value%n", what, difference);
    }
}
