package dev.prenoise.server.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** Holds a data folder for one process. The operating system lets go of it however that process ends. */
final class DataFolder implements AutoCloseable {
    private final FileChannel channel;

    private DataFolder(FileChannel channel) {
        this.channel = channel;
    }

    /**
     * @throws StoreException when the folder cannot be made, written, or is held by another process
     */
    static DataFolder hold(Path folder) {
        FileChannel channel;
        try {
            Files.createDirectories(folder);
            channel = FileChannel.open(
                    folder.resolve("prenoise.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        } catch (FileAlreadyExistsException e) {
            throw new StoreException("data: " + folder + " is a file (expected: a folder)", e);
        } catch (IOException e) {
            throw new StoreException(
                    "data: " + folder + " (expected: a folder that can be written; "
                            + e.getClass().getSimpleName() + ")",
                    e);
        }
        try {
            if (tryLock(channel) != null) {
                return new DataFolder(channel);
            }
            channel.close();
        } catch (IOException e) {
            throw new StoreException("data: " + folder + " cannot be locked (" + e.getMessage() + ")", e);
        }
        throw new StoreException(
                "data: " + folder + " is in use by another prenoise process (expected: a folder of its own for each)");
    }

    private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            // Held by this very JVM.
            return null;
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new StoreException("the data folder's lock cannot be closed (" + e.getMessage() + ")", e);
        }
    }
}
