package dev.prenoise.engine;

import dev.prenoise.backbone.checkpoint.Checkpoint;
import dev.prenoise.backbone.checkpoint.CheckpointException;
import dev.prenoise.backbone.lora.LoraFile;
import dev.prenoise.diffusion.NoiseSchedule;
import dev.prenoise.engine.Library.Item;
import dev.prenoise.shapes.ShapesModel;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.text.TokenizerFinder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;

/** The built-in models, the models of the model directories, and the LoRAs of theirs. */
final class FolderCatalog implements ModelCatalog {
    private static final String HASHES = "sha256.tsv";

    private final Compute compute;
    private final EngineOptions engine;
    private final TokenizerFinder tokenizers;
    private final ModelMemory memory;
    private final Map<String, Item<Card>> builtIn;
    private final Sha256Cache hashes;
    private final Library<Card> models;
    private final Library<LoraFile> loras;
    private final VerifierLibrary verifiers;
    private final String defaultId;

    // Under this object's lock.
    private final Map<String, Opened> opened = new HashMap<>();

    /** Models whose files have changed since: searches may still be on them. */
    private final List<DiffusionModel> replaced = new ArrayList<>();

    /** What is listed of a usable model. */
    private record Card(String family, int nativeSize, String prediction) {}

    private record Opened(Item<Card> item, DiffusionModel model) {}

    /**
     * @throws ModelException when the cache cannot be written, a directory is none, or there is no such default model
     */
    FolderCatalog(CatalogOptions options, Compute compute) {
        this.compute = compute;
        engine = options.engine();
        tokenizers = new TokenizerFinder(engine.tokenizers(), options.models());
        memory = new ModelMemory(compute, engine);
        engine.precision().warnWhereSlow(compute);
        builtIn = builtIn(options.cache());
        hashes = new Sha256Cache(options.cache().resolve(HASHES));
        models = new Library<>(
                directories("models", options.models()),
                true,
                builtIn.keySet(),
                FolderCatalog::card,
                hashes,
                options.hashing());
        loras = new Library<>(
                directories("loras", options.loras()), false, Set.of(), LoraFile::open, hashes, options.hashing());
        verifiers = new VerifierLibrary(
                options.cache(),
                directories("verifiers", options.verifiers()),
                options.offers(),
                memory,
                DType.FLOAT32,
                hashes,
                options.hashing());
        defaultId = defaultId(options.defaultModel());
        if (options.hashing()) {
            // what is there is looked at before it is asked for; that takes seconds where there are hundreds
            Thread thread = new Thread(this::scan, "prenoise-scan");
            thread.setDaemon(true);
            thread.start();
        }
    }

    private void scan() {
        models.list();
        loras.list();
    }

    private String defaultId(String name) {
        try {
            return name.isEmpty() ? ShapesModel.ID : resolve(name);
        } catch (UnknownBackboneException | InvalidFieldException e) {
            throw new ModelException(
                    "default-model: " + String.valueOf(e.getMessage()).replaceFirst("^backbone: ", ""), e);
        }
    }

    /** By id, in their order. */
    private static Map<String, Item<Card>> builtIn(Path cache) {
        try {
            Map<String, Item<Card>> items = new LinkedHashMap<>();
            for (ShapesModel model : ShapesModel.values()) {
                Path folder = model.extractTo(cache);
                List<Path> files = model.files().stream().map(folder::resolve).toList();
                List<FileStamp> stamps = new ArrayList<>();
                for (Path file : files) {
                    stamps.add(new FileStamp(Files.size(file), 0, 0));
                }
                items.put(model.id(), new Item<>(model.id(), folder, files, List.copyOf(stamps), card(folder), null));
            }
            return Collections.unmodifiableMap(items);
        } catch (IOException e) {
            throw new ModelException("cache: " + e.getMessage(), e);
        }
    }

    private static List<Path> directories(String option, List<Path> directories) {
        for (Path directory : directories) {
            if (!Files.isDirectory(directory) && !Files.isRegularFile(directory)) {
                throw new ModelException(option + ": " + directory + " (expected: a directory, or a model's file)");
            }
        }
        return directories.stream()
                .map(directory -> directory.toAbsolutePath().normalize())
                .toList();
    }

    private static Card card(Path path) {
        Checkpoint checkpoint = Checkpoint.open(path);
        Path scheduler = checkpoint.schedulerConfig();
        if (scheduler != null) {
            // what no search could use is better known before one is asked for
            NoiseSchedule.read(scheduler);
        }
        return new Card(checkpoint.family().id(), checkpoint.nativeSize(), checkpoint.prediction());
    }

    @Override
    public List<BackboneInfo> list() {
        return Stream.concat(builtIn.values().stream(), models.list().stream())
                .map(this::info)
                .toList();
    }

    private BackboneInfo info(Item<Card> item) {
        Card card = item.content();
        ShapesModel own = builtIn.get(item.id()) == item ? ShapesModel.of(item.id()) : null;
        return new BackboneInfo(
                item.id(),
                card == null ? "" : card.family(),
                own == null ? item.path().toString() : null,
                own == null ? models.sha256(item) : own.sha256Of("unet/diffusion_pytorch_model.safetensors"),
                loaded(item),
                card == null ? 0 : card.nativeSize(),
                card != null,
                item.bytes(),
                item.problem(),
                card == null ? "" : card.prediction());
    }

    private synchronized boolean loaded(Item<Card> item) {
        Opened open = opened.get(item.id());
        return open != null && open.item() == item && open.model().loaded();
    }

    @Override
    public List<LoraInfo> loras() {
        return loras.list().stream()
                .map(item -> new LoraInfo(item.id(), item.path().toString(), item.bytes(), item.problem()))
                .toList();
    }

    @Override
    public String defaultId() {
        return defaultId;
    }

    @Override
    public String resolve(String id) {
        if (id.isEmpty()) {
            return defaultId;
        }
        if (builtIn.containsKey(id)) {
            return id;
        }
        List<Item<Card>> found = models.find(id);
        if (found.isEmpty()) {
            throw unknown(id);
        }
        if (found.size() > 1) {
            throw new InvalidFieldException("backbone", ambiguous(id, found));
        }
        String problem = found.get(0).problem();
        if (problem != null) {
            throw new ModelException("backbone: \"" + id + "\" cannot be used: " + problem);
        }
        return found.get(0).id();
    }

    private UnknownBackboneException unknown(String id) {
        return new UnknownBackboneException(
                id,
                list().stream()
                        .filter(info -> info.problem() == null)
                        .map(BackboneInfo::id)
                        .toList());
    }

    @Override
    public String resolveLora(String field, String name) {
        List<Item<LoraFile>> found = loras.find(name);
        if (found.isEmpty()) {
            List<String> usable = loras.list().stream()
                    .filter(item -> item.problem() == null)
                    .map(Item::id)
                    .toList();
            throw new InvalidFieldException(
                    field,
                    "\"" + name + "\" (expected: "
                            + (usable.isEmpty()
                                    ? "none, as there are no LoRA files; --loras names their folder)"
                                    : "one of " + String.join(", ", usable) + ")"));
        }
        if (found.size() > 1) {
            throw new InvalidFieldException(field, ambiguous(name, found));
        }
        String problem = found.get(0).problem();
        if (problem != null) {
            throw new InvalidFieldException(field, "\"" + name + "\" cannot be used: " + problem);
        }
        return found.get(0).id();
    }

    private static <T> String ambiguous(String name, List<Item<T>> found) {
        return "\"" + name + "\" (expected: one of those that are called so: "
                + String.join(", ", found.stream().map(Item::id).toList()) + ")";
    }

    @Override
    public List<WeightsPin> pins(String id, List<String> names) {
        List<WeightsPin> pins = new ArrayList<>();
        pins.add(pin(id, compute.name()));
        String precision = engine.precision().network(compute).name();
        for (int i = 0; i < names.size(); i++) {
            Item<LoraFile> lora = loras.get(names.get(i));
            if (lora == null) {
                throw new InvalidFieldException(
                        "lora[" + i + "].name", "\"" + names.get(i) + "\" (expected: a file that is still there)");
            }
            loras.wantHash(lora);
            pins.add(loras.pin(lora, precision));
        }
        return pins;
    }

    @Override
    public WeightsPin pin(String id, String device) {
        Item<Card> model = item(id);
        String precision = engine.precision().network(device).name();
        return builtIn.get(id) == model
                ? new WeightsPin(
                        id, 0, "built in", Objects.requireNonNull(info(model).sha256(), "sha256"), precision)
                : models.pin(model, precision);
    }

    @Override
    public void hash(String id) throws InterruptedException {
        Item<Card> item = item(id);
        try {
            models.hash(item);
        } catch (IOException e) {
            throw new ModelException(id + ": " + e.getMessage() + " (expected: its files still there)", e);
        }
    }

    /**
     * @throws UnknownBackboneException when there is none
     */
    private Item<Card> item(String id) {
        Item<Card> item = builtIn.containsKey(id) ? builtIn.get(id) : models.get(id);
        if (item == null) {
            throw unknown(id);
        }
        return item;
    }

    @Override
    public VerifierCatalog verifiers() {
        return verifiers;
    }

    @Override
    public List<DeviceInfo> devices() {
        return List.of(Devices.info(compute));
    }

    @Override
    public Model open(String id) {
        Item<Card> item = item(id);
        if (item.problem() != null) {
            throw new ModelException("backbone: \"" + id + "\" cannot be used: " + item.problem());
        }
        synchronized (this) {
            Opened before = opened.get(id);
            if (before != null && before.item() == item) {
                return before.model();
            }
            if (before != null) {
                replaced.add(before.model());
                opened.remove(id);
            }
            if (builtIn.get(id) != item) {
                models.wantHash(item);
            }
            DiffusionModel model = open(item);
            opened.put(id, new Opened(item, model));
            return model;
        }
    }

    private DiffusionModel open(Item<Card> item) {
        try {
            return DiffusionModel.open(
                    info(item), Checkpoint.open(item.path()), engine, tokenizers, memory, this::lora);
        } catch (CheckpointException e) {
            throw new ModelException(String.valueOf(e.getMessage()), e);
        }
    }

    private LoraFile lora(String field, String name) {
        String id = resolveLora(field, name);
        Item<LoraFile> item = loras.get(id);
        if (item == null || item.content() == null) {
            throw new InvalidFieldException(field, "\"" + name + "\" (expected: a file that is still there)");
        }
        return item.content();
    }

    @Override
    public long releaseMemory() {
        return memory.release();
    }

    @Override
    public void close() {
        hashes.close();
        memory.close();
        verifiers.close();
        synchronized (this) {
            everyModel().forEach(DiffusionModel::close);
            opened.clear();
            replaced.clear();
        }
    }

    private Stream<DiffusionModel> everyModel() {
        return Stream.concat(opened.values().stream().map(Opened::model), replaced.stream());
    }
}
