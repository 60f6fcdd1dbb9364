package dev.prenoise.engine;

import java.util.List;

/**
 * How the host will sample. The loss is evaluated at the first sigma that follows from it.
 *
 * @param sampler a name of {@link dev.prenoise.diffusion.Samplers}; "" = the backbone's default
 * @param schedule "" = the sampler's default
 * @param steps 0 = the backbone's default
 * @param guidanceScale 0 = the backbone's default
 * @param sigmas the host's own, highest first; when not empty it overrides schedule and steps
 */
public record SamplingSpec(String sampler, String schedule, int steps, double guidanceScale, List<Double> sigmas) {
    public static final SamplingSpec DEFAULT = new SamplingSpec("", "", 0, 0, List.of());

    public SamplingSpec {
        sigmas = List.copyOf(sigmas);
    }
}
