package dev.prenoise.engine;

import dev.prenoise.shapes.ShapesModel;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.ConfigFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The built-in model and the diffusers folders of the model directories. */
final class FolderCatalog implements ModelCatalog {
    private static final int SEARCH_DEPTH = 3;

    private final Compute compute;
    private final Map<String, Entry> entries = new LinkedHashMap<>();

    /**
     * @throws ModelException when the cache cannot be written or a directory cannot be listed
     */
    FolderCatalog(Path cache, List<Path> modelDirectories, Compute compute) {
        this.compute = compute;
        try {
            add(ShapesModel.ID, ShapesModel.extractTo(cache), null);
            for (Path directory : modelDirectories) {
                for (Path folder : diffusersFolders(directory)) {
                    add(uniqueId(directory.toAbsolutePath().normalize(), folder), folder, folder.toString());
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
        try (Stream<Path> found = Files.find(
                directory.toAbsolutePath().normalize(),
                SEARCH_DEPTH,
                (path, attributes) -> path.endsWith("model_index.json"))) {
            return found.map(Path::getParent).sorted().toList();
        }
    }

    private String uniqueId(Path directory, Path folder) {
        String relative = directory.relativize(folder).toString().replace('\\', '/');
        String id = relative.isEmpty() ? String.valueOf(folder.getFileName()) : relative;
        return entries.containsKey(id) ? folder.toString() : id;
    }

    private void add(String id, Path folder, @Nullable String file) {
        entries.put(id, new Entry(id, folder, file));
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
    public void close() {
        releaseMemory();
    }

    private static final class Entry {
        private final String id;
        private final Path folder;
        private final @Nullable String file;
        private @Nullable FolderModel model;

        Entry(String id, Path folder, @Nullable String file) {
            this.id = id;
            this.folder = folder;
            this.file = file;
        }

        BackboneInfo info() {
            ConfigFile unet = ConfigFile.read(folder.resolve("unet/config.json"));
            ConfigFile vae = ConfigFile.read(folder.resolve("vae/config.json"));
            int factor = 1 << (vae.integers("block_out_channels", 1, 0).size() - 1);
            return new BackboneInfo(
                    id,
                    ModelCard.read(folder).family(),
                    file,
                    null,
                    model != null && model.loaded(),
                    unet.integer("sample_size", 64) * factor,
                    true);
        }

        FolderModel open(Compute compute) {
            if (model == null) {
                try {
                    model = FolderModel.open(info(), folder, compute);
                } catch (IllegalArgumentException e) {
                    throw new ModelException(String.valueOf(e.getMessage()), e);
                }
            }
            return model;
        }

        long unload() {
            return model == null ? 0 : model.unload();
        }
    }
}
