package dev.prenoise.training;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.vae.Autoencoder;
import dev.prenoise.backbone.vae.VaeConfig;
import dev.prenoise.diffusion.NoiseSchedule;
import dev.prenoise.shapes.ShapesModel;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Parameters;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.SafetensorsWriter;
import dev.prenoise.tensor.SafetensorsWriter.Content;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import dev.prenoise.text.ClipTextConfig;
import dev.prenoise.text.ClipTextEncoder;
import dev.prenoise.text.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Makes a diffusion model of the built-in world: a UNet taught on drawings by rule. Text encoder and autoencoder are another model's, the
 * shipped one's where none is named, and stay as they are.
 */
public final class ShapesModelTraining {
    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";
    private static final String UNET_CONFIG = "unet/config.json";
    private static final String TEXT = "text_encoder/model.safetensors";
    private static final String VAE = "vae/diffusion_pytorch_model.safetensors";
    private static final String VAE_CONFIG = "vae/config.json";
    private static final String RECIPE = "recipe.txt";
    private static final String SCHEDULER = "scheduler/scheduler_config.json";
    private static final List<String> FROZEN =
            List.of("text_encoder/", "tokenizer/", "vae/", "model_index.json", "prenoise.json");
    private static final int WARM_UP = 200;
    private static final int CHECKPOINT_EVERY = 250;
    private static final double RATE = 1e-3;
    private static final double LOWEST_RATE = 1e-5;
    private static final double WEIGHT_DECAY = 0.01;
    private static final double LARGEST_GRADIENT = 1;
    private static final double AVERAGE_DECAY = 0.999;
    private static final Gson GSON =
            new GsonBuilder().setPrettyPrinting().serializeNulls().create();

    private final Recipe recipe;
    private final @Nullable Path from;
    /** Of a fresh network. */
    private final @Nullable JsonObject config;

    private final int checkpointEvery;

    /**
     * What a model is made by.
     *
     * @param steps of the optimiser, at least 2
     * @param batch pictures of a step, even
     * @param channels of the UNet's levels; empty for those of the model that it starts from
     * @param prediction "epsilon" or "v_prediction", in diffusers' words
     * @param scenes that are drawn and encoded once, at least 1
     * @param seed of everything that is drawn
     */
    public record Recipe(int steps, int batch, List<Integer> channels, String prediction, int scenes, long seed) {
        /**
         * @throws IllegalArgumentException when a value is out of its range
         */
        public Recipe {
            channels = List.copyOf(channels);
            if (steps < 2) {
                throw new IllegalArgumentException("steps: " + steps + " (expected: >= 2)");
            }
            if (batch < 2 || batch % 2 != 0) {
                throw new IllegalArgumentException("batch: " + batch + " (expected: a positive multiple of 2)");
            }
            if (!List.of("epsilon", "v_prediction").contains(prediction)) {
                throw new IllegalArgumentException(
                        "prediction: \"" + prediction + "\" (expected: epsilon or v_prediction)");
            }
            if (scenes < 1) {
                throw new IllegalArgumentException("scenes: " + scenes + " (expected: >= 1)");
            }
        }
    }

    /** Told of what takes long. */
    public interface Progress {
        /** Scenes encoded so far, before the first step; not called when they were there. */
        void encoded(int scenes);

        /** Steps done so far. */
        void trained(int steps);
    }

    /**
     * @param from a model's folder in diffusers layout whose UNet the training goes on from; null begins with fresh weights
     */
    public ShapesModelTraining(Recipe recipe, @Nullable Path from) {
        this(recipe, from, CHECKPOINT_EVERY);
    }

    /**
     * @param checkpointEvery steps
     */
    ShapesModelTraining(Recipe recipe, @Nullable Path from, int checkpointEvery) {
        if (from == null && recipe.channels().isEmpty()) {
            throw new IllegalArgumentException("channels: none (expected: at least one level)");
        }
        if (from != null && !recipe.channels().isEmpty()) {
            throw new IllegalArgumentException(
                    "channels: " + recipe.channels() + " (expected: none, as " + from + " has its own)");
        }
        this.config = from == null ? ShapesUNet.config(recipe.channels()) : null;
        this.recipe = recipe;
        this.from = from;
        this.checkpointEvery = checkpointEvery;
    }

    /**
     * Trains, or goes on, and writes the model, at each checkpoint too.
     *
     * @param folder gets the model in diffusers layout, and {@code run/} with the checkpoint, the loss curve and the encoded scenes
     * @throws IllegalArgumentException when the folder's run is one of another recipe or is not to be resumed, or when the folder holds a model
     *     that is no run's; the folder is left as it is then
     * @throws UncheckedIOException when a folder cannot be written
     */
    public void run(Path folder, boolean resume, Progress progress) {
        Compute compute = Compute.cpu();
        Path work = folder.resolve("run");
        try {
            if (from != null) {
                requireLayout(from);
            }
            String text = recipeText();
            requireFits(folder, resume, text);
            Files.createDirectories(work);
            Path base = from == null ? ShapesModel.SHAPES.extractTo(work) : from;
            put(work.resolve(RECIPE), text.getBytes(StandardCharsets.UTF_8));
            copyFrozen(base, folder);
            UNetConfig config = UNetConfig.read(folder.resolve(UNET_CONFIG));
            SortedMap<String, List<Long>> fresh = ShapesUNet.shapes(config);
            SafetensorsFile taught = from == null ? null : SafetensorsFile.open(from.resolve(UNET));
            SortedMap<String, List<Long>> shapes = taught == null ? fresh : storedShapes(fresh, taught);
            Parameters.Start start = taught == null
                    ? (name, shape) -> ShapesUNet.start(shapes, name, shape, recipe.seed())
                    : (name, shape) -> taught.values(name);
            try (Tokenizer tokenizer = Tokenizer.load(folder.resolve("tokenizer"));
                    ClipTextEncoder encoder = textEncoder(folder.resolve("text_encoder"), compute);
                    Autoencoder autoencoder = autoencoder(folder.resolve("vae"), compute);
                    LatentPool pool = LatentPool.open(
                            work.resolve("latents.safetensors"),
                            autoencoder,
                            sha256(folder.resolve(VAE_CONFIG), folder.resolve(VAE)),
                            recipe.scenes(),
                            recipe.seed(),
                            progress::encoded);
                    TrainingRun run = TrainingRun.open(work, resume, plan(), compute, shapes, start)) {
                Objective objective = new DiffusionObjective(
                        new UNet(config, run.parameters().weights()),
                        encoder,
                        tokenizer,
                        pool,
                        NoiseSchedule.read(folder.resolve(SCHEDULER)),
                        recipe.batch(),
                        recipe.seed());
                do {
                    run.run(objective, run.step() + checkpointEvery, checkpointEvery, progress::trained);
                    write(folder.resolve(UNET), run.averages());
                } while (run.step() < recipe.steps());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(folder + ": " + e.getMessage(), e);
        }
    }

    private TrainingPlan plan() {
        return new TrainingPlan(
                recipe.steps(),
                Math.min(WARM_UP, recipe.steps() / 4),
                recipe.steps() / 4,
                RATE,
                LOWEST_RATE,
                WEIGHT_DECAY,
                LARGEST_GRADIENT,
                AVERAGE_DECAY,
                recipe.seed());
    }

    // ---- what it starts from ----

    private static void requireLayout(Path base) {
        for (String part : List.of("unet", "text_encoder", "tokenizer", "vae", "scheduler")) {
            if (!Files.isDirectory(base.resolve(part))) {
                throw new IllegalArgumentException(base + ": no folder " + part + " (expected: diffusers layout)");
            }
        }
        for (String weights : List.of(UNET, TEXT, VAE)) {
            if (!Files.isRegularFile(base.resolve(weights))) {
                throw new IllegalArgumentException(base + ": no file " + weights + " (expected: diffusers layout)");
            }
        }
    }

    /** Everything but the UNet's weights. */
    private void copyFrozen(Path base, Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(base)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String name = base.relativize(file).toString().replace('\\', '/');
                if (FROZEN.stream().anyMatch(name::startsWith)) {
                    put(folder.resolve(name), Files.readAllBytes(file));
                }
            }
        }
        JsonObject scheduler = JsonParser.parseString(Files.readString(base.resolve(SCHEDULER)))
                .getAsJsonObject();
        scheduler.addProperty("prediction_type", recipe.prediction());
        put(folder.resolve(SCHEDULER), text(scheduler));
        put(folder.resolve(UNET_CONFIG), config == null ? Files.readAllBytes(base.resolve(UNET_CONFIG)) : text(config));
    }

    /** A transformer's projections may be stored as convolutions. */
    private static SortedMap<String, List<Long>> storedShapes(
            SortedMap<String, List<Long>> shapes, SafetensorsFile weights) {
        SortedMap<String, List<Long>> stored = new TreeMap<>();
        shapes.keySet().forEach(name -> stored.put(name, weights.entry(name).shape()));
        return stored;
    }

    private static ClipTextEncoder textEncoder(Path folder, Compute compute) {
        return new ClipTextEncoder(
                ClipTextConfig.read(folder.resolve("config.json")),
                Weights.open(folder.resolve("model.safetensors"), compute, DType.FLOAT32));
    }

    private static Autoencoder autoencoder(Path folder, Compute compute) {
        return new Autoencoder(
                VaeConfig.read(folder.resolve("config.json")),
                Weights.open(folder.resolve("diffusion_pytorch_model.safetensors"), compute, DType.FLOAT32));
    }

    /** A run's folder belongs to one recipe; only the steps may change, as far as {@link TrainingRun} lets them. */
    private void requireFits(Path folder, boolean resume, String text) throws IOException {
        Path work = folder.resolve("run");
        Path file = work.resolve(RECIPE);
        if (resume && Files.exists(file)) {
            String before = Files.readString(file);
            if (!before.equals(text)) {
                throw new IllegalArgumentException(
                        file + ": of another recipe, " + oneLine(before) + " (expected: " + oneLine(text) + ")");
            }
        }
        if (Files.exists(folder.resolve(UNET)) && !TrainingRun.isIn(work)) {
            throw new IllegalArgumentException(folder + ": holds a model and no run of it (expected: another folder)");
        }
        TrainingRun.requireFits(work, resume, plan());
    }

    /** What it goes on from is told by its weights: they may lie under another path, or others under the same. */
    private String recipeText() throws IOException {
        return "batch: " + recipe.batch() + "\nchannels: " + recipe.channels() + "\nprediction: "
                + recipe.prediction() + "\nscenes: " + recipe.scenes() + "\nseed: " + recipe.seed() + "\nfrom: "
                + (from == null ? "nothing" : sha256(from.resolve(UNET), from.resolve(TEXT), from.resolve(VAE)))
                + "\n";
    }

    /** Of all the files' bytes, in lower-case hexadecimal. */
    private static String sha256(Path... files) throws IOException {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (Path file : files) {
                digest.update(Files.readAllBytes(file));
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    private static String oneLine(String recipe) {
        return recipe.strip().replace("\n", ", ");
    }

    // ---- writing ----

    /** In half precision. */
    private static void write(Path file, SortedMap<String, Tensor> averages) throws IOException {
        Map<String, Content> tensors = new TreeMap<>();
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            averages.forEach((name, average) -> tensors.put(name, Content.of(average.to(DType.FLOAT16))));
        }
        put(file, SafetensorsWriter.write(tensors, Map.of("format", "pt")));
    }

    private static byte[] text(JsonObject json) {
        return (GSON.toJson(json) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    /** In one move, so that whoever reads the folder in the meantime reads whole files. */
    private static void put(Path file, byte[] bytes) throws IOException {
        Files.createDirectories(file.getParent());
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        Files.write(fresh, bytes);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
