package dev.prenoise.diffusion;

import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;

/**
 * The deterministic walk between noise and picture, level by level and both ways: {@code dx / dsigma = (x - x0) / sigma} by Euler's method
 * on a plan's own sigmas, which is what the samplers "euler" and "ddim" take. Levels are indices of {@link SamplingPlan#sigmas}; x is
 * k-diffusion's {@code x0 + sigma * e}, or a flow's {@code (1 - s) * x0 + s * e}, of shape {@code [B, C, H, W]}.
 */
public final class ProbabilityFlow {
    private final SamplingPlan plan;
    private final Denoiser denoiser;

    public ProbabilityFlow(SamplingPlan plan, Denoiser denoiser) {
        this.plan = plan;
        this.denoiser = denoiser;
    }

    /** x at level 0 of unit noise. */
    public Tensor start(Tensor noise) {
        return plan.firstLatents(noise, denoiser);
    }

    /** The unit noise that starts at x, which is at level 0: undoes {@link #start}. */
    public Tensor noise(Tensor x) {
        return x.mul(denoiser.inputScale(plan.firstSigma()) / plan.firstInputScale());
    }

    /** What clean latents are predicted to be: one denoiser call. */
    public Tensor x0(Tensor x, int level) {
        return denoiser.x0(x, sigma(level), plan.timesteps().get(level));
    }

    /** x at the next level: one denoiser call. */
    public Tensor down(Tensor x, int level) {
        return Scope.of(() -> x.add(x.sub(x0(x, level)).mul((sigma(level + 1) - sigma(level)) / sigma(level))));
    }

    /** Latents as the VAE's scaling has them of x at the last level. */
    public Tensor end(Tensor x) {
        return Samplers.of(plan.sampler()).variancePreserving() ? x.mul(denoiser.inputScale(plan.lastSigma())) : x;
    }

    /**
     * Where the walk that comes to x began, at level 0. Each step {@code x' = x + (sigma' - sigma) * d(x)} is solved for x, from {@code x' +
     * (sigma - sigma') * d} with d the slope of the step before, by {@link AndersonMixing}.
     *
     * @param calls denoiser calls for each level, at least 1
     */
    public Tensor back(Tensor x, int level, int calls) {
        try (Scope scope = new Scope()) {
            Tensor at = x;
            Tensor slope = null;
            for (int i = level - 1; i >= 0; i--) {
                double rise = sigma(i) - sigma(i + 1);
                Tensor below = at;
                at = above(below, slope == null ? below : below.add(slope.mul(rise)), rise, i, calls);
                slope = at.sub(below).mul(1 / rise);
            }
            return at == x ? x : scope.keep(at);
        }
    }

    private Tensor above(Tensor below, Tensor guess, double rise, int level, int calls) {
        return Scope.of(() -> {
            AndersonMixing mixing = new AndersonMixing(Math.toIntExact(below.size(0)));
            float[] values = guess.toFloats();
            for (int call = 0; call < calls; call++) {
                float[] x = values;
                float[] image =
                        image(Tensor.of(below.compute(), x, below.shape()).like(below), below, rise, level);
                values = mixing.next(x, image);
            }
            return Tensor.of(below.compute(), values, below.shape()).like(below);
        });
    }

    /** {@code x' + (sigma - sigma') * d(x)}, which is x where the step from x ends at x'. */
    private float[] image(Tensor x, Tensor below, double rise, int level) {
        try (Scope scope = new Scope()) {
            return below.add(x.sub(x0(x, level)).mul(rise / sigma(level))).toFloats();
        }
    }

    /**
     * x with noise added, at a higher level: {@code x' = k * x + sqrt(sigma'^2 - (k * sigma)^2) * e}, where k is the share of clean latents
     * that is left, 1 but for a flow, whose k is {@code (1 - s') / (1 - s)}. No denoiser call.
     *
     * @param to no lower than {@code level}, so no greater
     * @param e unit variance, of x's shape
     */
    public Tensor addNoise(Tensor x, int level, int to, Tensor e) {
        if (sigma(to) == sigma(level)) {
            return x;
        }
        double keep = denoiser.signal(sigma(to)) / denoiser.signal(sigma(level));
        double left = keep * sigma(level);
        return x.mul(keep).add(e.mul(Math.sqrt(sigma(to) * sigma(to) - left * left)));
    }

    private double sigma(int level) {
        return plan.sigmas().get(level);
    }
}
