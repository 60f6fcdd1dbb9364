package dev.prenoise.verifier;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Grades that were paid for, a small file each, so that a search which goes on or comes again pays nothing twice. A file's name is a hash of
 * all that the grade depends on: service, model, what it was told, the picture. Holds neither prompts nor pictures.
 *
 * <p>Thread-safe, and safe among processes. A folder that cannot be written costs calls and nothing else.
 */
final class LlmCache {
    private static final Logger LOG = LoggerFactory.getLogger(LlmCache.class);
    private static final int MOST = 10_000;

    private final Path folder;
    private final int most;
    private int written;

    LlmCache(Path folder) {
        this(folder, MOST);
    }

    /**
     * @param most files, about; whenever a tenth of that was written the oldest above it go
     */
    LlmCache(Path folder, int most) {
        this.folder = folder;
        this.most = most;
    }

    /** SHA-256 of the parts in order, their lengths among them. */
    static String key(byte[]... parts) {
        MessageDigest digest = sha256();
        for (byte[] part : parts) {
            digest.update((part.length + ":").getBytes(StandardCharsets.UTF_8));
            digest.update(part);
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    @Nullable
    LlmGrade get(String key) {
        try {
            return LlmGrade.read(Files.readString(file(key)));
        } catch (NoSuchFileException e) {
            return null;
        } catch (IOException e) {
            LOG.debug("{} is not read: {}", file(key), e.toString());
            return null;
        }
    }

    void put(String key, LlmGrade grade) {
        Path file = file(key);
        try {
            Files.createDirectories(folder);
            Path fresh = Files.createTempFile(folder, ".", ".tmp");
            try {
                Files.writeString(fresh, grade.toJson() + "\n");
                Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(fresh);
            }
            trim();
        } catch (IOException e) {
            LOG.warn("{} is not written: {}", file, e.toString());
        }
    }

    private synchronized void trim() throws IOException {
        written++;
        if (written < Math.max(1, most / 10)) {
            return;
        }
        written = 0;
        record Aged(Path file, FileTime time) {}
        List<Aged> files = new ArrayList<>();
        try (Stream<Path> listed = Files.list(folder)) {
            for (Path file : listed.toList()) {
                try {
                    files.add(new Aged(file, Files.getLastModifiedTime(file)));
                } catch (NoSuchFileException e) {
                    // Another process was here.
                }
            }
        }
        files.sort(Comparator.comparing(Aged::time).thenComparing(Aged::file));
        for (Aged old : files.subList(0, Math.max(0, files.size() - most))) {
            Files.deleteIfExists(old.file());
        }
    }

    private Path file(String key) {
        return folder.resolve(key + ".json");
    }
}
