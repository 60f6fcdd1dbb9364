package dev.prenoise.server.cli;

import java.io.IOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Where results go. A file appears whole or not at all: it is written beside its place under another name, then moved there. */
final class OutputFolder {
    private final Path folder;

    private OutputFolder(Path folder) {
        this.folder = folder;
    }

    /**
     * Looks before a search runs for nothing. The folder is made when the first file is written.
     *
     * @throws CliException when it is no folder, or could not be made or written to
     */
    static OutputFolder at(Path folder) {
        if (Files.exists(folder) && !Files.isDirectory(folder)) {
            throw new CliException("--output: " + folder + " (expected: a folder, but this is a file)");
        }
        Path existing = folder.toAbsolutePath();
        while (existing != null && !Files.exists(existing)) {
            existing = existing.getParent();
        }
        if (existing == null || !Files.isDirectory(existing) || !takesFiles(existing)) {
            throw new CliException("--output: " + folder + " (expected: a folder that can be written to)");
        }
        return new OutputFolder(folder);
    }

    /** Returns the file's path. */
    Path write(String name, byte[] content) {
        Path file = folder.resolve(name);
        Path part = folder.resolve("." + name + "." + ProcessHandle.current().pid() + ".part");
        try {
            Files.createDirectories(folder);
            Files.write(part, content);
            move(part, file);
        } catch (IOException e) {
            deleteQuietly(part);
            throw new CliException("cannot write " + file + ": " + e, e);
        }
        return file;
    }

    /** By trying: permissions alone do not tell of read-only mounts, /proc, or the superuser. */
    private static boolean takesFiles(Path folder) {
        try {
            Files.delete(Files.createTempFile(folder, ".prenoise", ".part"));
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** A file of an earlier run that this one does not write would belong to nothing in the folder. */
    void delete(String name) {
        deleteQuietly(folder.resolve(name));
    }

    private static void move(Path from, Path to) throws IOException {
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private static void deleteQuietly(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            // It is a leftover; the failure that matters is reported by the caller.
        }
    }
}
