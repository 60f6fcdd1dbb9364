package dev.prenoise.engine;

import dev.prenoise.tensor.ConfigFile;
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
 * What there is below some folders that may hold weights: safetensors files, pickles, and folders in diffusers' layout, of a whole model or
 * of its UNet alone.
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

    private static final String UNET_CLASS = "UNet2DConditionModel";
    private static final String NETWORK_FILE = "diffusion_pytorch_model";
    private static final Set<String> MODEL_FOLDERS = Set.of(
            "unet",
            "vae",
            "text_encoder",
            "text_encoder_2",
            "tokenizer",
            "tokenizer_2",
            "scheduler",
            "safety_checker",
            "feature_extractor",
            "image_encoder");
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
        if (folders && isModel(children)) {
            add(root, directory, Kind.DIFFUSERS_FOLDER);
            return;
        }
        boolean unet = folders && isUnet(directory, children);
        if (unet) {
            add(root, directory, Kind.DIFFUSERS_FOLDER);
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
                if (!unet || !name.startsWith(NETWORK_FILE)) {
                    add(root, child, kind);
                }
            } else if (!name.startsWith(".") && depth < DEPTH && Files.isDirectory(child)) {
                visit(root, child, depth + 1);
            }
        }
    }

    /** Whether it says so, or there is a UNet's folder and none but those that stand beside one. */
    private static boolean isModel(List<Path> children) {
        Set<String> names = new HashSet<>();
        children.forEach(child -> names.add(child.getFileName().toString()));
        if (names.contains("model_index.json")) {
            return true;
        }
        // where a host keeps UNets the folder is called the same
        return names.contains("unet")
                && children.stream().noneMatch(FolderScan::isStranger)
                && children.stream().anyMatch(child -> child.endsWith("unet") && isUnet(child));
    }

    private static boolean isStranger(Path child) {
        String name = child.getFileName().toString();
        return kind(name) != null || !name.startsWith(".") && !MODEL_FOLDERS.contains(name) && Files.isDirectory(child);
    }

    private static boolean isUnet(Path directory) {
        try {
            return Files.isDirectory(directory) && isUnet(directory, children(directory));
        } catch (IOException | DirectoryIteratorException e) {
            return false;
        }
    }

    /** Of a VAE, a ControlNet and others it is no: their files are listed with what they are. */
    private static boolean isUnet(Path directory, List<Path> children) {
        if (children.stream().noneMatch(child -> child.endsWith("config.json"))
                || children.stream().noneMatch(FolderScan::isNetwork)) {
            return false;
        }
        try {
            ConfigFile config = ConfigFile.read(directory.resolve("config.json"));
            String unsaid = config.has("cross_attention_dim") ? UNET_CLASS : "";
            return config.text("_class_name", unsaid).equals(UNET_CLASS);
        } catch (IllegalArgumentException e) {
            // listed as what it may be, with what is wrong, and not as a file that nothing is known of
            return true;
        }
    }

    private static boolean isNetwork(Path file) {
        String name = file.getFileName().toString();
        return name.startsWith(NETWORK_FILE) && kind(name) != null;
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
