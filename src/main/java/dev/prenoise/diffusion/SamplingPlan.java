package dev.prenoise.diffusion;

import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * The noise levels that a host goes through, what it tells the network at each, and how it scales the noise it starts from.
 *
 * @param sampler a name of {@link Samplers}
 * @param schedule a name of {@link #scheduleNames}, or "host" when the host gave its own sigmas
 * @param sigmas highest first, the last being where sampling ends: 0, or the lowest that was trained; a flow's shares of noise
 * @param timesteps what the network is given, one fewer than sigmas
 * @param firstInputScale the network's first input is unit noise times this: 1 where the host multiplies by sqrt(1 + sigma^2), sigma /
 *     sqrt(1 + sigma^2) where it multiplies by sigma
 */
public record SamplingPlan(
        String sampler, String schedule, List<Double> sigmas, List<Double> timesteps, double firstInputScale) {
    static final int MAX_STEPS = 1000;

    public SamplingPlan {
        sigmas = List.copyOf(sigmas);
        timesteps = List.copyOf(timesteps);
        if (sigmas.size() < 2 || timesteps.size() != sigmas.size() - 1) {
            throw new IllegalArgumentException("timesteps: " + timesteps.size() + " values for " + sigmas.size()
                    + " sigmas (expected: one fewer than sigmas, at least 1)");
        }
    }

    /**
     * @param scheduleName one of {@link #scheduleNames}; "" = what the model's configuration says
     * @param steps 1 to 1000; not read when there are host sigmas
     * @param hostSigmas the host's own, falling; overrides schedule and steps unless empty
     * @throws IllegalArgumentException when a name is unknown, or steps or sigmas cannot be used; names the field
     */
    public static SamplingPlan of(
            NoiseSchedule schedule, String sampler, String scheduleName, int steps, List<Double> hostSigmas) {
        Sampler method = Samplers.of(sampler);
        if (!hostSigmas.isEmpty()) {
            throw new UnsupportedOperationException();
        }
        if (steps < 1 || steps > MAX_STEPS) {
            throw new IllegalArgumentException("steps: " + steps + " (expected: 1 to " + MAX_STEPS + ")");
        }
        List<Double> sigmas = new ArrayList<>();
        List<Double> timesteps = new ArrayList<>();
        int stride = schedule.timesteps() / steps;
        for (int i = steps - 1; i >= 0; i--) {
            double timestep = (double) i * stride + schedule.spacing().offset();
            timesteps.add(timestep);
            sigmas.add(schedule.sigma(timestep));
        }
        sigmas.add(method.variancePreserving() && !schedule.spacing().endsAtOne() ? schedule.sigmaMin() : 0.0);
        return new SamplingPlan(sampler, "leading", sigmas, timesteps, 1);
    }

    /** The schedules that can be asked for by name for such a network. */
    public static List<String> scheduleNames(Prediction prediction) {
        return List.of("leading");
    }

    public int steps() {
        return timesteps.size();
    }

    public double firstSigma() {
        return sigmas.get(0);
    }

    public double lastSigma() {
        return sigmas.get(steps());
    }

    public double firstTimestep() {
        return timesteps.get(0);
    }

    /** Noisy latents at the first sigma, from unit noise. */
    Tensor firstLatents(Tensor noise, Denoiser denoiser) {
        return noise.mul(firstInputScale / denoiser.inputScale(firstSigma()));
    }
}
