package dev.prenoise.diffusion;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;

/** ComfyUI's schedulers, in double where ComfyUI's have float32's rounding. All end at 0. */
final class ComfySchedules {
    /** Sigmas of the steps, without the 0 at the end. */
    private interface Schedule {
        double[] sigmas(NoiseSchedule schedule, int steps);
    }

    /** Alpha and beta of "beta" are 0.6. */
    private static final SymmetricBeta BETA = new SymmetricBeta(0.6);

    private static final Map<String, Schedule> BY_NAME = new LinkedHashMap<>();

    static {
        BY_NAME.put("normal", (schedule, steps) -> uniform(schedule, steps, steps - 1));
        BY_NAME.put("karras", ComfySchedules::karras);
        BY_NAME.put("exponential", ComfySchedules::exponential);
        BY_NAME.put("simple", ComfySchedules::simple);
        BY_NAME.put("sgm_uniform", (schedule, steps) -> uniform(schedule, steps, steps));
        BY_NAME.put("ddim_uniform", ComfySchedules::ddimUniform);
        BY_NAME.put("beta", ComfySchedules::beta);
        BY_NAME.put("kl_optimal", ComfySchedules::klOptimal);
        BY_NAME.put("linear_quadratic", ComfySchedules::linearQuadratic);
    }

    private ComfySchedules() {}

    static List<String> names() {
        return List.copyOf(BY_NAME.keySet());
    }

    static SamplingPlan plan(NoiseSchedule schedule, Sampler sampler, String name, int steps) {
        Schedule rule = BY_NAME.get(name);
        if (rule == null) {
            throw new IllegalStateException(name);
        }
        double[] sigmas = rule.sigmas(schedule, steps);
        return plan(schedule, sampler, name, Arrays.copyOf(sigmas, sigmas.length + 1));
    }

    /** ComfyUI's timesteps and first scale for any sigmas, highest first. */
    static SamplingPlan plan(NoiseSchedule schedule, Sampler sampler, String name, double[] sigmas) {
        double[] timesteps = Arrays.stream(sigmas, 0, sigmas.length - 1)
                .map(schedule::timestep)
                .toArray();
        boolean full = sigmas[0] >= schedule.sigmaMax() * (1 - 1e-5) && schedule.prediction() != Prediction.FLOW;
        double scale = full ? 1 : sigmas[0] * schedule.prediction().inputScale(sigmas[0]);
        return SamplingPlan.of(schedule, sampler, name, sigmas, timesteps, scale);
    }

    /** Equal steps of the timestep from the first to the last, which is {@code intervals} steps below. */
    private static double[] uniform(NoiseSchedule schedule, int steps, int intervals) {
        double start = schedule.timestep(schedule.sigmaMax());
        double end = schedule.timestep(schedule.sigmaMin());
        return falling(steps, intervals, part -> schedule.comfySigma(start + (end - start) * part));
    }

    /** Karras et al., "Elucidating the design space of diffusion-based generative models", 2022, equation 5, rho 7. */
    private static double[] karras(NoiseSchedule schedule, int steps) {
        double high = Math.pow(schedule.sigmaMax(), 1 / 7.0);
        double low = Math.pow(schedule.sigmaMin(), 1 / 7.0);
        return falling(steps, steps - 1, part -> Math.pow(high + (low - high) * part, 7));
    }

    /** Equal steps of log sigma. */
    private static double[] exponential(NoiseSchedule schedule, int steps) {
        double high = Math.log(schedule.sigmaMax());
        double low = Math.log(schedule.sigmaMin());
        return falling(steps, steps - 1, part -> Math.exp(high + (low - high) * part));
    }

    /** Equal steps of the angle whose tangent is sigma (Sabour et al., "Align your steps", 2024). */
    private static double[] klOptimal(NoiseSchedule schedule, int steps) {
        double high = Math.atan(schedule.sigmaMax());
        double low = Math.atan(schedule.sigmaMin());
        return falling(steps, steps - 1, part -> Math.tan(high + (low - high) * part));
    }

    /** Trained sigmas at equal strides down from the highest. */
    private static double[] simple(NoiseSchedule schedule, int steps) {
        double[] table = schedule.table();
        double stride = (double) table.length / steps;
        double[] sigmas = new double[steps];
        Arrays.setAll(sigmas, i -> table[table.length - 1 - (int) (i * stride)]);
        return sigmas;
    }

    /** Trained sigmas at whole strides up from timestep 1: one step more than asked where steps do not divide the timesteps. */
    private static double[] ddimUniform(NoiseSchedule schedule, int steps) {
        double[] table = schedule.table();
        int stride = Math.max(table.length / steps, 1);
        int count = (table.length - 2) / stride + 1;
        double[] sigmas = new double[count];
        Arrays.setAll(sigmas, i -> table[1 + (count - 1 - i) * stride]);
        return sigmas;
    }

    /** Timesteps at quantiles of a beta distribution (Lee et al., "Beta sampling is all you need", 2024); fewer steps where some coincide. */
    private static double[] beta(NoiseSchedule schedule, int steps) {
        double[] table = schedule.table();
        return Arrays.stream(falling(steps, steps, part -> Math.rint(BETA.quantile(1 - part) * (table.length - 1))))
                .distinct()
                .map(timestep -> table[(int) timestep])
                .toArray();
    }

    /** Mochi's: falls by 0.025 of the highest in the first half of the steps, in equal steps, then ever faster. */
    private static double[] linearQuadratic(NoiseSchedule schedule, int steps) {
        double threshold = 0.025;
        int linear = steps / 2;
        int quadratic = steps - linear;
        double rest = linear - threshold * steps;
        double[] sigmas = new double[steps];
        for (int i = 0; i < steps; i++) {
            double done = i * threshold / Math.max(linear, 1);
            if (i >= linear && linear > 0) {
                double square = rest / (linear * (double) quadratic * quadratic);
                double slope = threshold / linear - 2 * rest / ((double) quadratic * quadratic);
                done = square * i * i + slope * i + square * linear * linear;
            }
            sigmas[i] = (1 - done) * schedule.sigmaMax();
        }
        return sigmas;
    }

    /** A function at equal parts of [0, 1], of which there are {@code intervals}; at 0 when that is 0. */
    private static double[] falling(int count, int intervals, DoubleUnaryOperator rule) {
        double[] sigmas = new double[count];
        Arrays.setAll(sigmas, i -> rule.applyAsDouble(intervals == 0 ? 0 : (double) i / intervals));
        return sigmas;
    }
}
