package dev.prenoise.backbone.lora;

import dev.prenoise.tensor.SafetensorsException;
import dev.prenoise.tensor.WeightPatch;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a list of LoRAs does to a model's networks: a patch for each weight that changes, for {@link dev.prenoise.tensor.Weights#patch}, and the
 * keys that match nothing. A weight {@code W} becomes {@code W + strength * alpha / rank * delta}; several LoRAs on one weight follow each other
 * in the order given. Differences are computed in float32 on the weight's device when the weight is loaded. The same files at the same strengths
 * give the same patch objects again, so nothing is merged twice.
 */
public final class LoraMerge {
    private static final int KEYS_NAMED = 3;

    private final Map<LoraTarget, Map<String, WeightPatch>> patches;
    private final Map<LoraFile, List<String>> unmatched;
    private final Map<LoraFile, Integer> matched;

    private LoraMerge(
            Map<LoraTarget, Map<String, WeightPatch>> patches,
            Map<LoraFile, List<String>> unmatched,
            Map<LoraFile, Integer> matched) {
        this.patches = patches;
        this.unmatched = unmatched;
        this.matched = matched;
    }

    /**
     * @param targets all networks that the LoRAs may change. When no text encoder is among them (a request may bring its own embeddings), keys
     *     for text encoders are left alone and not reported
     * @throws LoraException when a file's tensors do not fit the weight that they name, its alpha is no number, or two of its modules name one
     *     weight; names the file and the key
     */
    public static LoraMerge of(List<LoraUse> uses, List<LoraTarget> targets) {
        Map<LoraTarget, Map<String, List<LoraPatch.Step>>> steps = new LinkedHashMap<>();
        targets.forEach(target -> steps.put(target, new LinkedHashMap<>()));
        Map<LoraFile, List<String>> unmatched = new LinkedHashMap<>();
        Map<LoraFile, Integer> matched = new LinkedHashMap<>();
        boolean text = targets.stream().anyMatch(LoraTarget::isText);
        boolean unet = targets.stream().anyMatch(target -> !target.isText());
        for (LoraUse use : uses) {
            LoraFile file = use.file();
            List<String> left = new ArrayList<>(file.unknownKeys());
            int found = 0;
            Map<String, String> taken = new LinkedHashMap<>();
            for (Map.Entry<String, Parts> entry : file.modules().entrySet()) {
                String module = entry.getKey();
                Parts parts = entry.getValue();
                if (LoraTarget.namesText(module) ? !text : !unet) {
                    continue;
                }
                boolean weight = add(steps, use, file.ofWeight(module, parts), taken);
                boolean bias = add(steps, use, file.ofBias(module, parts), taken);
                for (Map.Entry<Part, String> key : parts.keys().entrySet()) {
                    if (key.getKey() == Part.DIFF_BIAS ? bias : weight) {
                        found++;
                    } else {
                        left.add(key.getValue());
                    }
                }
            }
            unmatched.put(file, List.copyOf(left));
            matched.put(file, found);
        }
        Map<LoraTarget, Map<String, WeightPatch>> patches = new LinkedHashMap<>();
        steps.forEach((target, byWeight) -> {
            Map<String, WeightPatch> ofTarget = new LinkedHashMap<>();
            byWeight.forEach((weight, list) -> ofTarget.put(weight, LoraPatch.of(weight, list)));
            patches.put(target, Map.copyOf(ofTarget));
        });
        return new LoraMerge(patches, unmatched, matched);
    }

    /** Whether a target has the weight; its step is added unless the strength is 0. */
    private static boolean add(
            Map<LoraTarget, Map<String, List<LoraPatch.Step>>> steps,
            LoraUse use,
            @Nullable Change change,
            Map<String, String> taken) {
        if (change == null) {
            return false;
        }
        for (Map.Entry<LoraTarget, Map<String, List<LoraPatch.Step>>> entry : steps.entrySet()) {
            LoraTarget target = entry.getKey();
            String weight = change.isBias() ? target.bias(change.module()) : target.weight(change.module());
            if (weight == null) {
                continue;
            }
            try {
                change.check(weight, target.shape(weight));
            } catch (SafetensorsException e) {
                throw new LoraException(String.valueOf(e.getMessage()), e);
            }
            String other = taken.put(System.identityHashCode(target) + weight, change.module());
            if (other != null) {
                throw use.file()
                        .wrong(
                                change.module(),
                                "change the same weight as those of \"" + other + "\" (expected: one of them)");
            }
            double strength = target.isText() ? use.textStrength() : use.strength();
            if (strength != 0) {
                entry.getValue()
                        .computeIfAbsent(weight, name -> new ArrayList<>())
                        .add(new LoraPatch.Step(change, strength));
            }
            return true;
        }
        return false;
    }

    /** For {@link dev.prenoise.tensor.Weights#patch}; empty for a network that was not among the targets. */
    public Map<String, WeightPatch> patches(LoraTarget target) {
        return patches.getOrDefault(target, Map.of());
    }

    /** Keys of the file that match no weight of any network, or are of a format that is not supported. */
    public List<String> unmatched(LoraFile file) {
        return unmatched.getOrDefault(file, List.of());
    }

    /** One sentence for each file that has keys which match nothing. */
    public List<String> warnings() {
        return unmatched.entrySet().stream()
                .filter(entry -> !entry.getValue().isEmpty())
                .map(entry -> {
                    List<String> keys = entry.getValue();
                    int all = keys.size() + matched.getOrDefault(entry.getKey(), 0);
                    return entry.getKey().path().getFileName() + ": " + keys.size() + " of " + all
                            + " keys match nothing in this model: "
                            + keys.stream().limit(KEYS_NAMED).collect(Collectors.joining(", "))
                            + (keys.size() > KEYS_NAMED ? " and " + (keys.size() - KEYS_NAMED) + " more" : "");
                })
                .toList();
    }
}
