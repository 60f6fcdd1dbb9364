package dev.prenoise.diffusion;

import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A sampling run that a gradient can go back through, of any sampler. What is kept of the run is what each denoiser call was given; on the
 * way back every call is computed again with a graph, one at a time (checkpointing: Chen et al., "Training deep nets with sublinear memory
 * cost", 2016), and what lies between the calls is {@link LinearFactors}. One thread at a time.
 */
public final class Trajectory implements AutoCloseable {
    /** That a network in float16 is given on the way back: its numbers end at 65504 and begin at 6e-8. */
    private static final double LARGEST_SLOPE = 64;

    private static final double SMALLEST_SLOPE = 1e-4;

    private final Sampler sampler;
    private final SamplingPlan plan;
    private final List<Call> calls = new ArrayList<>();
    private final Tensor latents;

    private record Call(Tensor x, double sigma, double timestep) {}

    private Trajectory(
            Sampler sampler,
            Tensor noise,
            SamplingPlan plan,
            Denoiser denoiser,
            StepNoise stepNoise,
            StepListener listener) {
        this.sampler = sampler;
        this.plan = plan;
        Denoiser recorded = new Denoiser() {
            @Override
            public Tensor x0(Tensor x, double sigma, double timestep) {
                calls.add(new Call(Scope.release(x.add(0)), sigma, timestep));
                return denoiser.x0(x, sigma, timestep);
            }

            @Override
            public double inputScale(double sigma) {
                return denoiser.inputScale(sigma);
            }

            @Override
            public double signal(double sigma) {
                return denoiser.signal(sigma);
            }
        };
        try (GradMode off = GradMode.off()) {
            latents = Scope.release(sampler.sample(noise, plan, recorded, stepNoise, listener));
        } catch (RuntimeException | Error e) {
            freeCalls();
            throw e;
        }
    }

    /** Arguments as {@link Sampler#sample} takes them. */
    public static Trajectory sample(
            Sampler sampler,
            Tensor noise,
            SamplingPlan plan,
            Denoiser denoiser,
            StepNoise stepNoise,
            StepListener listener) {
        return new Trajectory(sampler, noise, plan, denoiser, stepNoise, listener);
    }

    /** How many denoiser calls {@link #gradient} computes again. */
    public static int callsBack(Sampler sampler, SamplingPlan plan, int lastSteps, Prediction prediction) {
        Denoiser scales = Denoisers.of(prediction, (input, timestep) -> input);
        return sampler.calls(plan) - LinearFactors.of(sampler, plan, scales).firstOfLast(lastSteps);
    }

    /** {@code [B, C, H, W]}. */
    public Tensor latents() {
        return latents;
    }

    /**
     * The gradient with respect to the noise.
     *
     * @param ofLatents the gradient with respect to {@link #latents}
     * @param lastSteps the way back goes through the denoiser of so many of the last steps; what it answers in those before counts as constant,
     *     so that their latents change with the noise as {@code sigma / first sigma} does. 0 = all
     * @return {@code [B, C, H, W]}
     * @throws ArithmeticException when the denoiser's gradient overflows
     */
    public Tensor gradient(Tensor ofLatents, Denoiser denoiser, int lastSteps) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            LinearFactors factors = LinearFactors.of(sampler, plan, denoiser);
            int first = factors.firstOfLast(lastSteps);
            Tensor[] ofInputs = new Tensor[calls.size()];
            for (int call = calls.size() - 1; call >= first; call--) {
                Tensor ofAnswer = sum(factors, ofLatents, ofInputs, 1 + call);
                ofInputs[call] = product(calls.get(call), ofAnswer, denoiser);
            }
            return scope.keep(sum(factors, ofLatents, ofInputs, 0));
        }
    }

    /** By the chain rule: over all that the vector of this index goes into. */
    private static Tensor sum(LinearFactors factors, Tensor ofLatents, Tensor[] ofInputs, int index) {
        return Scope.of(() -> {
            Tensor sum = ofLatents.mul(factors.latents()[index]);
            for (int call = 0; call < ofInputs.length; call++) {
                double factor = factors.inputs()[call][index];
                if (ofInputs[call] != null && factor != 0) {
                    sum = sum.add(ofInputs[call].mul(factor));
                }
            }
            return sum;
        });
    }

    /** The gradient of {@code x0(x) . ofAnswer}, scaled on the way by a power of two, which costs no bits. */
    private static Tensor product(Call call, Tensor ofAnswer, Denoiser denoiser) {
        double largest = 0;
        for (float value : ofAnswer.toFloats()) {
            largest = Math.max(largest, Math.abs(value));
        }
        if (largest == 0) {
            return ofAnswer.mul(0);
        }
        for (double wanted = LARGEST_SLOPE; wanted >= SMALLEST_SLOPE; wanted /= 256) {
            double scale = Math.scalb(1.0, Math.getExponent(wanted / largest));
            try (Scope scope = new Scope()) {
                Tensor gradient =
                        rawProduct(call, ofAnswer.mul(scale), denoiser).mul(1 / scale);
                if (isFinite(gradient)) {
                    return scope.keep(gradient);
                }
            }
        }
        throw new ArithmeticException("the denoiser's gradient at sigma " + call.sigma()
                + " is not a finite number (expected: one; where a model overflows float16, --dtype fp32 helps)");
    }

    private static Tensor rawProduct(Call call, Tensor ofAnswer, Denoiser denoiser) {
        try (GradMode on = GradMode.on();
                Scope scope = new Scope()) {
            Tensor leaf = call.x().requireGradient();
            denoiser.x0(leaf, call.sigma(), call.timestep()).mul(ofAnswer).sum().backward();
            return scope.keep(leaf.gradient());
        }
    }

    private static boolean isFinite(Tensor tensor) {
        for (float value : tensor.toFloats()) {
            if (!Float.isFinite(value)) {
                return false;
            }
        }
        return true;
    }

    private void freeCalls() {
        calls.forEach(call -> call.x().close());
        calls.clear();
    }

    @Override
    public void close() {
        freeCalls();
        latents.close();
    }
}
