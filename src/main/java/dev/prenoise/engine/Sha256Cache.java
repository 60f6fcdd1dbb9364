package dev.prenoise.engine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingDeque;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * SHA-256 of files, computed once in the life of a file and kept in a text file of the cache: a line {@code SHA256 BYTES TIME INODE PATH}
 * for each, of which the last counts.
 *
 * <p>Thread-safe. One thread hashes, at half of a disk's and of a core's time at most, so that neither a request nor a host feels it.
 */
final class Sha256Cache implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Sha256Cache.class);
    private static final Pattern LINE = Pattern.compile("([0-9a-f]{64})\t(-?\\d+)\t(-?\\d+)\t(-?\\d+)\t(.+)");
    private static final int BLOCK = 4 << 20;

    private final Path file;
    private final Map<String, Hashed> known = new ConcurrentHashMap<>();
    private final LinkedBlockingDeque<Path> wanted = new LinkedBlockingDeque<>();
    private final Set<Path> asked = new HashSet<>();
    private @Nullable Thread thread;
    private volatile boolean closed;

    private record Hashed(FileStamp stamp, String sha256) {}

    /**
     * @param file where the hashes are kept; read when it is there
     */
    Sha256Cache(Path file) {
        this.file = file;
        read();
    }

    /** The hash of a file that looks as it did when it was hashed; null where there is none. */
    @Nullable
    String known(Path path, FileStamp stamp) {
        Hashed hashed = known.get(real(path).toString());
        return hashed != null && hashed.stamp().equals(stamp) ? hashed.sha256() : null;
    }

    /**
     * Has a file hashed some time.
     *
     * @param soon before those that are not wanted soon
     */
    synchronized void want(Path path, boolean soon) {
        if (closed || !asked.add(path) && !(soon && wanted.remove(path))) {
            return;
        }
        if (soon) {
            wanted.addFirst(path);
        } else {
            wanted.addLast(path);
        }
        if (thread == null) {
            thread = new Thread(this::work, "prenoise-sha256");
            thread.setDaemon(true);
            thread.setPriority(Thread.MIN_PRIORITY);
            thread.start();
        }
    }

    private void work() {
        try {
            while (!closed) {
                Path path = wanted.take();
                try {
                    hash(path, true);
                } catch (IOException e) {
                    LOG.debug("{} is not hashed: {}", path, e.toString());
                }
                synchronized (this) {
                    asked.remove(path);
                }
            }
        } catch (InterruptedException e) {
            // closed
        }
    }

    /**
     * Hashes a file at once, at full speed, where it is not known yet.
     *
     * @throws IOException when it cannot be read
     */
    void require(Path path) throws IOException, InterruptedException {
        hash(path, false);
    }

    private void hash(Path path, boolean resting) throws IOException, InterruptedException {
        FileStamp stamp = FileStamp.of(path);
        if (known(path, stamp) != null) {
            return;
        }
        String sha256 = sha256(path, resting);
        if (FileStamp.of(path).equals(stamp)) {
            String real = real(path).toString();
            append(real, stamp, sha256);
            known.put(real, new Hashed(stamp, sha256));
        }
    }

    private static String sha256(Path path, boolean resting) throws IOException, InterruptedException {
        MessageDigest digest = digest();
        ByteBuffer block = ByteBuffer.allocateDirect(BLOCK);
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            long begin = System.nanoTime();
            while (channel.read(block) >= 0) {
                if (!block.hasRemaining()) {
                    digest.update(block.flip());
                    block.clear();
                    if (resting) {
                        // as long as it worked
                        Thread.sleep((System.nanoTime() - begin) / 1_000_000);
                        begin = System.nanoTime();
                    }
                }
            }
        }
        digest.update(block.flip());
        return HexFormat.of().formatHex(digest.digest());
    }

    static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    private void read() {
        try {
            for (String line : Files.readAllLines(file)) {
                Matcher fields = LINE.matcher(line);
                if (fields.matches()) {
                    FileStamp stamp = new FileStamp(
                            Long.parseLong(fields.group(2)),
                            Long.parseLong(fields.group(3)),
                            Long.parseLong(fields.group(4)));
                    known.put(fields.group(5), new Hashed(stamp, fields.group(1)));
                }
            }
        } catch (NoSuchFileException e) {
            // none was hashed yet
        } catch (IOException | NumberFormatException e) {
            LOG.debug("{} cannot be read: {}", file, e.toString());
        }
    }

    /** One write, so that processes that share the cache do not mix their lines. */
    private void append(String path, FileStamp stamp, String sha256) {
        if (path.lines().count() != 1) {
            return;
        }
        String line = String.join(
                        "\t",
                        sha256,
                        String.valueOf(stamp.bytes()),
                        String.valueOf(stamp.modified()),
                        String.valueOf(stamp.inode()),
                        path)
                + "\n";
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.writeString(file, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            LOG.debug("{} cannot be written: {}", file, e.toString());
        }
    }

    private static Path real(Path path) {
        try {
            return path.toRealPath();
        } catch (IOException e) {
            return path;
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (thread != null) {
            thread.interrupt();
        }
    }
}
