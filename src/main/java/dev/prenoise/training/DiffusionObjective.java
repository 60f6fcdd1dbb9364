package dev.prenoise.training;

import dev.prenoise.backbone.Conditioning;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.diffusion.NoiseSchedule;
import dev.prenoise.diffusion.Prediction;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.Seeds;
import dev.prenoise.shapes.Captions;
import dev.prenoise.shapes.Draws;
import dev.prenoise.shapes.Permutation;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.text.ClipTextEncoder;
import dev.prenoise.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/**
 * Denoising (Ho et al. 2020): the mean square error of the predicted noise, or of the predicted v (Salimans and Ho 2022), all timesteps
 * weighing the same. One caption in ten is empty, for guidance (Ho and Salimans 2022). A batch has one timestep of each of as many equal
 * parts of the schedule, which makes its loss vary less than independent ones would.
 */
final class DiffusionObjective implements Objective {
    private static final double UNCONDITIONAL = 0.1;

    // Rounds of Seeds.derive; starting weights have round 0.
    private static final int NOISE_ROUND = 1;
    private static final int POSTERIOR_ROUND = 2;

    private final UNet unet;
    private final ClipTextEncoder text;
    private final Tokenizer tokenizer;
    private final LatentPool pool;
    private final NoiseSchedule schedule;
    private final int batch;
    private final long seed;

    /**
     * @param unet over the parameters
     * @param text frozen
     * @param batch even, so that the loss can be told of both halves of the schedule
     */
    DiffusionObjective(
            UNet unet,
            ClipTextEncoder text,
            Tokenizer tokenizer,
            LatentPool pool,
            NoiseSchedule schedule,
            int batch,
            long seed) {
        this.unet = unet;
        this.text = text;
        this.tokenizer = tokenizer;
        this.pool = pool;
        this.schedule = schedule;
        this.batch = batch;
        this.seed = seed;
    }

    @Override
    public List<String> parts() {
        return List.of("less_noise", "more_noise");
    }

    @Override
    public Loss loss(int step) {
        double[] timesteps = timesteps(step);
        double[] signals = new double[batch];
        double[] noises = new double[batch];
        for (int i = 0; i < batch; i++) {
            double alphaBar = schedule.alphaBar(timesteps[i]);
            signals[i] = Math.sqrt(alphaBar);
            noises[i] = Math.sqrt(1 - alphaBar);
        }
        Tensor clean;
        Tensor noisy;
        Tensor target;
        Tensor context;
        try (GradMode off = GradMode.off()) {
            Tensor noise = normal(NOISE_ROUND, step);
            long[] indices = indices(step);
            clean = pool.latents(indices, normal(POSTERIOR_ROUND, step));
            Tensor signal = column(signals);
            Tensor spread = column(noises);
            noisy = clean.mul(signal).add(noise.mul(spread));
            target = schedule.prediction() == Prediction.V ? noise.mul(signal).sub(clean.mul(spread)) : noise;
            context = context(indices, step);
        }
        Tensor error = unet.predict(noisy, timesteps, Conditioning.of(context)).sub(target);
        Tensor square = error.mul(error);
        long half = batch / 2;
        double count = half * clean.size(1) * clean.size(2) * clean.size(3);
        Tensor less = square.narrow(0, 0, half).sum().mul(1 / count);
        Tensor more = square.narrow(0, half, half).sum().mul(1 / count);
        return new Loss(less.add(more).mul(0.5), List.of(less, more));
    }

    /** Rising. */
    private double[] timesteps(int step) {
        Draws draws = Draws.of("timestep", seed, step, 0);
        double[] timesteps = new double[batch];
        for (int i = 0; i < batch; i++) {
            timesteps[i] = Math.floor((i + draws.unit()) / batch * schedule.timesteps());
        }
        return timesteps;
    }

    /** Each scene once before any comes again. */
    private long[] indices(int step) {
        long[] indices = new long[batch];
        for (int i = 0; i < batch; i++) {
            long place = (long) step * batch + i;
            indices[i] = Permutation.of("scenes", seed, place / pool.size(), pool.size())
                    .at((int) (place % pool.size()));
        }
        return indices;
    }

    private Tensor normal(int round, int step) {
        long[] latent = pool.latentShape();
        long[] shape = {batch, latent[0], latent[1], latent[2]};
        return Tensor.of(
                Compute.cpu(),
                NoiseGenerator.generate(NoiseSource.TORCH_CPU, Seeds.derive(seed, round, step), shape)
                        .data(),
                shape);
    }

    private Tensor column(double[] values) {
        float[] column = new float[values.length];
        for (int i = 0; i < column.length; i++) {
            column[i] = (float) values[i];
        }
        return Tensor.of(Compute.cpu(), column, column.length, 1, 1, 1);
    }

    /** Every caption is drawn anew: a scene that comes again is said in other words. */
    private Tensor context(long[] indices, int step) {
        List<String> captions = new ArrayList<>();
        for (int i = 0; i < batch; i++) {
            boolean empty = Draws.of("unconditional", seed, step, i).unit() < UNCONDITIONAL;
            captions.add(empty ? "" : Captions.caption(pool.scene((int) indices[i]), seed, 1 + step, i));
        }
        long[][] ids = captions.stream()
                .map(caption -> tokenizer
                        .encode(caption, text.config().length(), tokenizer.padId())
                        .idArray())
                .toArray(long[][]::new);
        return text.encode(ids);
    }
}
