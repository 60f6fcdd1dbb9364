package dev.prenoise.diffusion;

import java.util.Arrays;

/**
 * diffusers' timestep spacings ("Common diffusion noise schedules and sample steps are flawed", Lin et al., 2024, table 2), and its
 * flow matching.
 *
 * <p>diffusers' DDIM steps from each timestep to the one a whole stride below, which is the next in the list only if the stride is a whole
 * number of timesteps ("leading" always, "trailing" when steps divide the timesteps). Here a step always ends where the next begins.
 */
final class DiffusersSchedules {
    private DiffusersSchedules() {}

    static SamplingPlan plan(NoiseSchedule schedule, Sampler sampler, String name, int steps) {
        if (schedule.prediction() == Prediction.FLOW) {
            return flow(schedule, sampler, name, steps);
        }
        if (steps > schedule.timesteps()) {
            throw tooMany(steps, schedule.timesteps(), name);
        }
        double[] timesteps =
                switch (name) {
                    case "leading" -> leading(schedule, steps);
                    case "trailing" -> trailing(schedule.timesteps(), steps);
                    default -> linspace(schedule.timesteps(), steps, sampler.variancePreserving());
                };
        double[] sigmas = new double[steps + 1];
        for (int i = 0; i < steps; i++) {
            sigmas[i] = schedule.interpolated(timesteps[i]);
        }
        sigmas[steps] = sampler.variancePreserving() && !schedule.spacing().endsAtOne() ? schedule.sigmaMin() : 0;
        boolean unit = sampler.variancePreserving() || name.equals("leading");
        double scale = unit ? 1 : sigmas[0] * schedule.prediction().inputScale(sigmas[0]);
        return SamplingPlan.of(sampler, name, sigmas, timesteps, scale);
    }

    private static double[] leading(NoiseSchedule schedule, int steps) {
        int stride = schedule.timesteps() / steps;
        int offset = schedule.spacing().offset();
        double[] timesteps = new double[steps];
        Arrays.setAll(timesteps, i -> (double) (steps - 1 - i) * stride + offset);
        if (timesteps[0] > schedule.timesteps() - 1) {
            throw tooMany(steps, (schedule.timesteps() - 1 - offset) / stride + 1, "leading");
        }
        return timesteps;
    }

    private static double[] trailing(int trained, int steps) {
        double stride = (double) trained / steps;
        double[] timesteps = new double[steps];
        Arrays.setAll(timesteps, i -> Math.rint(trained - i * stride) - 1);
        return timesteps;
    }

    /** One step alone is taken at timestep 0, as numpy's linspace has it. */
    private static double[] linspace(int trained, int steps, boolean whole) {
        double[] timesteps = new double[steps];
        int intervals = Math.max(steps - 1, 1);
        Arrays.setAll(timesteps, i -> (steps - 1 - i) * (trained - 1.0) / intervals);
        return whole ? Arrays.stream(timesteps).map(Math::rint).toArray() : timesteps;
    }

    /** Equal steps from the highest to the lowest trained share of noise, which are shifted already, then shifted again. */
    private static SamplingPlan flow(NoiseSchedule schedule, Sampler sampler, String name, int steps) {
        double[] sigmas = new double[steps + 1];
        double[] timesteps = new double[steps];
        double stride = steps == 1 ? 0 : (schedule.sigmaMax() - schedule.sigmaMin()) / (steps - 1);
        for (int i = 0; i < steps; i++) {
            sigmas[i] = schedule.shifted(schedule.sigmaMax() - i * stride);
            timesteps[i] = schedule.timestep(sigmas[i]);
        }
        return SamplingPlan.of(sampler, name, sigmas, timesteps, sigmas[0]);
    }

    private static IllegalArgumentException tooMany(int steps, int most, String name) {
        return new IllegalArgumentException(
                "steps: " + steps + " (expected: 1 to " + most + " for schedule \"" + name + "\" of this model)");
    }
}
