package dev.prenoise.study;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.WeightsPin;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What stands behind a study's names when it is computed: the program's version, the device, each model's weights and precision, each
 * verifier's weights or where and how it is asked. Numbers of another basis are other numbers. Two machines with the same files and options
 * have the same.
 *
 * @param program version and device; "" = not known
 * @param backbones by id
 * @param verifiers by name
 */
public record Basis(String program, Map<String, String> backbones, Map<String, String> verifiers) {
    private static final Pattern CARD = Pattern.compile("(?<= cuda):[0-9]+$");

    /** Of a plan that has met no models yet. */
    static final Basis NONE = new Basis("", Map.of(), Map.of());

    public Basis {
        backbones = Map.copyOf(backbones);
        verifiers = Map.copyOf(verifiers);
    }

    /**
     * @param models ids of backbones
     * @param device that computes, here or elsewhere, as {@link dev.prenoise.tensor.Compute#nameOf} has it
     */
    static Basis of(List<String> models, List<Metric> metrics, ModelCatalog catalog, String version, String device)
            throws InterruptedException {
        Map<String, String> backbones = new LinkedHashMap<>();
        for (String model : models) {
            backbones.put(model, backbone(catalog, model, device));
        }
        Map<String, String> verifiers = new LinkedHashMap<>();
        for (Metric metric : metrics) {
            if (!metric.verifier().isEmpty()) {
                verifiers.put(metric.verifier(), verifier(catalog, metric.verifier()));
            }
        }
        return new Basis(program(version, device), backbones, verifiers);
    }

    /** What computes; "" = not known. */
    String device() {
        return program.substring(program.lastIndexOf(' ') + 1);
    }

    static String program(String version, String device) {
        return version + " " + device;
    }

    /** The device that a catalog's models compute on. */
    static String device(ModelCatalog catalog) {
        return catalog.verifiers().compute().name();
    }

    /** Whether numbers are the same: a machine's cards are of one kind, whichever has a process to itself. */
    static boolean sameProgram(String one, String other) {
        return CARD.matcher(one).replaceFirst("").equals(CARD.matcher(other).replaceFirst(""));
    }

    /**
     * @throws dev.prenoise.engine.UnknownBackboneException when there is none of that name
     */
    static String backbone(ModelCatalog catalog, String name, String device) throws InterruptedException {
        String id = catalog.resolve(name);
        catalog.hash(id);
        return told(List.of(catalog.pin(id, device)));
    }

    static String verifier(ModelCatalog catalog, String name) throws InterruptedException {
        catalog.verifiers().hash(name);
        return told(catalog.verifiers().pins(List.of(name)));
    }

    /** By what the files hold, as their times differ between two machines; by time only what changed while it was read. */
    private static String told(List<WeightsPin> pins) {
        List<String> told = new ArrayList<>();
        for (WeightsPin pin : pins) {
            told.add(pin.name() + " " + (pin.sha256() == null ? pin.stamp() : pin.sha256()) + " " + pin.settings());
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
