package dev.prenoise.diffusion;

import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The noise levels that a host goes through, what it tells the network at each, and how it scales the noise it starts from.
 *
 * @param sampler a name of {@link Samplers}
 * @param schedule a name of {@link #scheduleNames}, or "host" when the host gave its own sigmas
 * @param sigmas highest first, the last being where sampling ends: 0, or the lowest that was trained; a flow's shares of noise
 * @param timesteps what the network is given, one fewer than sigmas
 * @param lastTimestep what the network would be given at the last sigma; 0 where that is 0
 * @param firstInputScale the network's first input is unit noise times this: 1 where the host multiplies by sqrt(1 + sigma^2), sigma /
 *     sqrt(1 + sigma^2) where it multiplies by sigma
 */
public record SamplingPlan(
        String sampler,
        String schedule,
        List<Double> sigmas,
        List<Double> timesteps,
        double lastTimestep,
        double firstInputScale) {
    private static final int MAX_STEPS = 1000;

    /** Far above any trained one (4518 with zero terminal signal), far below where float32 runs out. */
    private static final double MAX_SIGMA = 1e6;

    /** What the schedule is called when the sigmas are the host's. */
    private static final String HOST = "host";

    public SamplingPlan {
        sigmas = List.copyOf(sigmas);
        timesteps = List.copyOf(timesteps);
        if (sigmas.size() < 2 || timesteps.size() != sigmas.size() - 1) {
            throw new IllegalArgumentException("timesteps: " + timesteps.size() + " values for " + sigmas.size()
                    + " sigmas (expected: one fewer than sigmas, at least 1)");
        }
    }

    /**
     * The plan of a host, by the schedule's name. "leading", "trailing" and "linspace" are diffusers', the other names ComfyUI's; steps are
     * those of the host, which may take one more or fewer ("ddim_uniform", "beta").
     *
     * @param sampler one of {@link Samplers#names}
     * @param scheduleName one of {@link #scheduleNames}; "" = what the model's configuration says
     * @param steps 1 to 1000; not read when there are host sigmas
     * @param hostSigmas the host's own, falling; override schedule and steps unless empty, and are taken as ComfyUI takes them
     * @throws IllegalArgumentException when a name is unknown, or steps or sigmas cannot be used; names the field
     */
    public static SamplingPlan of(
            NoiseSchedule schedule, String sampler, String scheduleName, int steps, List<Double> hostSigmas) {
        Sampler method = Samplers.of(sampler);
        if (!hostSigmas.isEmpty()) {
            checkSigmas(hostSigmas, schedule.prediction());
            double[] sigmas = hostSigmas.stream().mapToDouble(s -> s).toArray();
            return ComfySchedules.plan(schedule, method, HOST, sigmas).withSignalFor(method, schedule);
        }
        String name = scheduleName.isEmpty() ? schedule.defaultSchedule(method) : scheduleName;
        List<String> names = scheduleNames(schedule.prediction());
        if (!names.contains(name)) {
            throw new IllegalArgumentException(
                    "schedule: \"" + name + "\" (expected: one of " + String.join(", ", names) + ")");
        }
        requireSteps(steps);
        SamplingPlan plan = ComfySchedules.names().contains(name)
                ? ComfySchedules.plan(schedule, method, name, steps)
                : DiffusersSchedules.plan(schedule, method, name, steps);
        return plan.withSignalFor(method, schedule);
    }

    static SamplingPlan of(
            NoiseSchedule trained,
            Sampler sampler,
            String schedule,
            double[] sigmas,
            double[] timesteps,
            double firstInputScale) {
        double last = sigmas[sigmas.length - 1];
        return new SamplingPlan(
                sampler.name(),
                schedule,
                Arrays.stream(sigmas).boxed().toList(),
                Arrays.stream(timesteps).boxed().toList(),
                last == 0 ? 0 : trained.timestep(last),
                firstInputScale);
    }

    /**
     * ComfyUI's {@code offset_first_sigma_for_snr}: the latents stay those of the first sigma, which moves down by 0.0001 before the shift;
     * here less where the next sigma is in the way.
     */
    private SamplingPlan withSignalFor(Sampler method, NoiseSchedule schedule) {
        // ComfyUI compares in float32.
        boolean pure = schedule.prediction() == Prediction.FLOW && (float) firstSigma() >= 1;
        if (!method.needsSignal() || !pure) {
            return this;
        }
        double moved = Math.max(schedule.shifted(1 - 1e-4), (firstSigma() + sigmas.get(1)) / 2);
        List<Double> below = new ArrayList<>(sigmas);
        below.set(0, moved);
        List<Double> told = new ArrayList<>(timesteps);
        told.set(0, schedule.timestep(moved));
        return new SamplingPlan(sampler, this.schedule, below, told, lastTimestep, firstInputScale);
    }

    private static void checkSigmas(List<Double> sigmas, Prediction prediction) {
        if (sigmas.size() < 2 || sigmas.size() > MAX_STEPS + 1) {
            throw new IllegalArgumentException(
                    "sigmas: " + sigmas.size() + " values (expected: 2 to " + (MAX_STEPS + 1) + ")");
        }
        double highest = prediction == Prediction.FLOW ? 1 : MAX_SIGMA;
        double first = sigmas.get(0);
        if (!(first > 0 && first <= highest)) {
            throw new IllegalArgumentException("sigmas[0]: " + first + " (expected: above 0, up to " + highest + ")");
        }
        for (int i = 1; i < sigmas.size(); i++) {
            double sigma = sigmas.get(i);
            if (!(sigma >= 0 && sigma < sigmas.get(i - 1))) {
                throw new IllegalArgumentException("sigmas[" + i + "]: " + sigma
                        + " (expected: 0 or more, below the one before, " + sigmas.get(i - 1) + ")");
            }
        }
    }

    /** The schedules that can be asked for by name for such a network, diffusers' first. */
    public static List<String> scheduleNames(Prediction prediction) {
        List<String> names = new ArrayList<>(
                prediction == Prediction.FLOW ? List.of("linspace") : List.of("leading", "trailing", "linspace"));
        names.addAll(ComfySchedules.names());
        return List.copyOf(names);
    }

    /**
     * The same plan in a host that multiplies unit noise by the first sigma whatever the schedule: AUTOMATIC1111 and Forge by default, but
     * for their DDIM.
     *
     * @param prediction the network's
     */
    public SamplingPlan withNoiseTimesSigma(Prediction prediction) {
        double scale = firstSigma() * prediction.inputScale(firstSigma());
        return new SamplingPlan(sampler, schedule, sigmas, timesteps, lastTimestep, scale);
    }

    /**
     * A host's sigmas for another number of steps, with the same first and last: between them their logarithm is interpolated at equal parts
     * of the way, as Sabour et al. ("Align your steps", 2024) do; a 0 at the end stays out of that and takes the last step.
     *
     * @param sigmas falling, the last may be 0
     * @param steps 1 to 1000
     * @throws IllegalArgumentException when the steps are not in that range
     */
    public static List<Double> resampled(List<Double> sigmas, int steps) {
        requireSteps(steps);
        boolean toZero = sigmas.get(sigmas.size() - 1) == 0;
        int known = toZero ? sigmas.size() - 1 : sigmas.size();
        int wanted = toZero ? steps : steps + 1;
        List<Double> result = new ArrayList<>();
        for (int i = 0; i < wanted; i++) {
            double at = wanted == 1 ? 0 : (double) i * (known - 1) / (wanted - 1);
            int below = Math.min((int) at, known - 1);
            int above = Math.min(below + 1, known - 1);
            double part = at - below;
            result.add(
                    part == 0
                            ? sigmas.get(below)
                            : Math.exp((1 - part) * Math.log(sigmas.get(below)) + part * Math.log(sigmas.get(above))));
        }
        if (toZero) {
            result.add(0.0);
        }
        return result;
    }

    private static void requireSteps(int steps) {
        if (steps < 1 || steps > MAX_STEPS) {
            throw new IllegalArgumentException("steps: " + steps + " (expected: 1 to " + MAX_STEPS + ")");
        }
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
