package dev.prenoise.backbone.checkpoint;

import dev.prenoise.backbone.checkpoint.Contents.Diffusion;
import dev.prenoise.backbone.checkpoint.Contents.Target;
import dev.prenoise.backbone.checkpoint.Contents.Text;
import dev.prenoise.backbone.checkpoint.Contents.Vae;
import dev.prenoise.backbone.checkpoint.TextTower.Kind;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.vae.VaeConfig;
import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.StoredTensors;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A checkpoint in one safetensors file: UNet, VAE and text encoders under LDM's names, or a UNet alone under either layout's. */
final class SingleFile {
    private static final String SUFFIX = ".safetensors";
    private static final List<String> UNET_PREFIXES =
            List.of("model.diffusion_model.", "diffusion_model.", "unet.", "");
    private static final String EMA_PREFIX = "model_ema.diffusion_model";
    private static final List<String> VAE_PREFIXES = List.of("first_stage_model.", "vae.");
    private static final String SECOND_TEXT = "conditioner.embedders.1.";
    private static final List<String> TEXT_PREFIXES = List.of(
            "cond_stage_model.transformer.",
            "cond_stage_model.model.",
            "conditioner.embedders.0.transformer.",
            "conditioner.embedders.0.model.",
            SECOND_TEXT + "model.",
            SECOND_TEXT + "transformer.");

    /** The name under which ComfyUI looks when it guesses what a Stable Diffusion 2 predicts, and the spread that decides. */
    private static final String V_SIGN = "up_blocks.3.attentions.2.transformer_blocks.0.norm1";

    private static final double V_SPREAD = 0.09;
    private static final int V_NATIVE_SIZE = 768;

    private SingleFile() {}

    static Contents read(Path path) {
        String name = String.valueOf(path.getFileName());
        if (!name.endsWith(SUFFIX)) {
            throw new CheckpointException(
                    path, "no checkpoint by its name (expected: a .safetensors file or a folder)");
        }
        String stem = name.substring(0, name.length() - SUFFIX.length());
        Path cardFile = path.resolveSibling(stem + ".prenoise.json");
        ConfigFile card = Files.exists(cardFile) ? ConfigFile.read(cardFile) : null;
        SafetensorsFile file = SafetensorsFile.open(path);
        Hints hints = Hints.of(card, path.resolveSibling(stem + ".yaml"), file.metadata());

        List<StoredTensors> towers = TEXT_PREFIXES.stream()
                .map(prefix -> StoredTensors.under(file, prefix))
                .filter(tensors -> TextLayout.of(tensors) != null)
                .toList();
        Network network = network(file);
        int pooled = towers.isEmpty() ? 0 : pooledWidth(towers.get(towers.size() - 1));
        UNetConfig config = network.layout.config(network.tensors, hints, pooled);
        Family told = Family.of(config, network.layout.linear(network.tensors));
        Family family = hints.family() == null ? told : hints.family();
        Target target = target(file, network, config, family, hints);
        return new Contents(
                path,
                family,
                family == Family.SD2 && target.prediction().equals("v") ? V_NATIVE_SIZE : family.nativeSize(),
                new Diffusion(config, network.layout.weights(network.tensors, config)),
                vae(file, hints, family),
                text(towers, hints, family),
                target,
                null,
                null,
                ModelCard.of(card),
                List.of(file));
    }

    private static int pooledWidth(StoredTensors tensors) {
        TextLayout layout = TextLayout.of(tensors);
        return layout == null ? 0 : layout.pooledWidth(tensors);
    }

    private record Network(UNetLayout layout, StoredTensors tensors) {}

    private static Network network(SafetensorsFile file) {
        String stranger = Strangers.withUnet(file.names());
        if (stranger != null) {
            throw new CheckpointException(file.path(), stranger);
        }
        List<StoredTensors> places = new ArrayList<>();
        UNET_PREFIXES.forEach(prefix -> places.add(StoredTensors.under(file, prefix)));
        // averaged weights have their names' dots left out; they serve where the plain ones are missing
        places.add(new StoredTensors(List.of(file), name -> EMA_PREFIX + name.replace(".", "")));
        for (StoredTensors tensors : places) {
            for (UNetLayout layout : UNetLayout.values()) {
                if (layout.fits(tensors)) {
                    return new Network(layout, tensors);
                }
            }
        }
        throw new CheckpointException(file.path(), Strangers.withoutUnet(file.names(), file.metadata()));
    }

    private static Target target(SafetensorsFile file, Network network, UNetConfig config, Family family, Hints hints) {
        String prediction = hints.prediction();
        if (prediction == null) {
            boolean v = family.isXl()
                    ? file.contains("v_pred")
                    : family == Family.SD2 && looksLikeV(network, KeyNames.of(config));
            prediction = v ? "v" : "eps";
        }
        // without signal at the last step nothing but v can be predicted there
        boolean sign = family.isXl() && prediction.equals("v") && file.contains("ztsnr");
        return Target.of(prediction, hints.zeroTerminalSnr() || sign);
    }

    /** ComfyUI's guess: models that learnt to predict v have this norm's shifts spread wider. */
    private static boolean looksLikeV(Network network, KeyNames names) {
        String module = network.layout.name(names, V_SIGN);
        if (module == null || !network.tensors.has(module + ".bias")) {
            return false;
        }
        float[] values = network.tensors.values(module + ".bias");
        double sum = 0;
        double squares = 0;
        for (float value : values) {
            sum += value;
            squares += (double) value * value;
        }
        double mean = sum / values.length;
        return Math.sqrt(Math.max(0, squares / values.length - mean * mean)) > V_SPREAD;
    }

    private static @Nullable Vae vae(SafetensorsFile file, Hints hints, Family family) {
        for (String prefix : VAE_PREFIXES) {
            StoredTensors tensors = StoredTensors.under(file, prefix);
            if (file.names().stream().anyMatch(name -> name.startsWith(prefix + "decoder."))) {
                VaeConfig config = VaeLayout.config(tensors, hints, family);
                return new Vae(config, VaeLayout.weights(tensors, config));
            }
        }
        return null;
    }

    private static List<Text> text(List<StoredTensors> towers, Hints hints, Family family) {
        List<Text> text = new ArrayList<>();
        for (StoredTensors tensors : towers) {
            TextLayout layout = TextLayout.of(tensors);
            if (layout != null) {
                Kind kind = kind(family, tensors.key().apply(""));
                TextTower tower = layout.tower(tensors, kind, hints, text.size());
                text.add(new Text(tower, layout.weights(tensors, tower)));
            }
        }
        return List.copyOf(text);
    }

    /** By the place that an encoder has in the file: how its tensors are named there says nothing. */
    static Kind kind(Family family, String prefix) {
        if (family == Family.SD2) {
            return Kind.OPEN_CLIP_H;
        }
        return prefix.startsWith(SECOND_TEXT) ? Kind.OPEN_CLIP_BIG_G : Kind.CLIP_L;
    }
}
