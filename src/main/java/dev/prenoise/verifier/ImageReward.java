package dev.prenoise.verifier;

import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import java.util.List;
import java.util.stream.Stream;

/**
 * ImageReward (Xu et al., arXiv 2304.05977): what people who saw pictures beside each other preferred. BLIP reads picture and prompt together,
 * and five linear layers without anything between them make one number of the prompt's first token. One thread at a time.
 */
final class ImageReward {
    /** Of the rewards of the published validation pictures; {@code score} in the published {@code ImageReward.py} subtracts and divides. */
    private static final double MEAN = 0.16717362830052426;

    private static final double STD = 1.0333394966054072;

    private final BlipVision vision;
    private final BlipText text;
    private final List<Linear> head;

    /**
     * @param config with {@code vision_config} and {@code text_config}, as transformers writes it for BLIP; may be empty, then as published
     * @throws dev.prenoise.tensor.SafetensorsException when a tensor is missing or has another shape
     */
    ImageReward(ConfigFile config, Weights weights) {
        Weights packing = weights.packing();
        vision = new BlipVision(config.under("vision_config"), packing.under("blip.visual_encoder"));
        text = new BlipText(config.under("text_config"), packing.under("blip.text_encoder"), vision.width());
        head = Stream.of(0, 2, 4, 6, 7)
                .map(layer -> Linear.of(packing, "mlp.layers." + layer, -1, -1))
                .toList();
    }

    /** Side of the pictures that it reads, pixels. */
    int side() {
        return vision.side();
    }

    /**
     * @throws IllegalArgumentException when the network does not know an id, or there are too many
     */
    void requireKnown(long[] ids) {
        text.requireKnown(ids);
    }

    /** That a picture is to the network, the class token's included. */
    int places() {
        return vision.places();
    }

    /** Pixels {@code [B, 3, side, side]} as {@code [B, P, width]}. */
    Tensor tokens(Tensor pixels) {
        return vision.tokens(pixels);
    }

    /**
     * @param ids of the prompt, special tokens included
     * @param tokens of pictures, {@code [B, P, width]}
     * @return {@code [B]}
     */
    Tensor rewards(long[] ids, Tensor tokens) {
        return Scope.of(() -> {
            Tensor state = text.firstState(ids, tokens);
            for (Linear layer : head) {
                state = layer.forward(state);
            }
            return state.reshape(-1).add(-MEAN).mul(1 / STD);
        });
    }
}
