package dev.prenoise.training;

import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.Seeds;
import dev.prenoise.text.ClipTextConfig;
import dev.prenoise.verifier.ClipConfig;
import dev.prenoise.verifier.ClipVisionConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** The tensors of a CLIP under transformers' names, and where they start when it is trained from nothing. */
final class ClipTensors {
    /** The inverse of the temperature that CLIP's authors start with, 0.07. */
    private static final double LOGIT_SCALE = 2.6592600369327779;

    private ClipTensors() {}

    static SortedMap<String, List<Long>> shapes(ClipConfig config) {
        SortedMap<String, List<Long>> shapes = new TreeMap<>();
        ClipVisionConfig vision = config.vision();
        ClipTextConfig text = config.text();
        shapes.put(
                "vision_model.embeddings.patch_embedding.weight",
                shape(vision.width(), 3, vision.patchSize(), vision.patchSize()));
        shapes.put("vision_model.embeddings.class_embedding", shape(vision.width()));
        shapes.put("vision_model.embeddings.position_embedding.weight", shape(vision.places(), vision.width()));
        norm(shapes, "vision_model.pre_layrnorm", vision.width());
        layers(shapes, "vision_model", vision.layers(), vision.width(), vision.feedForwardWidth());
        norm(shapes, "vision_model.post_layernorm", vision.width());
        shapes.put("visual_projection.weight", shape(config.projection(), vision.width()));
        shapes.put("text_model.embeddings.token_embedding.weight", shape(text.vocabulary(), text.width()));
        shapes.put("text_model.embeddings.position_embedding.weight", shape(text.length(), text.width()));
        layers(shapes, "text_model", text.layers(), text.width(), text.feedForwardWidth());
        norm(shapes, "text_model.final_layer_norm", text.width());
        shapes.put("text_projection.weight", shape(config.projection(), text.width()));
        shapes.put("logit_scale", List.of());
        return shapes;
    }

    private static void layers(SortedMap<String, List<Long>> shapes, String model, int layers, int width, int wide) {
        for (int i = 0; i < layers; i++) {
            String layer = model + ".encoder.layers." + i + ".";
            norm(shapes, layer + "layer_norm1", width);
            for (String part : List.of("q_proj", "k_proj", "v_proj", "out_proj")) {
                linear(shapes, layer + "self_attn." + part, width, width);
            }
            norm(shapes, layer + "layer_norm2", width);
            linear(shapes, layer + "mlp.fc1", width, wide);
            linear(shapes, layer + "mlp.fc2", wide, width);
        }
    }

    private static void norm(SortedMap<String, List<Long>> shapes, String name, int width) {
        shapes.put(name + ".weight", shape(width));
        shapes.put(name + ".bias", shape(width));
    }

    static void linear(SortedMap<String, List<Long>> shapes, String name, int in, int out) {
        shapes.put(name + ".weight", shape(out, in));
        shapes.put(name + ".bias", shape(out));
    }

    private static List<Long> shape(long... dimensions) {
        return Arrays.stream(dimensions).boxed().toList();
    }

    /**
     * Norms are the identity, biases 0, matrices normal with variance 1 / inputs, less where a layer adds to the residual stream, embeddings
     * small. Drawn from the seed and the tensor's place among the sorted names.
     */
    static float[] start(SortedMap<String, List<Long>> shapes, String name, List<Long> shape, long seed) {
        float[] values =
                new float[(int) shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact)];
        if (name.equals("logit_scale")) {
            values[0] = (float) LOGIT_SCALE;
        } else if (shape.size() == 1 && name.endsWith(".weight")) {
            Arrays.fill(values, 1);
        } else if (!name.endsWith(".bias")) {
            int place = new ArrayList<>(shapes.keySet()).indexOf(name);
            float[] normal = NoiseGenerator.generate(
                            NoiseSource.TORCH_CPU, Seeds.derive(seed, 0, place), new long[] {values.length})
                    .data();
            double spread = spread(name, values.length / (double) shape.get(0));
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (spread * normal[i]);
            }
        }
        return values;
    }

    private static double spread(String name, double inputs) {
        if (name.contains("position_embedding")) {
            return 0.05;
        }
        if (name.contains("token_embedding") || name.contains("class_embedding")) {
            return 0.2;
        }
        boolean residual = name.endsWith("out_proj.weight") || name.endsWith("fc2.weight");
        return (residual ? 0.4 : 1) / Math.sqrt(inputs);
    }
}
