package dev.prenoise.engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.concurrent.TimeUnit;

/**
 * What tells a file that was changed or replaced from one that was not, without reading it.
 *
 * @param modified nanoseconds since 1970
 * @param inode 0 where the file system has none
 */
record FileStamp(long bytes, long modified, long inode) {
    /**
     * @throws IOException when the file is gone or cannot be looked at
     */
    static FileStamp of(Path file) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        return new FileStamp(attributes.size(), attributes.lastModifiedTime().to(TimeUnit.NANOSECONDS), inode(file));
    }

    private static long inode(Path file) throws IOException {
        try {
            return ((Number) Files.getAttribute(file, "unix:ino")).longValue();
        } catch (UnsupportedOperationException | IllegalArgumentException e) {
            return 0;
        }
    }
}
