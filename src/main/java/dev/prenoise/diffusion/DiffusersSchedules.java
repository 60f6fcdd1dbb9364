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
        int most = sampler.multistep() && name.equals("linspace") ? schedule.timesteps() - 1 : schedule.timesteps();
        if (steps > most) {
            throw tooMany(steps, most, name);
        }
        double[] timesteps =
                switch (name) {
                    case "leading" -> leading(schedule, sampler, steps);
                    case "trailing" -> trailing(schedule.timesteps(), steps);
                    default -> linspace(schedule.timesteps(), sampler, steps);
                };
        double[] sigmas = new double[steps + 1];
        for (int i = 0; i < steps; i++) {
            sigmas[i] = schedule.interpolated(timesteps[i]);
        }
        sigmas[steps] = sampler.variancePreserving() && !schedule.spacing().endsAtOne() ? schedule.sigmaMin() : 0;
        boolean unit = sampler.variancePreserving() || sampler.multistep() || name.equals("leading");
        double scale = unit ? 1 : sigmas[0] * schedule.prediction().inputScale(sigmas[0]);
        return SamplingPlan.of(schedule, sampler, name, sigmas, timesteps, scale);
    }

    private static double[] leading(NoiseSchedule schedule, Sampler sampler, int steps) {
        int lowest = sampler.multistep() ? 1 : 0;
        int stride = Math.max(1, schedule.timesteps() / (steps + lowest));
        int offset = schedule.spacing().offset();
        double[] timesteps = new double[steps];
        Arrays.setAll(timesteps, i -> (double) (steps - 1 - i + lowest) * stride + offset);
        if (timesteps[0] > schedule.timesteps() - 1) {
            throw tooMany(steps, (schedule.timesteps() - 1 - offset) / stride + 1 - lowest, "leading");
        }
        return timesteps;
    }

    private static double[] trailing(int trained, int steps) {
        double stride = (double) trained / steps;
        double[] timesteps = new double[steps];
        Arrays.setAll(timesteps, i -> Math.rint(trained - i * stride) - 1);
        return timesteps;
    }

    /** One step alone is taken at timestep 0, as numpy's linspace has it, but by a multistep sampler at the highest. */
    private static double[] linspace(int trained, Sampler sampler, int steps) {
        double[] timesteps = new double[steps];
        int lowest = sampler.multistep() ? 1 : 0;
        int intervals = Math.max(steps - 1 + lowest, 1);
        // numpy's order of operations, which decides midway between two timesteps.
        double stride = (trained - 1.0) / intervals;
        Arrays.setAll(timesteps, i -> Math.min((steps - 1 - i + lowest) * stride, trained - 1.0));
        boolean whole = sampler.variancePreserving() || sampler.multistep();
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
        return SamplingPlan.of(schedule, sampler, name, sigmas, timesteps, sigmas[0]);
    }

    private static IllegalArgumentException tooMany(int steps, int most, String name) {
        return new IllegalArgumentException(
                "steps: " + steps + " (expected: 1 to " + most + " for schedule \"" + name + "\" of this model)");
    }
}
