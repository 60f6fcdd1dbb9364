package dev.prenoise.diffusion;

import dev.prenoise.tensor.ConfigFile;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * How much noise a model was trained with at each timestep, and which timesteps its own configuration would visit.
 *
 * <p>A noise level is a sigma: {@code sqrt((1 - ab) / ab)} of the cumulative alpha, or a flow's share s of noise. Immutable.
 */
public final class NoiseSchedule {
    private static final List<String> SPACINGS = List.of("leading", "trailing", "linspace");

    /** The last cumulative alpha of a model trained to zero terminal signal, in place of 0, as ComfyUI has it: sigma stays finite. */
    private static final double ZERO_TERMINAL_ALPHA_BAR = 4.8973451890853435e-8;

    private final Prediction prediction;
    private final double[] sigmas;
    private final double shift;
    private final Spacing spacing;

    /**
     * @param name what "" asks for: a diffusers name; "" when the configuration does not say
     * @param offset added to each "leading" timestep
     * @param endsAtOne whether a variance preserving sampler ends at a cumulative alpha of 1, else at that of timestep 0
     */
    record Spacing(String name, int offset, boolean endsAtOne) {}

    private NoiseSchedule(Prediction prediction, double[] sigmas, double shift, Spacing spacing) {
        this.prediction = prediction;
        this.sigmas = sigmas;
        this.shift = shift;
        this.spacing = spacing;
    }

    /** Stable Diffusion 1, 2 and XL: 1000 betas, the squares of equal steps from sqrt(0.00085) to sqrt(0.012); "leading" from timestep 1. */
    public static NoiseSchedule stableDiffusion(Prediction prediction) {
        if (prediction == Prediction.FLOW) {
            throw new IllegalArgumentException("prediction: FLOW (expected: EPSILON or V)");
        }
        double[] betas = Betas.scaledLinear(0.00085, 0.012, 1000);
        return new NoiseSchedule(prediction, Betas.sigmas(Betas.alphaBars(betas)), 1, new Spacing("leading", 1, false));
    }

    /**
     * The same timesteps and spacing for a model that is known to predict this; the same object where the configuration said so.
     *
     * @param zeroTerminal whether the last timestep has no signal left (Lin et al. 2024)
     */
    public NoiseSchedule trainedFor(Prediction known, boolean zeroTerminal) {
        boolean terminal = sigmaMax() > 1000;
        if (known == prediction && zeroTerminal == terminal || prediction == Prediction.FLOW) {
            return this;
        }
        double[] table = sigmas.clone();
        if (zeroTerminal && !terminal) {
            double[] alphaBars = Arrays.stream(sigmas).map(s -> 1 / (1 + s * s)).toArray();
            Betas.rescaleToZeroTerminal(alphaBars, ZERO_TERMINAL_ALPHA_BAR);
            table = Betas.sigmas(alphaBars);
        }
        return new NoiseSchedule(known, table, shift, spacing);
    }

    /**
     * A rectified flow over 1000 timesteps.
     *
     * @param shift towards noise: {@code s' = shift * s / (1 + (shift - 1) * s)} (Esser et al., "Scaling rectified flow transformers",
     *     2024, section 5.3.2); 1 for none, 3 for Stable Diffusion 3
     */
    public static NoiseSchedule flow(double shift) {
        return flow(shift, 1000);
    }

    private static NoiseSchedule flow(double shift, int timesteps) {
        double[] sigmas = new double[timesteps];
        Arrays.setAll(sigmas, i -> shifted((i + 1.0) / timesteps, shift));
        return new NoiseSchedule(Prediction.FLOW, sigmas, shift, new Spacing("linspace", 0, true));
    }

    /**
     * Reads a diffusers {@code scheduler_config.json}: any class that has betas, or FlowMatchEulerDiscreteScheduler. What it says of
     * Karras and other sigmas is not read: those are asked for by name.
     *
     * @throws IllegalArgumentException when it cannot be read or used; names the file and the key
     */
    public static NoiseSchedule read(Path schedulerConfigJson) {
        ConfigFile config = ConfigFile.read(schedulerConfigJson);
        int timesteps = config.integer("num_train_timesteps", 1000);
        if (timesteps < 2 || timesteps > 100_000) {
            throw config.wrong("num_train_timesteps", "2 to 100000");
        }
        return config.text("_class_name", "").startsWith("FlowMatch")
                ? readFlow(config, timesteps)
                : readTrained(config, timesteps);
    }

    private static NoiseSchedule readFlow(ConfigFile config, int timesteps) {
        double shift = config.number("shift", 1);
        if (!(shift > 0 && shift <= 1000)) {
            throw config.wrong("shift", "above 0, up to 1000");
        }
        if (config.flag("use_dynamic_shifting", false)) {
            throw config.wrong(
                    "use_dynamic_shifting", "false: a shift that depends on the picture's size is not supported");
        }
        return flow(shift, timesteps);
    }

    private static NoiseSchedule readTrained(ConfigFile config, int timesteps) {
        Prediction prediction =
                switch (config.text("prediction_type", "epsilon")) {
                    case "epsilon" -> Prediction.EPSILON;
                    case "v_prediction" -> Prediction.V;
                    default -> throw config.wrong("prediction_type", "epsilon or v_prediction");
                };
        double[] alphaBars = Betas.alphaBars(betas(config, timesteps));
        if (config.flag("rescale_betas_zero_snr", false)) {
            if (prediction == Prediction.EPSILON) {
                throw config.wrong(
                        "rescale_betas_zero_snr",
                        "false with prediction_type epsilon: pure noise says nothing of the picture");
            }
            Betas.rescaleToZeroTerminal(alphaBars, ZERO_TERMINAL_ALPHA_BAR);
        }
        String spacing = config.text("timestep_spacing", "");
        if (!spacing.isEmpty() && !SPACINGS.contains(spacing)) {
            throw config.wrong("timestep_spacing", "one of " + String.join(", ", SPACINGS));
        }
        int offset = config.integer("steps_offset", 0);
        if (offset < 0 || offset >= timesteps) {
            throw config.wrong("steps_offset", "0 to " + (timesteps - 1));
        }
        return new NoiseSchedule(
                prediction,
                Betas.sigmas(alphaBars),
                1,
                new Spacing(spacing, offset, config.flag("set_alpha_to_one", true)));
    }

    private static double[] betas(ConfigFile config, int timesteps) {
        if (config.has("trained_betas")) {
            throw config.wrong("trained_betas", "null: betas come from beta_schedule");
        }
        String name = config.text("beta_schedule", "linear");
        if (name.equals("squaredcos_cap_v2")) {
            return Betas.squaredCosine(timesteps);
        }
        double start = config.number("beta_start", 0.0001);
        double end = config.number("beta_end", 0.02);
        if (!(start > 0 && start < 1)) {
            throw config.wrong("beta_start", "above 0, below 1");
        }
        if (!(end >= start && end < 1)) {
            throw config.wrong("beta_end", "beta_start or more, below 1");
        }
        return switch (name) {
            case "scaled_linear" -> Betas.scaledLinear(start, end, timesteps);
            case "linear" -> Betas.linear(start, end, timesteps);
            default -> throw config.wrong("beta_schedule", "scaled_linear, linear or squaredcos_cap_v2");
        };
    }

    public Prediction prediction() {
        return prediction;
    }

    /** How many timesteps the model was trained with. */
    public int timesteps() {
        return sigmas.length;
    }

    public double sigmaMin() {
        return sigmas[0];
    }

    public double sigmaMax() {
        return sigmas[sigmas.length - 1];
    }

    /**
     * The noise at a timestep, between whole ones by equal steps of log sigma, as k-diffusion has it; a flow's is the timestep as a share
     * of all.
     */
    public double sigma(double timestep) {
        if (prediction == Prediction.FLOW) {
            return timestep / sigmas.length;
        }
        double clamped = Math.max(0, Math.min(sigmas.length - 1, timestep));
        int below = (int) clamped;
        double part = clamped - below;
        return part == 0
                ? sigmas[below]
                : Math.exp((1 - part) * Math.log(sigmas[below]) + part * Math.log(sigmas[below + 1]));
    }

    /** The cumulative alpha at a timestep: the share of the picture in the variance of the latents. */
    public double alphaBar(double timestep) {
        double sigma = sigma(timestep);
        double kept = prediction == Prediction.FLOW ? (1 - sigma) * (1 - sigma) : 1;
        return kept / (kept + sigma * sigma);
    }

    /**
     * What ComfyUI tells the network about a noise level: the timestep whose log sigma is nearest; for a flow the share of all timesteps.
     */
    public double timestep(double sigma) {
        if (prediction == Prediction.FLOW) {
            return sigma * sigmas.length;
        }
        // In float32: midway between two timesteps, where schedules of equal steps fall, ComfyUI's rounding decides.
        float log = (float) Math.log((float) sigma);
        int best = 0;
        float distance = Float.POSITIVE_INFINITY;
        for (int t = 0; t < sigmas.length; t++) {
            float candidate = Math.abs(log - (float) Math.log(sigmas[t]));
            if (candidate < distance) {
                distance = candidate;
                best = t;
            }
        }
        return best;
    }

    Spacing spacing() {
        return spacing;
    }

    /** What "" asks for: the configuration's own spacing, or the one that diffusers' class of the sampler has without. */
    String defaultSchedule(Sampler sampler) {
        if (!spacing.name().isEmpty()) {
            return spacing.name();
        }
        return sampler.variancePreserving() ? "leading" : "linspace";
    }

    /** The noise at a timestep, between whole ones by equal steps of sigma, as diffusers has it. */
    double interpolated(double timestep) {
        int below = (int) Math.floor(timestep);
        double part = timestep - below;
        return part == 0 ? sigmas[below] : (1 - part) * sigmas[below] + part * sigmas[below + 1];
    }

    /**
     * ComfyUI's {@code model_sampling.sigma}: {@link #sigma} in its float32, without which {@link #timestep} falls to the other side where
     * steps are halves of timesteps; for a flow, the shift comes after the timestep.
     */
    double comfySigma(double timestep) {
        if (prediction == Prediction.FLOW) {
            return shifted(sigma(timestep));
        }
        float clamped = (float) Math.max(0, Math.min(sigmas.length - 1, timestep));
        int below = (int) clamped;
        int above = Math.min(below + 1, sigmas.length - 1);
        float part = clamped - below;
        float log = (1 - part) * (float) Math.log(sigmas[below]) + part * (float) Math.log(sigmas[above]);
        return (float) Math.exp(log);
    }

    /** A flow's shift of a share of noise. */
    double shifted(double share) {
        return shifted(share, shift);
    }

    private static double shifted(double share, double shift) {
        return shift * share / (1 + (shift - 1) * share);
    }

    /** Rising, one for each timestep. */
    double[] table() {
        return sigmas.clone();
    }
}
