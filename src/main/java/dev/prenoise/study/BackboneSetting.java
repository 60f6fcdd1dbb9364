package dev.prenoise.study;

import dev.prenoise.engine.SamplingSpec;
import java.util.List;

/**
 * A model and how it draws.
 *
 * @param name in tables; says nothing of what is computed
 * @param id of the catalog
 * @param negative the negative prompt of every picture
 * @param sampler "" = the model's own; so are 0 for steps, guidance, width and height
 */
public record BackboneSetting(
        String name,
        String id,
        String negative,
        String sampler,
        String schedule,
        int steps,
        double guidance,
        int width,
        int height) {
    SamplingSpec sampling() {
        return new SamplingSpec(sampler, schedule, steps, guidance, List.of());
    }

    BackboneSetting withoutName() {
        return new BackboneSetting("", id, negative, sampler, schedule, steps, guidance, width, height);
    }
}
