package dev.prenoise.backbone.lora;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.prenoise.tensor.SafetensorsFile;
import org.jspecify.annotations.Nullable;

/**
 * The LoraConfig that diffusers keeps in a file's header ({@code lora_adapter_metadata}), where a module's alpha stands instead of in a tensor.
 * diffusers heeds it when it loads the file; files that lack it, and all of kohya's, mean alpha = rank.
 */
final class TrainedScales {
    private static final String KEY = "lora_adapter_metadata";

    private final SafetensorsFile file;
    private final @Nullable JsonObject json;

    private TrainedScales(SafetensorsFile file, @Nullable JsonObject json) {
        this.file = file;
        this.json = json;
    }

    static TrainedScales read(SafetensorsFile file) {
        String text = file.metadata().get(KEY);
        if (text == null) {
            return new TrainedScales(file, null);
        }
        try {
            return new TrainedScales(file, JsonParser.parseString(text).getAsJsonObject());
        } catch (JsonParseException | IllegalStateException e) {
            throw new LoraException(file.path() + ": header's " + KEY + " is no JSON object: " + e.getMessage(), e);
        }
    }

    /** Of a module that has no alpha of its own. */
    double of(String module, long rank) {
        int dot = module.indexOf('.');
        String network = dot < 0 ? "" : module.substring(0, dot);
        if (json == null || !json.has(network + ".lora_alpha")) {
            return 1;
        }
        double alpha = number(json.get(network + ".lora_alpha"), network + ".lora_alpha");
        JsonElement pattern = json.get(network + ".alpha_pattern");
        if (pattern != null && pattern.isJsonObject()) {
            for (var entry : pattern.getAsJsonObject().entrySet()) {
                if (("." + module).endsWith("." + entry.getKey())) {
                    alpha = number(entry.getValue(), network + ".alpha_pattern");
                    break;
                }
            }
        }
        JsonElement stabilized = json.get(network + ".use_rslora");
        boolean byRoot = stabilized != null && stabilized.isJsonPrimitive() && stabilized.getAsBoolean();
        return alpha / (byRoot ? Math.sqrt(rank) : rank);
    }

    private double number(JsonElement value, String key) {
        try {
            double number = value.getAsDouble();
            if (Double.isFinite(number)) {
                return number;
            }
        } catch (NumberFormatException | IllegalStateException | UnsupportedOperationException e) {
            throw new LoraException(
                    file.path() + ": header's " + KEY + ": " + key + ": " + value + " (expected: a number)", e);
        }
        throw new LoraException(
                file.path(), "header's " + KEY + ": " + key + ": " + value + " (expected: a finite number)");
    }
}
