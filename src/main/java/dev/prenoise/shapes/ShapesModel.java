package dev.prenoise.shapes;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The diffusion model of this world as it ships: a folder in diffusers layout among the resources. Weights are memory-mapped, and a
 * resource inside a jar is no file, so the folder is copied out once. Thread-safe, and safe among processes that share a cache.
 */
public final class ShapesModel {
    /** The name under which the built-in model is known. */
    public static final String ID = "shapes";

    private static final String FOLDER = "model/";
    private static final String SUMS = "SHA256SUMS";

    private ShapesModel() {}

    /** The model's files, relative to its folder, such as {@code unet/config.json}. */
    public static List<String> files() {
        return List.copyOf(sums().keySet());
    }

    /** SHA-256 of a file of the model, in lower-case hexadecimal; null when there is no such file. */
    public static @Nullable String sha256Of(String file) {
        return sums().get(file);
    }

    /**
     * A file of the model; the caller closes it.
     *
     * @param file one of {@link #files()}
     * @throws IllegalArgumentException when there is no such file
     */
    public static InputStream open(String file) {
        if (!sums().containsKey(file)) {
            throw new IllegalArgumentException("file: \"" + file + "\" (expected: one of " + files() + ")");
        }
        return resource(FOLDER + file);
    }

    /**
     * The model's folder on disk, in a subfolder of the cache that is named after the files' content. What is there already is checked
     * against the SHA-256 list (some 10 ms for 9 MB) and used; what is missing or damaged is written beside it and renamed into place.
     *
     * @param cache created when missing
     * @throws IOException when the cache cannot be written
     */
    public static Path extractTo(Path cache) throws IOException {
        Map<String, String> sums = sums();
        Path folder = cache.resolve(ID + "-" + sha256(list()).substring(0, 16));
        if (isIntact(folder, sums)) {
            return folder;
        }
        Files.createDirectories(cache);
        Path fresh = Files.createTempDirectory(cache, "." + ID + "-");
        try {
            for (Map.Entry<String, String> entry : sums.entrySet()) {
                write(entry.getKey(), entry.getValue(), fresh);
            }
            return moveIntoPlace(fresh, folder, sums);
        } finally {
            deleteTree(fresh);
        }
    }

    private static void write(String file, String sum, Path folder) throws IOException {
        byte[] bytes;
        try (InputStream in = resource(FOLDER + file)) {
            bytes = in.readAllBytes();
        }
        if (!sha256(bytes).equals(sum)) {
            throw new IOException(file + ": SHA-256 " + sha256(bytes) + " (expected: " + sum
                    + "); the program's own file is damaged");
        }
        Path target = folder.resolve(file);
        Files.createDirectories(target.getParent());
        Files.write(target, bytes);
    }

    private static Path moveIntoPlace(Path fresh, Path folder, Map<String, String> sums) throws IOException {
        if (isIntact(folder, sums)) {
            return folder;
        }
        if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            // A damaged folder steps aside in one move: nobody ever sees it half deleted.
            Path aside = fresh.resolveSibling(fresh.getFileName() + "-damaged");
            Files.move(folder, aside, StandardCopyOption.ATOMIC_MOVE);
            deleteTree(aside);
        }
        try {
            Files.move(fresh, folder, StandardCopyOption.ATOMIC_MOVE);
        } catch (FileSystemException e) {
            // Another process was first after all.
            if (!isIntact(folder, sums)) {
                throw e;
            }
        }
        return folder;
    }

    private static boolean isIntact(Path folder, Map<String, String> sums) throws IOException {
        for (Map.Entry<String, String> entry : sums.entrySet()) {
            Path file = folder.resolve(entry.getKey());
            if (!Files.isRegularFile(file) || !sha256(Files.readAllBytes(file)).equals(entry.getValue())) {
                return false;
            }
        }
        return true;
    }

    private static void deleteTree(Path folder) throws IOException {
        if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        List<Path> paths;
        try (Stream<Path> walk = Files.walk(folder)) {
            paths = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : paths) {
            Files.deleteIfExists(path);
        }
    }

    /** File to SHA-256, in the list's order. */
    private static Map<String, String> sums() {
        Map<String, String> sums = new LinkedHashMap<>();
        for (String line : new String(list(), StandardCharsets.UTF_8).lines().toList()) {
            sums.put(line.substring(66), line.substring(0, 64));
        }
        return sums;
    }

    private static byte[] list() {
        try (InputStream in = resource(FOLDER + SUMS)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static InputStream resource(String name) {
        @Nullable InputStream in = ShapesModel.class.getResourceAsStream(name);
        if (in == null) {
            throw new IllegalStateException(name + ": not among the program's resources");
        }
        return in;
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
