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
 * A folder among the program's resources, listed by {@code SHA256SUMS} in it; files that it shares with another may lie there alone. Weights are memory-mapped, and a resource inside a jar is no
 * file, so the folder is copied out once. Thread-safe, and safe among processes that share a cache.
 *
 * @param name of the copy, before the part that tells its content
 * @param paths of the resource, with a slash at the end, and of those whose files it shares
 */
record ResourceFolder(String name, List<String> paths) {
    private static final String SUMS = "SHA256SUMS";

    /** Files relative to the folder, in the list's order, with their SHA-256 in lower-case hexadecimal. */
    Map<String, String> sums() {
        Map<String, String> sums = new LinkedHashMap<>();
        for (String line : new String(list(), StandardCharsets.UTF_8).lines().toList()) {
            sums.put(line.substring(66), line.substring(0, 64));
        }
        return sums;
    }

    /**
     * A file of the folder; the caller closes it.
     *
     * @throws IllegalArgumentException when there is no such file
     */
    InputStream open(String file) {
        Map<String, String> sums = sums();
        if (!sums.containsKey(file)) {
            throw new IllegalArgumentException(
                    "file: \"" + file + "\" (expected: one of " + List.copyOf(sums.keySet()) + ")");
        }
        return resource(file);
    }

    /**
     * The folder on disk, in a subfolder of the cache that is named after the files' content. What is there already is checked against the
     * SHA-256 list and used; what is missing or damaged is written beside it and renamed into place.
     *
     * @param cache created when missing
     * @throws IOException when the cache cannot be written
     */
    Path extractTo(Path cache) throws IOException {
        Map<String, String> sums = sums();
        Path folder = cache.resolve(name + "-" + sha256(list()).substring(0, 16));
        if (isIntact(folder, sums)) {
            return folder;
        }
        Files.createDirectories(cache);
        Path fresh = Files.createTempDirectory(cache, "." + name + "-");
        try {
            for (Map.Entry<String, String> entry : sums.entrySet()) {
                write(entry.getKey(), entry.getValue(), fresh);
            }
            return moveIntoPlace(fresh, folder, sums);
        } finally {
            deleteTree(fresh);
        }
    }

    private void write(String file, String sum, Path folder) throws IOException {
        byte[] bytes;
        try (InputStream in = resource(file)) {
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

    private byte[] list() {
        try (InputStream in = resource(SUMS)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private InputStream resource(String file) {
        for (String path : paths) {
            @Nullable InputStream in = ResourceFolder.class.getResourceAsStream(path + file);
            if (in != null) {
                return in;
            }
        }
        throw new IllegalStateException(paths + ": no " + file + " among the program's resources");
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
