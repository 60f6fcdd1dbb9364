package dev.prenoise.backbone.lora;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.WeightPatch;
import java.lang.ref.WeakReference;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;

/**
 * Changes to one weight, one after the other. Equal patches are one object, so that a network which has them keeps its merged weights.
 *
 * <p>Thread-safe.
 */
final class LoraPatch implements WeightPatch {
    private static final Map<Key, WeakReference<LoraPatch>> KNOWN = new WeakHashMap<>();

    private final Key key;

    private LoraPatch(Key key) {
        this.key = key;
    }

    record Step(Change change, double strength) {}

    private record Key(String weight, List<Step> steps) {}

    static LoraPatch of(String weight, List<Step> steps) {
        Key key = new Key(weight, List.copyOf(steps));
        synchronized (KNOWN) {
            WeakReference<LoraPatch> reference = KNOWN.get(key);
            LoraPatch patch = reference == null ? null : reference.get();
            if (patch == null) {
                patch = new LoraPatch(key);
                // the patch holds the key, and so the entry lasts as long as the patch
                KNOWN.remove(key);
                KNOWN.put(key, new WeakReference<>(patch));
            }
            return patch;
        }
    }

    @Override
    public Tensor apply(Tensor weight) {
        Tensor patched = weight;
        for (Step step : key.steps()) {
            Tensor before = patched;
            patched = Scope.of(() -> step.change().apply(before, step.strength()));
        }
        return patched;
    }

    @Override
    public String toString() {
        return "LoraPatch of " + key.weight();
    }
}
