package dev.prenoise.engine;

import dev.prenoise.shapes.ShapesModel;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.ConfigFile;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.FileVisitor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The built-in model and the diffusers folders of the model directories. */
final class FolderCatalog implements ModelCatalog {
    private static final Logger LOG = LoggerFactory.getLogger(FolderCatalog.class);
    private static final int SEARCH_DEPTH = 3;

    private final Compute compute;
    private final Map<String, Entry> entries = new LinkedHashMap<>();

    /**
     * @throws ModelException when the cache cannot be written or a directory cannot be listed
     */
    FolderCatalog(Path cache, List<Path> modelDirectories, Compute compute) {
        this.compute = compute;
        try {
            add(
                    ShapesModel.ID,
                    ShapesModel.extractTo(cache),
                    null,
                    ShapesModel.sha256Of("unet/diffusion_pytorch_model.safetensors"));
            for (Path directory : modelDirectories) {
                for (Path folder : diffusersFolders(directory)) {
                    addReadable(uniqueId(directory.toAbsolutePath().normalize(), folder), folder);
                }
            }
        } catch (IOException e) {
            throw new ModelException("models: " + e.getMessage(), e);
        }
    }

    private static List<Path> diffusersFolders(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            throw new ModelException("models: " + directory + " (expected: a directory)");
        }
        List<Path> folders = new ArrayList<>();
        FileVisitor<Path> visitor = new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                if (file.endsWith("model_index.json")) {
                    folders.add(file.getParent());
                }
                return FileVisitResult.CONTINUE;
            }

            /** Links that go round and directories of other users: what else there is can be used all the same. */
            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
                LOG.debug("{} is passed over: {}", file, e.toString());
                return FileVisitResult.CONTINUE;
            }
        };
        Path root = directory.toAbsolutePath().normalize();
        Files.walkFileTree(root, EnumSet.of(FileVisitOption.FOLLOW_LINKS), SEARCH_DEPTH, visitor);
        return folders.stream().sorted().toList();
    }

    private String uniqueId(Path directory, Path folder) {
        String relative = directory.relativize(folder).toString().replace('\\', '/');
        String id = relative.isEmpty() ? String.valueOf(folder.getFileName()) : relative;
        return entries.containsKey(id) ? folder.toString() : id;
    }

    /** A folder that cannot be read is left out with a line in the log; the others are there all the same. */
    private void addReadable(String id, Path folder) {
        try {
            add(id, folder, folder.toString(), null);
        } catch (IllegalArgumentException e) {
            LOG.warn("{} is left out: {}", folder, e.getMessage());
        }
    }

    private void add(String id, Path folder, @Nullable String file, @Nullable String sha256) {
        entries.put(id, new Entry(describe(id, folder, file, sha256), folder));
    }

    private static BackboneInfo describe(String id, Path folder, @Nullable String file, @Nullable String sha256) {
        ConfigFile vae = ConfigFile.read(folder.resolve("vae/config.json"));
        int factor = 1 << (vae.integers("block_out_channels", 1, 0).size() - 1);
        int size = ConfigFile.read(folder.resolve("unet/config.json")).integer("sample_size", 64) * factor;
        return new BackboneInfo(id, ModelCard.read(folder).family(), file, sha256, false, size, true);
    }

    @Override
    public synchronized List<BackboneInfo> list() {
        return entries.values().stream().map(Entry::info).toList();
    }

    @Override
    public String defaultId() {
        return ShapesModel.ID;
    }

    @Override
    public List<DeviceInfo> devices() {
        return List.of(Devices.info(compute));
    }

    @Override
    public synchronized Model open(String id) {
        Entry entry = entries.get(id);
        if (entry == null) {
            throw new UnknownBackboneException(id, new ArrayList<>(entries.keySet()));
        }
        return entry.open(compute);
    }

    @Override
    public synchronized long releaseMemory() {
        return entries.values().stream().mapToLong(Entry::unload).sum();
    }

    @Override
    public synchronized void close() {
        entries.values().forEach(Entry::close);
    }

    private static final class Entry {
        private final BackboneInfo description;
        private final Path folder;
        private @Nullable FolderModel model;

        Entry(BackboneInfo description, Path folder) {
            this.description = description;
            this.folder = folder;
        }

        BackboneInfo info() {
            boolean loaded = model != null && model.loaded();
            return new BackboneInfo(
                    description.id(),
                    description.family(),
                    description.file(),
                    description.sha256(),
                    loaded,
                    description.nativeSize(),
                    description.attention());
        }

        FolderModel open(Compute compute) {
            if (model == null) {
                model = FolderModel.open(description, folder, compute);
            }
            return model;
        }

        long unload() {
            return model == null ? 0 : model.unload();
        }

        void close() {
            if (model != null) {
                model.close();
                model = null;
            }
        }
    }
}
