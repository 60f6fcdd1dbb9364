package dev.prenoise.study;

import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is known so far: a file of lines, a unit's result each, in JSON. A line is written at once and counts when it is whole; one that a stop
 * cut off is removed when the file is opened again. A unit that is there already is not written again, so nothing counts twice however often
 * it is delivered. A line of another version's form stays and is passed over. One process writes: whoever computes elsewhere sends its results here. Not thread-safe.
 *
 * <p>A file and not a database, as there is one writer, nothing is ever changed, and all of it is read at once.
 */
final class ResultStore implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ResultStore.class);

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

    /** Through the channel that holds the lock: closing any other handle of the file would give the lock up. */
    private void load(Path file) throws IOException {
        InputStream in = new BufferedInputStream(Channels.newInputStream(channel));
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        long whole = 0;
        int lines = 0;
        for (int next = in.read(); next >= 0; next = in.read()) {
            if (next != '\n') {
                line.write(next);
                continue;
            }
            lines++;
            whole += line.size() + 1;
            add(line.toString(StandardCharsets.UTF_8), file + ":" + lines);
            line.reset();
        }
        channel.truncate(whole);
        channel.position(whole);
    }

    private void add(String line, String where) {
        try {
            UnitResult result = UnitResult.ofJson(line);
            results.put(Objects.requireNonNull(result.unit(), "unit"), result);
        } catch (RuntimeException e) {
            // of what a record's constructor does not take Gson says so in a RuntimeException of its own
            if (!isObject(line)) {
                throw new IllegalArgumentException(where + ": (expected: a unit's result in JSON)", e);
            }
            LOG.warn("{}: a result of another version's form, passed over", where);
        }
    }

    private static boolean isObject(String line) {
        try {
            return JsonParser.parseString(line).isJsonObject();
        } catch (JsonParseException e) {
            return false;
        }
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
