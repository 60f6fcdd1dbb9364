package dev.prenoise.diffusion;

import dev.prenoise.tensor.Tensor;

/** Denoisers around networks. */
public final class Denoisers {
    private Denoisers() {}

    /** A network with its conditioning bound. */
    @FunctionalInterface
    public interface Network {
        /**
         * @param input {@code [B, C, H, W]}, scaled as the network was trained
         * @return what the network predicts, {@code [B, C, H, W]}
         */
        Tensor predict(Tensor input, double timestep);
    }

    /**
     * Clean latents by the formulas of each parameterisation, x being {@code x0 + sigma * e}, or {@code (1 - s) * x0 + s * e} for a flow:
     *
     * <ul>
     *   <li>eps: {@code x0 = x - sigma * eps}
     *   <li>v: {@code x0 = x / (sigma^2 + 1) - v * sigma / sqrt(sigma^2 + 1)}
     *   <li>flow: {@code x0 = x - s * v}
     * </ul>
     *
     * The network sees {@code x / sqrt(sigma^2 + 1)}, or x itself for a flow.
     */
    public static Denoiser of(Prediction prediction, Network network) {
        return new NetworkDenoiser(prediction, network);
    }

    /**
     * Classifier-free guidance (Ho and Salimans, 2022): {@code u + scale * (c - u)}. It is the same on predictions as on clean latents,
     * which are linear in them.
     *
     * @param batched is given {@code [2B, C, H, W]}: the batch twice. The first B must be predicted without the prompt, the last B with it
     */
    public static Network guided(Network batched, double scale) {
        return (input, timestep) -> {
            long batch = input.size(0);
            Tensor both = batched.predict(Tensor.cat(0, input, input), timestep);
            Tensor without = both.narrow(0, 0, batch);
            Tensor with = both.narrow(0, batch, batch);
            return without.add(with.sub(without).mul(scale));
        };
    }

    private record NetworkDenoiser(Prediction prediction, Network network) implements Denoiser {
        @Override
        public Tensor x0(Tensor x, double sigma, double timestep) {
            Tensor predicted = network.predict(x.mul(inputScale(sigma)), timestep);
            return switch (prediction) {
                case EPSILON, FLOW -> x.sub(predicted.mul(sigma));
                case V -> {
                    double variance = sigma * sigma + 1;
                    yield x.mul(1 / variance).sub(predicted.mul(sigma / Math.sqrt(variance)));
                }
            };
        }

        @Override
        public double inputScale(double sigma) {
            return prediction.inputScale(sigma);
        }

        @Override
        public double signal(double sigma) {
            return prediction.signal(sigma);
        }
    }
}
