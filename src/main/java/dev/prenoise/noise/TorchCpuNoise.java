package dev.prenoise.noise;

/**
 * {@code torch.manual_seed(seed); torch.randn(n)} in float32 as torch computes it on an x86 CPU with AVX2, bit for bit.
 *
 * <p>The formulas are those of torch's {@code normal_fill} kernel: Box-Muller in blocks of 16, with the logarithm, sine and cosine of the
 * Cephes library in single precision. {@link Math#fma} stands exactly where the compiled kernel fuses a multiplication with an addition:
 * fusing fewer or others changes about one value in a hundred in its last bit. On a machine without AVX2, and on ARM, torch itself draws
 * values up to about 3e-6 away from these.
 */
final class TorchCpuNoise {
    /** Torch draws fewer values than this one by one, in double precision. */
    private static final int BLOCK = 16;

    private static final int HALF = BLOCK / 2;
    private static final float TWO_PI = (float) (2 * Math.PI);

    private TorchCpuNoise() {}

    /** Of the seed only the low 32 bits count, as in torch. */
    static void fill(long seed, float[] data) {
        MersenneTwister random = new MersenneTwister((int) seed);
        if (data.length < BLOCK) {
            fillFew(random, data);
        } else {
            fillBlocks(random, data);
        }
    }

    private static void fillBlocks(MersenneTwister random, float[] data) {
        for (int i = 0; i < data.length; i++) {
            data[i] = random.nextFloat();
        }
        for (int i = 0; i + BLOCK <= data.length; i += BLOCK) {
            normalise(data, i);
        }
        if (data.length % BLOCK != 0) {
            // The last 16 places start over from fresh uniforms, the overlap with the block before included.
            int start = data.length - BLOCK;
            for (int i = start; i < data.length; i++) {
                data[i] = random.nextFloat();
            }
            normalise(data, start);
        }
    }

    /** Box-Muller on 16 uniforms in place: the first eight give radii and become cosines, the last eight angles and become sines. */
    private static void normalise(float[] data, int start) {
        for (int i = start; i < start + HALF; i++) {
            float radius = (float) Math.sqrt(-2f * log(1f - data[i]));
            float angle = TWO_PI * data[i + HALF];

            // Which eighth of the turn, rounded up to even: 0, 2, 4, 6 or 8; its bit 1 swaps sine and cosine, the
            // others are signs.
            int octant = ((int) (angle * 1.27323954473516f) + 1) & ~1;
            float x = reduce(angle, octant);
            float sine = sinePolynomial(x);
            float cosine = cosinePolynomial(x);
            boolean swap = (octant & 2) != 0;
            float sin = flip(swap ? cosine : sine, octant & 4);
            float cos = flip(swap ? sine : cosine, ~(octant - 2) & 4);

            // Adding the mean of 0 turns -0 into 0.
            data[i] = radius * cos + 0f;
            data[i + HALF] = radius * sin + 0f;
        }
    }

    /** Natural logarithm of a positive normal number (Cephes {@code logf}). */
    private static float log(float value) {
        int bits = Float.floatToRawIntBits(value);
        float exponent = (bits >>> 23) - 126;
        float x = Float.intBitsToFloat(bits & 0x007fffff | 0x3f000000);
        if (x < 0.707106781186547524f) {
            exponent -= 1f;
            x = (x - 1f) + x;
        } else {
            x -= 1f;
        }
        float square = x * x;
        float y = 7.0376836292e-2f;
        y = Math.fma(y, x, -1.1514610310e-1f);
        y = Math.fma(y, x, 1.1676998740e-1f);
        y = Math.fma(y, x, -1.2420140846e-1f);
        y = Math.fma(y, x, 1.4249322787e-1f);
        y = Math.fma(y, x, -1.6668057665e-1f);
        y = Math.fma(y, x, 2.0000714765e-1f);
        y = Math.fma(y, x, -2.4999993993e-1f);
        y = Math.fma(y, x, 3.3333331174e-1f);
        y *= x;
        y = Math.fma(y, square, exponent * -2.12194440e-4f);
        y = Math.fma(-square, 0.5f, y);
        return Math.fma(exponent, 0.693359375f, x + y);
    }

    /** {@code angle - octant * pi / 4}, with pi / 4 in three parts to keep the digits. */
    private static float reduce(float angle, int octant) {
        float x = Math.fma((float) octant, -0.78515625f, angle);
        x = Math.fma((float) octant, -2.4187564849853515625e-4f, x);
        return Math.fma((float) octant, -3.77489497744594108e-8f, x);
    }

    /** Sine on [-pi / 4, pi / 4] (Cephes {@code sinf}). */
    private static float sinePolynomial(float x) {
        float square = x * x;
        float y = -1.9515295891e-4f;
        y = Math.fma(y, square, 8.3321608736e-3f);
        y = Math.fma(y, square, -1.6666654611e-1f);
        return Math.fma(y * square, x, x);
    }

    /** Cosine on [-pi / 4, pi / 4] (Cephes {@code cosf}). */
    private static float cosinePolynomial(float x) {
        float square = x * x;
        float y = 2.443315711809948e-5f;
        y = Math.fma(y, square, -1.388731625493765e-3f);
        y = Math.fma(y, square, 4.166664568298827e-2f);
        return Math.fma(y * square, square, -square * 0.5f) + 1f;
    }

    /** @param bit 4 to negate, 0 to leave */
    private static float flip(float value, int bit) {
        return Float.intBitsToFloat(Float.floatToRawIntBits(value) ^ (bit << 29));
    }

    /** Pairs by Box-Muller in double precision; {@link StrictMath} so that every machine agrees. */
    private static void fillFew(MersenneTwister random, float[] data) {
        for (int i = 0; i < data.length; i += 2) {
            double u1 = random.nextDouble();
            double u2 = random.nextDouble();
            double radius = Math.sqrt(-2 * StrictMath.log1p(-u2));
            double angle = 2 * Math.PI * u1;
            data[i] = (float) (radius * StrictMath.cos(angle));
            if (i + 1 < data.length) {
                data[i + 1] = (float) (radius * StrictMath.sin(angle));
            }
        }
    }
}
