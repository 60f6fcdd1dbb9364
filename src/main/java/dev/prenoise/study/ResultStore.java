package dev.prenoise.study;

import com.google.gson.JsonParseException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is known so far: a file of lines, a unit's result each, in JSON. A line is written at once and counts when it is whole; one that a stop
 * cut off is removed when the file is opened again. A unit that is there already is not written again, so nothing counts twice however often
 * it is delivered. One process writes: whoever computes elsewhere sends its results here. Not thread-safe.
 *
 * <p>A file and not a database, as there is one writer, nothing is ever changed, and all of it is read at once.
 */
final class ResultStore implements AutoCloseable {
    private final FileChannel channel;
    private final Map<String, UnitResult> results = new LinkedHashMap<>();

    private ResultStore(FileChannel channel) {
        this.channel = channel;
    }

    /**
     * @param file created when missing
     * @throws IllegalArgumentException when another process has it, or it is no such file
     */
    static ResultStore open(Path file) throws IOException {
        FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        ResultStore store = new ResultStore(channel);
        try {
            store.lock(file);
            store.load(file);
            return store;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** Until the channel is closed. */
    private void lock(Path file) throws IOException {
        FileLock lock;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            lock = null;
        }
        if (lock == null) {
            throw new IllegalArgumentException(
                    "output: " + file + " is in use by another study (expected: one at a time)");
        }
    }

    private void load(Path file) throws IOException {
        String text = Files.readString(file);
        int whole = text.lastIndexOf('\n') + 1;
        List<String> lines = text.substring(0, whole).lines().toList();
        for (int i = 0; i < lines.size(); i++) {
            try {
                UnitResult result = UnitResult.ofJson(lines.get(i));
                results.put(result.unit(), result);
            } catch (JsonParseException | NullPointerException e) {
                throw new IllegalArgumentException(file + ":" + (i + 1) + ": (expected: a unit's result in JSON)", e);
            }
        }
        channel.truncate(text.substring(0, whole).getBytes(StandardCharsets.UTF_8).length);
        channel.position(channel.size());
    }

    @Nullable
    UnitResult get(String unit) {
        return results.get(unit);
    }

    /**
     * @throws IllegalStateException when it is missing
     */
    UnitResult require(Unit unit) {
        UnitResult result = results.get(unit.id());
        if (result == null) {
            throw new IllegalStateException("unit: \"" + unit.prompt().text() + "\", "
                    + unit.strategy().kind() + ": no result (expected: one of each)");
        }
        return result;
    }

    /** Whether it was new. */
    boolean put(UnitResult result) throws IOException {
        if (results.putIfAbsent(result.unit(), result) != null) {
            return false;
        }
        ByteBuffer bytes = ByteBuffer.wrap((result.toJson() + "\n").getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
        return true;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
