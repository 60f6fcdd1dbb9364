package dev.prenoise.verifier;

import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.tensor.RenamedWeights;
import dev.prenoise.tensor.RenamedWeights.Place;
import dev.prenoise.tensor.StoredTensors;
import dev.prenoise.tensor.WeightSource;
import dev.prenoise.text.ClipTextConfig;
import dev.prenoise.text.OpenClipNames;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A CLIP as OpenCLIP stores it, and OpenAI: its tensors by the names that transformers gives them, and its shape. */
final class ClipLayout {
    private static final String TEXT = "text_model.";
    private static final String VISION = "vision_model.";
    private static final String CLASS = "visual.class_embedding";
    private static final Map<String, String> OUTSIDE_LAYERS = Map.of(
            "embeddings.class_embedding", "class_embedding",
            "embeddings.patch_embedding.weight", "conv1.weight",
            "embeddings.position_embedding.weight", "positional_embedding",
            "pre_layrnorm.weight", "ln_pre.weight",
            "pre_layrnorm.bias", "ln_pre.bias",
            "post_layernorm.weight", "ln_post.weight",
            "post_layernorm.bias", "ln_post.bias");

    /** What no file says where there is no config: heads are 64 wide, and of the widest transformers (H, g, bigG) there are 16. */
    private static final int HEAD_WIDTH = 64;

    private static final int MOST_HEADS = 16;

    private ClipLayout() {}

    /** Whether the files are OpenCLIP's, of a vision transformer. */
    static boolean isOpenClip(StoredTensors tensors) {
        return tensors.has(CLASS);
    }

    static WeightSource weights(StoredTensors tensors) {
        return new RenamedWeights(tensors, ClipLayout::place, List.of(), List.of());
    }

    private static Place place(String name) {
        if (name.startsWith(TEXT)) {
            return OpenClipNames.text(name.substring(TEXT.length()));
        }
        if (name.startsWith(VISION)) {
            String inside = name.substring(VISION.length());
            Place place = OpenClipNames.isInLayer(inside)
                    ? OpenClipNames.layer(inside)
                    : Place.of(OUTSIDE_LAYERS.getOrDefault(inside, inside));
            return place.under("visual");
        }
        return switch (name) {
            case "text_projection.weight" -> OpenClipNames.TEXT_PROJECTION;
            case "visual_projection.weight" -> new Place("visual.proj", 0, 1, true);
            default -> Place.of(name);
        };
    }

    /**
     * The shape of what is stored.
     *
     * @param json {@code open_clip_config.json}; null where there is none
     * @param quickGelu of a model whose config does not say
     * @throws dev.prenoise.tensor.SafetensorsException when tensors are missing or have no shape of a CLIP
     * @throws IllegalArgumentException when a value of the config is not one that this class knows
     */
    static ClipConfig config(StoredTensors tensors, @Nullable ConfigFile json, boolean quickGelu) {
        ConfigFile model = json == null ? null : json.under("model_cfg");
        boolean quick = model == null ? quickGelu : model.flag("quick_gelu", false);
        return new ClipConfig(
                vision(tensors, model == null ? null : model.under("vision_cfg"), quick),
                text(tensors, model == null ? null : model.under("text_cfg"), quick),
                tensors.size("visual.proj", 1));
    }

    private static ClipVisionConfig vision(StoredTensors tensors, @Nullable ConfigFile json, boolean quickGelu) {
        int width = tensors.size("visual.conv1.weight", 0);
        int patch = tensors.size("visual.conv1.weight", 2);
        int patches = tensors.size("visual.positional_embedding", 0) - 1;
        int grid = (int) Math.round(Math.sqrt(patches));
        if (grid < 1 || grid * grid != patches) {
            throw tensors.wrong(
                    "visual.positional_embedding", patches + " patches (expected: as many rows as columns of them)");
        }
        int side = json == null ? grid * patch : json.integer("image_size", grid * patch);
        if (side / patch != grid) {
            throw tensors.wrong(
                    "visual.positional_embedding",
                    grid + " x " + grid + " patches of " + patch + " pixels (expected: those of image_size " + side
                            + ")");
        }
        int heads = json == null ? heads(width) : width / Math.max(1, json.integer("head_width", HEAD_WIDTH));
        requireHeads(tensors, "visual.conv1.weight", width, heads);
        return new ClipVisionConfig(
                side,
                patch,
                width,
                tensors.size("visual.transformer.resblocks.0.mlp.c_fc.weight", 0),
                layers(tensors, "visual.transformer.resblocks."),
                heads,
                1e-5,
                quickGelu);
    }

    private static ClipTextConfig text(StoredTensors tensors, @Nullable ConfigFile json, boolean quickGelu) {
        int vocabulary = tensors.size("token_embedding.weight", 0);
        int width = tensors.size("token_embedding.weight", 1);
        int heads = json == null ? heads(width) : json.integer("heads", heads(width));
        requireHeads(tensors, "token_embedding.weight", width, heads);
        // the two special tokens are CLIP's last ones
        int eos = vocabulary - 1;
        return new ClipTextConfig(
                vocabulary,
                tensors.size("positional_embedding", 0),
                width,
                tensors.size("transformer.resblocks.0.mlp.c_fc.weight", 0),
                layers(tensors, "transformer.resblocks."),
                heads,
                1e-5,
                quickGelu,
                eos - 1,
                eos,
                0);
    }

    private static int layers(StoredTensors tensors, String blocks) {
        int layers = 0;
        while (tensors.has(blocks + layers + ".ln_1.weight")) {
            layers++;
        }
        return layers;
    }

    private static int heads(int width) {
        return Math.min(MOST_HEADS, width / HEAD_WIDTH);
    }

    private static void requireHeads(StoredTensors tensors, String name, int width, int heads) {
        if (heads < 1 || width % heads != 0) {
            throw tensors.wrong(
                    name,
                    "width " + width + " in " + heads
                            + " heads (expected: whole ones; open_clip_config.json beside the weights says how many)");
        }
    }
}
