package dev.prenoise.engine;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What there is below some folders that may hold weights: safetensors files, pickles, and folders in diffusers' layout.
 *
 * <p>Hosts link their models from one place to another, so links are followed; a directory is visited once however many lead to it, which
 * also ends those that go round. Hidden directories, and those that cannot be read, are passed over. Not thread-safe.
 */
final class FolderScan {
    private static final Logger LOG = LoggerFactory.getLogger(FolderScan.class);
    private static final int DEPTH = 8;
    private static final int MOST_ENTRIES = 200_000;

    /** File systems count time in steps of up to this: a directory that was young when it was read may have changed since unnoticed. */
    private static final long CLOCK_STEP_MILLIS = 2000;

    private static final Set<String> PICKLES = Set.of(".ckpt", ".pt", ".pth", ".bin");

    enum Kind {
        SAFETENSORS,
        PICKLE,
        DIFFUSERS_FOLDER
    }

    /**
     * @param id the path below its root, with "/" between the parts; unique
     */
    record Found(String id, Path path, Kind kind) {}

    private final List<Path> roots;
    private final boolean folders;
    private final Set<String> taken;

    private Map<Path, FileTime> directories = new HashMap<>();
    private boolean settled;

    // Of the scan that runs.
    private final Set<Object> visited = new HashSet<>();
    private final List<Found> found = new ArrayList<>();
    private final Set<String> ids = new HashSet<>();
    private int entries;
    private long begun;

    /**
     * @param roots directories, or single files; absolute
     * @param folders whether a folder in diffusers' layout counts as one thing; else its files count like others
     * @param taken ids that nothing found may have
     */
    FolderScan(List<Path> roots, boolean folders, Set<String> taken) {
        this.roots = List.copyOf(new LinkedHashSet<>(roots));
        this.folders = folders;
        this.taken = Set.copyOf(taken);
    }

    /** Whether something may have come or gone since the last {@link #scan}: looks at the directories' times only. */
    boolean outdated() {
        return !settled
                || directories.entrySet().stream()
                        .anyMatch(entry -> !Objects.equals(modified(entry.getKey()), entry.getValue()));
    }

    /** Reads all directories. */
    List<Found> scan() {
        directories = new HashMap<>();
        visited.clear();
        found.clear();
        ids.clear();
        ids.addAll(taken);
        entries = 0;
        settled = true;
        begun = System.currentTimeMillis();
        roots.forEach(this::visit);
        return List.copyOf(found);
    }

    /** A root may be a file: it goes by its name. */
    private void visit(Path root) {
        Path parent = root.getParent();
        Kind kind = kind(root.getFileName() == null ? "" : root.getFileName().toString());
        if (parent != null && kind != null && Files.isRegularFile(root)) {
            add(parent, root, kind);
        } else {
            visit(root, root, 0);
        }
    }

    private void visit(Path root, Path directory, int depth) {
        List<Path> children;
        try {
            BasicFileAttributes attributes = Files.readAttributes(directory, BasicFileAttributes.class);
            Object key = attributes.fileKey() == null ? directory.toRealPath() : attributes.fileKey();
            if (!attributes.isDirectory() || !visited.add(key)) {
                return;
            }
            directories.put(directory, attributes.lastModifiedTime());
            settled &= attributes.lastModifiedTime().toMillis() < begun - CLOCK_STEP_MILLIS;
            children = children(directory);
        } catch (IOException | DirectoryIteratorException e) {
            LOG.debug("{} is passed over: {}", directory, e.toString());
            return;
        }
        if (folders && children.stream().anyMatch(child -> child.endsWith("model_index.json"))) {
            add(root, directory, Kind.DIFFUSERS_FOLDER);
            return;
        }
        for (Path child : children) {
            if (++entries > MOST_ENTRIES) {
                LOG.warn("{} has more than {} files and folders: the rest is left out", root, MOST_ENTRIES);
                entries = Integer.MIN_VALUE;
                return;
            }
            if (entries < 0) {
                return;
            }
            String name = child.getFileName().toString();
            Kind kind = kind(name);
            if (kind != null && Files.isRegularFile(child)) {
                add(root, child, kind);
            } else if (!name.startsWith(".") && depth < DEPTH && Files.isDirectory(child)) {
                visit(root, child, depth + 1);
            }
        }
    }

    /** By name; links last, so that where two ways lead to a directory it goes by its own name. */
    private static List<Path> children(Path directory) throws IOException {
        List<Path> children = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory)) {
            stream.forEach(children::add);
        }
        children.sort(Comparator.comparing(Files::isSymbolicLink).thenComparing(Comparator.naturalOrder()));
        return children;
    }

    private static @Nullable Kind kind(String name) {
        int dot = name.lastIndexOf('.');
        if (dot <= 0) {
            return null;
        }
        String extension = name.substring(dot).toLowerCase(Locale.ROOT);
        if (extension.equals(".safetensors")) {
            return Kind.SAFETENSORS;
        }
        return PICKLES.contains(extension) ? Kind.PICKLE : null;
    }

    /** Where two roots have a path in common, the later ones go under their root's name. */
    private void add(Path root, Path path, Kind kind) {
        String below = root.relativize(path).toString().replace('\\', '/');
        String rootName = Objects.requireNonNullElse(root.getFileName(), root).toString();
        String id = below.isEmpty() ? rootName : below;
        for (int i = 1; !ids.add(id); i++) {
            id = rootName + (i == 1 ? "" : "-" + i) + "/" + (below.isEmpty() ? rootName : below);
        }
        found.add(new Found(id, path, kind));
    }

    private static @Nullable FileTime modified(Path directory) {
        try {
            return Files.getLastModifiedTime(directory);
        } catch (IOException e) {
            return null;
        }
    }
}
