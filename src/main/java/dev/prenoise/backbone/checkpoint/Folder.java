package dev.prenoise.backbone.checkpoint;

import dev.prenoise.backbone.checkpoint.Contents.Diffusion;
import dev.prenoise.backbone.checkpoint.Contents.Target;
import dev.prenoise.backbone.checkpoint.Contents.Text;
import dev.prenoise.backbone.checkpoint.Contents.Vae;
import dev.prenoise.backbone.checkpoint.TextTower.Kind;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.vae.VaeConfig;
import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.tensor.RenamedWeights;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.SafetensorsIndex;
import dev.prenoise.tensor.StoredTensors;
import dev.prenoise.text.ClipTextConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A model in diffusers' layout: a folder for each network, with a {@code config.json} and safetensors files; or the UNet's folder alone. */
final class Folder {
    private static final String UNET_CLASS = "UNet2DConditionModel";
    private static final String UNET_FILE = "diffusion_pytorch_model";
    private static final List<String> BETAS = List.of("beta_schedule", "beta_start", "beta_end", "trained_betas");
    private static final List<String> TEXT_FOLDERS = List.of("text_encoder", "text_encoder_2");

    private final Path root;
    private final List<SafetensorsFile> files = new ArrayList<>();

    private Folder(Path root) {
        this.root = root;
    }

    static Contents read(Path root) {
        return new Folder(root).contents();
    }

    private Contents contents() {
        Path unetFolder = unetFolder();
        Path cardFile = root.resolve(ModelCard.FILE);
        ConfigFile card = Files.exists(cardFile) ? ConfigFile.read(cardFile) : null;
        Hints hints = Hints.of(card, root.resolve("prenoise.yaml"), Map.of());

        Path unetConfig = unetFolder.resolve("config.json");
        UNetConfig config = UNetConfig.read(unetConfig);
        StoredTensors tensors = tensors(unetFolder, UNET_FILE);
        Family told = Family.of(config, UNetLayout.DIFFUSERS.linear(tensors));
        Family family = hints.family() == null ? told : hints.family();
        Vae vae = vae();
        Path scheduler = existing(root.resolve("scheduler/scheduler_config.json"));
        return new Contents(
                root,
                family,
                nativeSize(ConfigFile.read(unetConfig), vae, family),
                new Diffusion(config, UNetLayout.DIFFUSERS.weights(tensors, config)),
                vae,
                text(family),
                target(scheduler, hints),
                scheduler,
                existing(root.resolve("tokenizer")),
                ModelCard.of(card),
                List.copyOf(files));
    }

    private Path unetFolder() {
        Path inner = root.resolve("unet");
        if (Files.isDirectory(inner)) {
            return inner;
        }
        Path config = root.resolve("config.json");
        if (Files.exists(config)) {
            ConfigFile json = ConfigFile.read(config);
            List<String> transformers = json.has("architectures") ? json.texts("architectures") : List.of();
            String kind = json.text("_class_name", transformers.isEmpty() ? UNET_CLASS : transformers.get(0));
            if (!kind.equals(UNET_CLASS)) {
                throw new CheckpointException(root, kind + " alone (expected: a model folder with a UNet)");
            }
            return root;
        }
        Path index = root.resolve("model_index.json");
        if (Files.exists(index)) {
            String pipeline = ConfigFile.read(index).text("_class_name", "a pipeline");
            throw new CheckpointException(
                    root,
                    "a model of " + pipeline + " (expected: Stable Diffusion 1, 2 or XL, which has a folder unet)");
        }
        throw new CheckpointException(
                root, "no model folder (expected: model_index.json and a folder unet, or a UNet's config.json)");
    }

    private static @Nullable Path existing(Path path) {
        return Files.exists(path) ? path : null;
    }

    private static int nativeSize(ConfigFile unet, @Nullable Vae vae, Family family) {
        int factor = vae == null ? 8 : vae.config().factor();
        int side = unet.integer("sample_size", 0);
        if (side < 0 || side > 4096) {
            throw unet.wrong("sample_size", "the latents' side, at most 4096");
        }
        return side == 0 ? family.nativeSize() : side * factor;
    }

    private @Nullable Vae vae() {
        Path folder = root.resolve("vae");
        if (!Files.isDirectory(folder)) {
            return null;
        }
        VaeConfig config = VaeConfig.read(folder.resolve("config.json"));
        return new Vae(config, RenamedWeights.of(tensors(folder, UNET_FILE), name -> name, VaeLayout.ROOTS));
    }

    private List<Text> text(Family family) {
        List<Text> text = new ArrayList<>();
        for (String name : TEXT_FOLDERS) {
            Path folder = root.resolve(name);
            if (Files.isDirectory(folder)) {
                Path config = folder.resolve("config.json");
                requireClip(ConfigFile.read(config));
                TextTower tower = new TextTower(kind(family, name), ClipTextConfig.read(config));
                text.add(new Text(tower, TextLayout.HUGGING_FACE.weights(tensors(folder, "model"), tower)));
            }
        }
        return List.copyOf(text);
    }

    private static void requireClip(ConfigFile config) {
        if (config.has("architectures")
                && config.texts("architectures").stream().noneMatch(name -> name.startsWith("CLIPTextModel"))) {
            throw config.wrong("architectures", "CLIPTextModel or CLIPTextModelWithProjection");
        }
    }

    private static Kind kind(Family family, String folder) {
        if (family == Family.SHAPES) {
            return Kind.OTHER;
        }
        if (family == Family.SD2) {
            return Kind.OPEN_CLIP_H;
        }
        return folder.equals("text_encoder") ? Kind.CLIP_L : Kind.OPEN_CLIP_BIG_G;
    }

    private static Target target(@Nullable Path scheduler, Hints hints) {
        if (scheduler == null) {
            return Target.of(hints.prediction() == null ? "eps" : hints.prediction(), hints.zeroTerminalSnr());
        }
        ConfigFile config = ConfigFile.read(scheduler);
        requireKnownNoise(config);
        String said =
                switch (config.text("prediction_type", "epsilon")) {
                    case "epsilon" -> "eps";
                    case "v_prediction" -> "v";
                    default -> throw config.wrong("prediction_type", "epsilon or v_prediction");
                };
        return Target.of(
                hints.prediction() == null ? said : hints.prediction(),
                hints.zeroTerminalSnr() || config.flag("rescale_betas_zero_snr", false));
    }

    /** diffusers writes every value of its schedulers, so one without betas was trained with other noise, as Playground 2.5 was (EDM). */
    private static void requireKnownNoise(ConfigFile config) {
        String scheduler = config.text("_class_name", "");
        if (!scheduler.isEmpty()
                && !scheduler.startsWith("FlowMatch")
                && BETAS.stream().noneMatch(config::has)) {
            throw config.wrong("_class_name", "a scheduler with beta_schedule, beta_start and beta_end");
        }
    }

    // ---- weight files ----

    /** The full weights where they are there, in one file or in shards; else a variant such as fp16. */
    private StoredTensors tensors(Path folder, String stem) {
        List<Path> paths = new ArrayList<>();
        for (String variant : List.of("", ".fp16", ".bf16", ".non_ema")) {
            Path whole = folder.resolve(stem + variant + ".safetensors");
            if (Files.exists(whole)) {
                paths.add(whole);
                break;
            }
            Path index = existing(folder.resolve(stem + ".safetensors.index" + variant + ".json"));
            if (index == null) {
                index = existing(folder.resolve(stem + variant + ".safetensors.index.json"));
            }
            if (index != null) {
                paths.addAll(SafetensorsIndex.files(index));
                break;
            }
        }
        if (paths.isEmpty()) {
            throw missing(folder, stem);
        }
        List<SafetensorsFile> opened = paths.stream().map(SafetensorsFile::open).toList();
        files.addAll(opened);
        return new StoredTensors(opened, name -> name);
    }

    private static CheckpointException missing(Path folder, String stem) {
        for (String pickle : List.of(stem + ".bin", "pytorch_model.bin")) {
            if (Files.exists(folder.resolve(pickle))) {
                return Checkpoint.pickle(folder.resolve(pickle));
            }
        }
        return new CheckpointException(
                folder, "no weights (expected: " + stem + ".safetensors, a variant of it, or its index)");
    }
}
