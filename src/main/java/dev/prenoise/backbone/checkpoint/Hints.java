package dev.prenoise.backbone.checkpoint;

import dev.prenoise.tensor.ConfigFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * What is said about a model beside its weights: by its card, by the YAML file that A1111 keeps beside a checkpoint, by the header's free
 * text. In this order, the first that says something counts.
 *
 * @param heads for each level, or one number for all; empty where nothing is said
 * @param headWidth channels of a head; 0 where nothing is said
 * @param textHeads for each text encoder, or one number for all; empty where nothing is said
 * @param timeIdWidth 0 where nothing is said
 * @param normGroups 0 where nothing is said
 * @param prediction "eps", "v" or null
 */
record Hints(
        @Nullable Family family,
        List<Integer> heads,
        int headWidth,
        List<Integer> textHeads,
        int timeIdWidth,
        int normGroups,
        @Nullable String prediction,
        boolean zeroTerminalSnr) {
    private static final int MAX_YAML = 1 << 20;

    /**
     * @param yaml may be missing
     * @param metadata of the safetensors header
     * @throws IllegalArgumentException when a file is there and cannot be read, or a value is not one; names file and key
     */
    static Hints of(@Nullable ConfigFile card, Path yaml, Map<String, String> metadata) {
        Map<?, ?> config = yaml(yaml);
        Map<?, ?> unet = under(config, "unet_config", "params");
        if (unet.isEmpty()) {
            unet = under(config, "network_config", "params");
        }
        List<Integer> heads = card == null ? List.of() : positive(card, "heads");
        int headWidth = 0;
        if (heads.isEmpty()) {
            heads = number(unet, "num_heads") > 0 ? List.of(number(unet, "num_heads")) : List.of();
            headWidth = Math.max(0, number(unet, "num_head_channels"));
        }
        return new Hints(
                card == null ? null : family(card),
                heads,
                headWidth,
                card == null ? List.of() : positive(card, "text_heads"),
                card == null ? 0 : single(card, "addition_time_embed_dim"),
                card == null ? 0 : single(card, "norm_groups"),
                prediction(card, config, metadata),
                card != null && card.flag("zero_terminal_snr", false));
    }

    private static @Nullable Family family(ConfigFile card) {
        if (!card.has("family")) {
            return null;
        }
        Family family = Family.ofId(card.text("family", ""));
        if (family == null) {
            throw card.wrong(
                    "family",
                    "one of "
                            + java.util.Arrays.stream(Family.values())
                                    .map(Family::id)
                                    .toList());
        }
        return family;
    }

    private static List<Integer> positive(ConfigFile card, String key) {
        if (!card.has(key)) {
            return List.of();
        }
        List<Integer> values = card.integers(key, 1, 0);
        if (values.isEmpty() || values.stream().anyMatch(value -> value < 1)) {
            throw card.wrong(key, "a number >= 1 or a list of them");
        }
        return values;
    }

    private static int single(ConfigFile card, String key) {
        if (!card.has(key)) {
            return 0;
        }
        int value = card.integer(key, 0);
        if (value < 1) {
            throw card.wrong(key, "a number >= 1");
        }
        return value;
    }

    private static @Nullable String prediction(
            @Nullable ConfigFile card, Map<?, ?> config, Map<String, String> metadata) {
        if (card != null && card.has("prediction")) {
            String prediction = card.text("prediction", "");
            if (!prediction.equals("eps") && !prediction.equals("v")) {
                throw card.wrong("prediction", "eps or v");
            }
            return prediction;
        }
        if (config.get("parameterization") instanceof String parameterization) {
            return parameterization.equals("v") ? "v" : "eps";
        }
        // the same in the words of SDXL's own code
        if (under(config, "denoiser_config", "params").get("scaling_config") instanceof Map<?, ?> scaling
                && scaling.get("target") instanceof String target) {
            return target.endsWith("VScaling") ? "v" : "eps";
        }
        String stated = metadata.getOrDefault("modelspec.prediction_type", "");
        if (stated.startsWith("v")
                || metadata.getOrDefault("modelspec.architecture", "").endsWith("-768-v")) {
            return "v";
        }
        return stated.startsWith("eps") ? "eps" : null;
    }

    /** What stands under {@code model.params}; empty where there is no such file. */
    private static Map<?, ?> yaml(Path file) {
        if (!Files.isRegularFile(file)) {
            return Map.of();
        }
        try {
            if (Files.size(file) > MAX_YAML) {
                throw new IllegalArgumentException(
                        file + ": " + Files.size(file) + " bytes (expected: at most " + MAX_YAML + ")");
            }
            Object root = new Load(
                            LoadSettings.builder().setLabel(file.toString()).build())
                    .loadFromString(Files.readString(file));
            return root instanceof Map<?, ?> map ? under(map, "model", "params") : Map.of();
        } catch (IOException | YamlEngineException | StackOverflowError e) {
            throw new IllegalArgumentException(file + ": cannot be read as YAML: " + e.getMessage(), e);
        }
    }

    private static Map<?, ?> under(Map<?, ?> map, String first, String second) {
        return map.get(first) instanceof Map<?, ?> inner && inner.get(second) instanceof Map<?, ?> innermost
                ? innermost
                : Map.of();
    }

    private static int number(Map<?, ?> map, String key) {
        return map.get(key) instanceof Integer value ? value : 0;
    }
}
