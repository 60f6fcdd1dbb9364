package dev.prenoise.attention;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A loss on one candidate's maps.
 *
 * @param loss lower is better
 * @param terms every part by name: "cross", "self", "self_cross", "clean", "contrastive", "joint"
 * @param gradient of {@code loss} with respect to the maps as given, its {@code self} null where the loss does not read it; null when not asked for
 */
public record LossValue(
        double loss, Map<String, Double> terms, @Nullable AttentionMaps gradient) {
    public LossValue {
        terms = Map.copyOf(terms);
    }
}
