package dev.prenoise.backbone.checkpoint;

import dev.prenoise.backbone.checkpoint.TextTower.Kind;
import dev.prenoise.tensor.RenamedWeights;
import dev.prenoise.tensor.RenamedWeights.Place;
import dev.prenoise.tensor.StoredTensors;
import dev.prenoise.text.ClipTextConfig;
import dev.prenoise.text.OpenClipNames;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A text encoder in a single-file checkpoint: its shape, and its names by those of transformers' CLIPTextModel, always with the
 * {@code text_model.} that old files leave out.
 */
enum TextLayout {
    /** transformers' own names. */
    HUGGING_FACE(
            "embeddings.token_embedding.weight", "embeddings.position_embedding.weight", "encoder.layers.", "mlp.fc1") {
        @Override
        Place place(String name, StoredTensors tensors) {
            return Place.of(name.equals(PROJECTION) ? name : level(tensors) + name.substring(MODEL.length()));
        }

        @Override
        String level(StoredTensors tensors) {
            return tensors.has(MODEL + firstLayer()) ? MODEL : "";
        }
    },
    /** OpenCLIP's: query, key and value in one matrix, and the projection the other way round. */
    OPEN_CLIP("token_embedding.weight", "positional_embedding", "transformer.resblocks.", "mlp.c_fc") {
        @Override
        Place place(String name, StoredTensors tensors) {
            if (name.equals(PROJECTION)) {
                return OpenClipNames.TEXT_PROJECTION;
            }
            return OpenClipNames.text(name.substring(MODEL.length()));
        }
    };

    private static final String MODEL = "text_model.";
    private static final String PROJECTION = "text_projection.weight";
    private static final int HEAD_WIDTH = 64;

    /** Of OpenCLIP's H. Stable Diffusion 2 reads the state before the last, and diffusers and what is made from it leaves that one out. */
    private static final int OPEN_CLIP_H_LAYERS = 24;

    private final String tokens;
    private final String positions;
    private final String layers;
    private final String feedIn;

    TextLayout(String tokens, String positions, String layers, String feedIn) {
        this.tokens = tokens;
        this.positions = positions;
        this.layers = layers;
        this.feedIn = feedIn;
    }

    private String layer(int index) {
        return layers + index + "." + feedIn + ".weight";
    }

    /** Where the tensor with transformers' name stands. */
    abstract Place place(String name, StoredTensors tensors);

    /** What stands before this layout's names in the file. */
    String level(StoredTensors tensors) {
        return "";
    }

    String firstLayer() {
        return layer(0);
    }

    static @Nullable TextLayout of(StoredTensors tensors) {
        if (OPEN_CLIP.fits(tensors)) {
            return OPEN_CLIP;
        }
        return HUGGING_FACE.fits(tensors) ? HUGGING_FACE : null;
    }

    private boolean fits(StoredTensors tensors) {
        return tensors.has(level(tensors) + tokens) || tensors.has(level(tensors) + layer(0));
    }

    /** Width of the pooled prompt; 0 where there is none. */
    int pooledWidth(StoredTensors tensors) {
        Place place = place(PROJECTION, tensors);
        return tensors.has(place.name()) ? tensors.size(place.name(), place.transposed() ? 1 : 0) : 0;
    }

    /**
     * @param index of the encoder within the checkpoint
     * @throws dev.prenoise.tensor.SafetensorsException when tensors are missing or have no shape of a text encoder
     * @throws IllegalArgumentException when the number of heads cannot be told
     */
    TextTower tower(StoredTensors tensors, Kind kind, Hints hints, int index) {
        String level = level(tensors);
        int vocabulary = tensors.size(level + tokens, 0);
        int width = tensors.size(level + tokens, 1);
        int layers = 0;
        while (tensors.has(level + layer(layers))) {
            layers++;
        }
        if (layers == 0) {
            throw tensors.wrong(level + layer(0), "missing");
        }
        int feedForward = tensors.size(level + layer(0), 0);
        boolean dropsLast = kind == Kind.OPEN_CLIP_H && hasUnreadLayer(tensors, layers);
        boolean openAi = kind == Kind.CLIP_L;
        // the two special tokens are CLIP's last ones
        int eos = vocabulary - 1;
        ClipTextConfig config = new ClipTextConfig(
                vocabulary,
                tensors.size(level + positions, 0),
                width,
                feedForward,
                dropsLast ? layers - 1 : layers,
                heads(hints, index, width),
                1e-5,
                openAi,
                eos - 1,
                eos,
                openAi ? eos : 0);
        return new TextTower(kind, config);
    }

    /** Of a Stable Diffusion 2: by their number, and of an encoder of another size by what OpenCLIP has and diffusers leaves out as well. */
    private boolean hasUnreadLayer(StoredTensors tensors, int layers) {
        if (layers == OPEN_CLIP_H_LAYERS || layers == OPEN_CLIP_H_LAYERS - 1) {
            return layers == OPEN_CLIP_H_LAYERS;
        }
        boolean whole = tensors.has("text_projection") || tensors.has("logit_scale");
        return this == OPEN_CLIP && whole && layers > 1;
    }

    private static int heads(Hints hints, int index, int width) {
        List<Integer> said = hints.textHeads();
        int heads = said.isEmpty() ? width / HEAD_WIDTH : said.get(Math.min(index, said.size() - 1));
        if (heads < 1 || width % heads != 0 || (said.isEmpty() && width % HEAD_WIDTH != 0)) {
            throw new IllegalArgumentException("text_heads: a text encoder of width " + width + " has "
                    + (said.isEmpty() ? "none " + HEAD_WIDTH + " wide" : "no " + heads)
                    + " (expected: \"text_heads\" in the model's card, NAME.prenoise.json beside NAME.safetensors)");
        }
        return heads;
    }

    /**
     * @param tower of Stable Diffusion 2, the layer behind those that its config counts may be there and is not read
     */
    RenamedWeights weights(StoredTensors tensors, TextTower tower) {
        String layers = level(tensors) + this.layers;
        return new RenamedWeights(
                tensors,
                name -> place(name, tensors),
                List.of(layers),
                tower.kind() == Kind.OPEN_CLIP_H
                        ? List.of(layers + tower.config().layers() + ".")
                        : List.of());
    }
}
