package dev.prenoise.training;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.prenoise.backbone.vae.Autoencoder;
import dev.prenoise.backbone.vae.VaeConfig;
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
import dev.prenoise.text.Tokenizer;
import dev.prenoise.verifier.ClipConfig;
import dev.prenoise.verifier.ClipModel;
import dev.prenoise.verifier.ClipVisionConfig;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.IntConsumer;

/**
 * Makes the built-in world's verifiers: a CLIP and an aesthetic head on its picture embedding, taught on drawings by rule that no diffusion
 * model had a part in. The text side starts from the built-in diffusion model's, everything else from the seed.
 */
public final class ShapesVerifierTraining {
    /** What the shipped weights were made with: steps of the optimiser, pictures of a step, the seed. */
    public static final int STEPS = 6000;

    public static final int BATCH = 32;
    public static final long SEED = 20_261_121;

    private static final int WARM_UP = 100;
    private static final int DECAY = 1500;
    private static final int CHECKPOINT_EVERY = 100;
    private static final float MIDDLE_QUALITY = 6;

    private final int steps;
    private final int batch;
    private final long seed;

    /**
     * @param steps of the optimiser, at least 2
     * @param batch pictures of a step, a multiple of 8
     * @throws IllegalArgumentException when a number is out of its range
     */
    public ShapesVerifierTraining(int steps, int batch, long seed) {
        if (steps < 2) {
            throw new IllegalArgumentException("steps: " + steps + " (expected: >= 2)");
        }
        if (batch < 8 || batch % 8 != 0) {
            throw new IllegalArgumentException("batch: " + batch + " (expected: a positive multiple of 8)");
        }
        this.steps = steps;
        this.batch = batch;
        this.seed = seed;
    }

    /**
     * Trains, or goes on, and writes the verifiers.
     *
     * @param folder gets {@code run/} with the checkpoint and the loss curve, {@code clip/} in the layout of a published CLIP, and {@code
     *     aesthetic/}
     * @param progress is told the steps done
     * @throws IllegalArgumentException when the folder's run is one of another plan, or is not to be resumed
     * @throws UncheckedIOException when a folder cannot be written
     */
    public void run(Path folder, boolean resume, IntConsumer progress) {
        Compute compute = Compute.cpu();
        try {
            Path built = ShapesModel.SHAPES.extractTo(folder.resolve("run"));
            SafetensorsFile text = SafetensorsFile.open(built.resolve("text_encoder/model.safetensors"));
            ClipConfig config = ShapesClip.CONFIG;
            SortedMap<String, List<Long>> shapes = ShapesClip.shapes(config);
            TrainingPlan plan = new TrainingPlan(
                    steps,
                    Math.min(WARM_UP, steps / 2),
                    Math.min(DECAY, steps / 2),
                    1.5e-3,
                    1e-5,
                    0.05,
                    1,
                    0.998,
                    seed);
            try (TrainingRun run = TrainingRun.open(
                            folder.resolve("run"),
                            resume,
                            plan,
                            compute,
                            shapes,
                            (name, shape) -> start(shapes, name, shape, text));
                    Tokenizer tokenizer = Tokenizer.load(built.resolve("tokenizer"));
                    Autoencoder autoencoder = autoencoder(built.resolve("vae"), compute)) {
                Parameters parameters = run.parameters();
                ClipModel model = new ClipModel(config, parameters.weights());
                Objective objective = new ShapesClipObjective(model, parameters, tokenizer, autoencoder, batch, seed);
                run.run(objective, steps, CHECKPOINT_EVERY, progress);
                export(folder, config, run.averages());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(folder + ": " + e.getMessage(), e);
        }
    }

    private static Autoencoder autoencoder(Path folder, Compute compute) {
        return new Autoencoder(
                VaeConfig.read(folder.resolve("config.json")),
                Weights.open(folder.resolve("diffusion_pytorch_model.safetensors"), compute, DType.FLOAT32));
    }

    private float[] start(SortedMap<String, List<Long>> shapes, String name, List<Long> shape, SafetensorsFile text) {
        float[] fresh = ClipTensors.start(shapes, name, shape, seed);
        if (name.equals(ShapesClip.AESTHETIC + ".bias")) {
            fresh[0] = MIDDLE_QUALITY;
        }
        if (text.contains(name)) {
            try (Tensor taught = text.load(name, Compute.cpu(), DType.FLOAT32)) {
                float[] values = taught.toFloats();
                // Its table of words has no row for unknown ones, which comes last.
                System.arraycopy(values, 0, fresh, 0, values.length);
            }
        }
        return fresh;
    }

    // ---- writing ----

    private static void export(Path folder, ClipConfig config, SortedMap<String, Tensor> averages) throws IOException {
        Path clip = Files.createDirectories(folder.resolve("clip"));
        Path aesthetic = Files.createDirectories(folder.resolve("aesthetic"));
        Map<String, Content> tensors = new TreeMap<>();
        Map<String, Content> head = new TreeMap<>();
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            averages.forEach((name, average) -> {
                if (name.startsWith(ShapesClip.AESTHETIC)) {
                    head.put(name.replace(ShapesClip.AESTHETIC, "layers.0"), Content.of(average));
                } else if (!name.startsWith(ShapesClip.PRESENCE)) {
                    tensors.put(name, Content.of(average.to(DType.FLOAT16)));
                }
            });
        }
        Files.write(clip.resolve("model.safetensors"), SafetensorsWriter.write(tensors, Map.of("format", "pt")));
        Files.write(aesthetic.resolve("head.safetensors"), SafetensorsWriter.write(head, Map.of("format", "pt")));
        Gson gson = new GsonBuilder().setPrettyPrinting().create();
        Files.writeString(clip.resolve("config.json"), gson.toJson(json(config)) + "\n");
        Files.writeString(clip.resolve("preprocessor_config.json"), gson.toJson(preprocessing(config)) + "\n");
        for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
            try (InputStream in = ShapesModel.SHAPES.open("tokenizer/" + file)) {
                Files.write(clip.resolve(file), in.readAllBytes());
            }
        }
    }

    /** In transformers' words. */
    private static JsonObject json(ClipConfig config) {
        ClipVisionConfig vision = config.vision();
        JsonObject pictures =
                tower("clip_vision_model", vision.width(), vision.feedForwardWidth(), vision.layers(), vision.heads());
        pictures.addProperty("image_size", vision.imageSize());
        pictures.addProperty("patch_size", vision.patchSize());
        pictures.addProperty("layer_norm_eps", vision.layerNormEps());
        pictures.addProperty("projection_dim", config.projection());
        ClipTextConfig text = config.text();
        JsonObject texts = tower("clip_text_model", text.width(), text.feedForwardWidth(), text.layers(), text.heads());
        texts.addProperty("vocab_size", text.vocabulary());
        texts.addProperty("max_position_embeddings", text.length());
        texts.addProperty("layer_norm_eps", text.layerNormEps());
        texts.addProperty("bos_token_id", text.bosId());
        texts.addProperty("eos_token_id", text.eosId());
        texts.addProperty("pad_token_id", text.padId());
        texts.addProperty("projection_dim", config.projection());
        JsonObject json = new JsonObject();
        json.add("architectures", strings("CLIPModel"));
        json.addProperty("model_type", "clip");
        json.addProperty("projection_dim", config.projection());
        json.add("text_config", texts);
        json.add("vision_config", pictures);
        return json;
    }

    private static JsonObject tower(String type, int width, int wide, int layers, int heads) {
        JsonObject json = new JsonObject();
        json.addProperty("model_type", type);
        json.addProperty("hidden_act", "quick_gelu");
        json.addProperty("hidden_size", width);
        json.addProperty("intermediate_size", wide);
        json.addProperty("num_hidden_layers", layers);
        json.addProperty("num_attention_heads", heads);
        return json;
    }

    private static JsonArray strings(String... texts) {
        JsonArray array = new JsonArray();
        Arrays.stream(texts).forEach(array::add);
        return array;
    }

    /** Pixels become -1 to 1. */
    private static JsonObject preprocessing(ClipConfig config) {
        int side = config.vision().imageSize();
        JsonObject json = new JsonObject();
        json.addProperty("image_processor_type", "CLIPImageProcessor");
        json.addProperty("do_resize", true);
        json.addProperty("do_center_crop", true);
        json.addProperty("do_rescale", true);
        json.addProperty("do_normalize", true);
        json.addProperty("do_convert_rgb", true);
        json.addProperty("resample", 3);
        json.addProperty("rescale_factor", 1 / 255.0);
        JsonObject size = new JsonObject();
        size.addProperty("shortest_edge", side);
        json.add("size", size);
        JsonObject crop = new JsonObject();
        crop.addProperty("height", side);
        crop.addProperty("width", side);
        json.add("crop_size", crop);
        for (String key : List.of("image_mean", "image_std")) {
            JsonArray half = new JsonArray();
            for (int channel = 0; channel < 3; channel++) {
                half.add(0.5);
            }
            json.add(key, half);
        }
        return json;
    }
}
