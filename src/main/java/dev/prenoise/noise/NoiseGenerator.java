package dev.prenoise.noise;

/**
 * Draws the noise that a host draws from the same seed. Pure Java without shared state: any number of threads may draw at once, and the
 * same arguments always give the same bits, on every machine.
 */
public final class NoiseGenerator {
    private NoiseGenerator() {}

    /**
     * @param seed all 64 bits, read as unsigned; a negative value is the seed that torch takes it for
     * @param shape any rank, zero sizes included; no dimensions at all is one value
     * @throws IllegalArgumentException when a dimension is negative or the values do not fit one array
     */
    public static Noise generate(NoiseSource source, long seed, long[] shape) {
        float[] data = new float[arrayLength(shape)];
        switch (source) {
            case TORCH_CPU -> TorchCpuNoise.fill(seed, data);
            case NV_PHILOX -> PhiloxNoise.fill(seed, 0, data);
        }
        return Noise.of(shape, data);
    }

    private static int arrayLength(long[] shape) {
        long size = Noise.sizeOf(shape);
        if (size > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "shape: " + size + " values (expected: at most " + Integer.MAX_VALUE + ")");
        }
        return (int) size;
    }
}
