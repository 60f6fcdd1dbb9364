package dev.prenoise.engine;

import dev.prenoise.diffusion.StepNoise;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.noise.Seeds;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Between noises, one by one, and the batch of them that a network takes. */
final class Noises {
    private Noises() {}

    /** {@code [n, C, H, W]} of n noises {@code [1, C, H, W]}. */
    static Tensor stack(Compute compute, List<Noise> noises) {
        long[] shape = noises.get(0).shape();
        int size = noises.get(0).data().length;
        float[] values = new float[Math.multiplyExact(size, noises.size())];
        for (int i = 0; i < noises.size(); i++) {
            System.arraycopy(noises.get(i).data(), 0, values, i * size, size);
        }
        shape[0] = noises.size();
        return Tensor.of(compute, values, shape);
    }

    /** What a stochastic sampler adds: each element's own, by its seed and the step. */
    static StepNoise ofSteps(Compute compute, List<SeededNoise> batch) {
        return step -> stack(
                compute,
                batch.stream()
                        .map(each -> NoiseGenerator.generate(
                                NoiseSource.NV_PHILOX,
                                Seeds.step(each.seed(), step),
                                each.noise().shape()))
                        .toList());
    }

    /** The same noises, and copies of the last one up to the count. */
    static <T> List<T> filled(List<T> noises, int count) {
        List<T> all = new ArrayList<>(noises);
        all.addAll(Collections.nCopies(Math.max(0, count - noises.size()), noises.get(noises.size() - 1)));
        return all;
    }
}
