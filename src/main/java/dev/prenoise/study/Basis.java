package dev.prenoise.study;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.WeightsPin;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What stands behind a study's names when it is computed: the program's version, the device, each model's weights and precision, each
 * verifier's weights or where and how it is asked. Numbers of another basis are other numbers.
 *
 * @param program version and device; "" = not known
 * @param backbones by id
 * @param verifiers by name
 */
public record Basis(String program, Map<String, String> backbones, Map<String, String> verifiers) {
    /** Of a plan that has met no models yet. */
    static final Basis NONE = new Basis("", Map.of(), Map.of());

    public Basis {
        backbones = Map.copyOf(backbones);
        verifiers = Map.copyOf(verifiers);
    }

    static Basis of(StudyPlan plan, ModelCatalog catalog, String version) {
        Map<String, String> backbones = new LinkedHashMap<>();
        for (BackboneSetting backbone : plan.backbones()) {
            backbones.put(backbone.id(), told(catalog.pins(catalog.resolve(backbone.id()), List.of())));
        }
        Map<String, String> verifiers = new LinkedHashMap<>();
        for (Metric metric : plan.metrics()) {
            String name = metric.verifier();
            if (!name.isEmpty()) {
                verifiers.put(name, told(catalog.verifiers().pins(List.of(name))));
            }
        }
        return new Basis(version + " " + catalog.verifiers().compute().name(), backbones, verifiers);
    }

    /** By files' sizes and times, as their hashes may come to be known between two runs; by the hash what has no files. */
    private static String told(List<WeightsPin> pins) {
        List<String> told = new ArrayList<>();
        for (WeightsPin pin : pins) {
            told.add(pin.name() + " " + pin.bytes() + " " + (pin.bytes() == 0 ? pin.sha256() : pin.stamp()) + " "
                    + pin.settings());
        }
        return String.join("; ", told);
    }

    /** What a unit's numbers depend on. */
    List<String> behind(BackboneSetting backbone, List<String> metrics) {
        List<String> behind = new ArrayList<>();
        behind.add(program);
        behind.add(backbones.getOrDefault(backbone.id(), ""));
        metrics.forEach(metric -> behind.add(verifiers.getOrDefault(new Metric(metric).verifier(), "")));
        return behind;
    }
}
