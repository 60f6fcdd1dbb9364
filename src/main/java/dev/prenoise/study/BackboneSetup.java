package dev.prenoise.study;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.SamplingSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * How one backbone draws in a study, all that its file leaves to the model filled in: what a table of its numbers has to say beside them.
 *
 * @param backbone its name in tables
 * @param sampling with nothing left open
 * @param width pixels
 * @param height pixels
 * @param precision of the network, such as {@code float32}
 */
public record BackboneSetup(String backbone, SamplingSpec sampling, int width, int height, String precision) {
    /**
     * Of all backbones of a plan that was put on these models.
     *
     * @throws dev.prenoise.engine.UnknownBackboneException when there is none of a name
     */
    public static List<BackboneSetup> of(StudyPlan plan, ModelCatalog catalog) {
        List<BackboneSetup> setups = new ArrayList<>();
        StudyPrompt prompt = plan.suites().get(0).prompts().get(0);
        for (BackboneSetting backbone : plan.backbones()) {
            int step = catalog.open(backbone.id()).sizeStep();
            try (PromptSession session = UnitWork.prepare(catalog, backbone, prompt)) {
                long[] shape = session.noiseShape();
                setups.add(new BackboneSetup(
                        backbone.name(),
                        session.sampling(),
                        (int) shape[3] * step,
                        (int) shape[2] * step,
                        precision(catalog, backbone.id(), plan.basis().device())));
            }
        }
        return setups;
    }

    /** Its own word stands before what else the settings of a pin say. */
    private static String precision(ModelCatalog catalog, String id, String device) {
        String settings = catalog.pin(catalog.resolve(id), device).settings();
        return Objects.requireNonNull(settings, "settings").split(" ", 2)[0].toLowerCase(Locale.ROOT);
    }
}
