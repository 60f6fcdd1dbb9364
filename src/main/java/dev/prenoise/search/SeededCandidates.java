package dev.prenoise.search;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseRecipes;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.Seeds;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Candidates that any host can draw by itself: candidate 0 is the host's own noise, every other the plain noise of
 * {@link Seeds#candidate}. Immutable; any number of threads may draw.
 */
public final class SeededCandidates implements CandidateSource {
    private final long seed;
    private final NoiseSource source;
    private final long[] shape;
    private final @Nullable Noise base;
    private final NoiseRecipe first;

    private SeededCandidates(long seed, NoiseSource source, long[] shape, @Nullable Noise base) {
        this.seed = seed;
        this.source = source;
        this.shape = shape;
        this.base = base;
        List<Long> dimensions = Arrays.stream(shape).boxed().toList();
        first = new NoiseRecipe(seed, source, dimensions, List.of(), base == null ? null : base.sha256());
        NoiseRecipes.validate(first, Integer.MAX_VALUE);
    }

    /**
     * Candidate 0 is the seed's noise.
     *
     * @param seed unsigned
     * @param shape {@code [1, C, H, W]}
     * @throws IllegalArgumentException when a dimension is not positive or the values do not fit one array
     */
    public static SeededCandidates of(long seed, NoiseSource source, long[] shape) {
        return new SeededCandidates(seed, source, shape.clone(), null);
    }

    /**
     * Candidate 0 is the host's own tensor, which no seed gives; the others are drawn in its shape from the seed.
     *
     * @param seed unsigned
     * @throws IllegalArgumentException when the tensor has no values
     */
    public static SeededCandidates ofBase(long seed, NoiseSource source, Noise base) {
        return new SeededCandidates(seed, source, base.shape(), base);
    }

    @Override
    public NoiseRecipe recipe(int index) {
        return index == 0 ? first : NoiseRecipe.of(Seeds.candidate(seed, index), source, first.shape());
    }

    @Override
    public Noise draw(int index) {
        if (index == 0 && base != null) {
            return base;
        }
        return NoiseGenerator.generate(source, Seeds.candidate(seed, index), shape);
    }

    @Override
    public long deriveSeed(int round, int index) {
        return Seeds.derive(seed, round, index);
    }
}
