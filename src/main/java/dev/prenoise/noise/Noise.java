package dev.prenoise.noise;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * One initial noise: unit-variance values, dense and row-major, shape {@code [1, C, H, W]} (latent pixels). Immutable by convention:
 * the array handed in and out is not copied, and nobody writes to it afterwards.
 */
public final class Noise {
    private final long[] shape;
    private final float[] data;

    private Noise(long[] shape, float[] data) {
        this.shape = shape;
        this.data = data;
    }

    /**
     * @throws IllegalArgumentException when the data's length is not the product of the shape
     */
    public static Noise of(long[] shape, float[] data) {
        long size = sizeOf(shape);
        if (size != data.length) {
            throw new IllegalArgumentException("data: " + data.length + " values (expected: " + size + " for shape "
                    + Arrays.toString(shape) + ")");
        }
        return new Noise(shape.clone(), data);
    }

    /**
     * The number of values in a tensor of this shape.
     *
     * @throws IllegalArgumentException when a dimension is negative or the product does not fit a long
     */
    public static long sizeOf(long[] shape) {
        long size = 1;
        for (long dimension : shape) {
            if (dimension < 0) {
                throw new IllegalArgumentException(
                        "shape: " + Arrays.toString(shape) + " (expected: no negative dimension)");
            }
            try {
                size = Math.multiplyExact(size, dimension);
            } catch (ArithmeticException e) {
                throw new IllegalArgumentException(
                        "shape: " + Arrays.toString(shape) + " (expected: fewer than 2^63 values)", e);
            }
        }
        return size;
    }

    public long[] shape() {
        return shape.clone();
    }

    /** The values themselves, not a copy. */
    public float[] data() {
        return data;
    }

    /** SHA-256 of the little-endian float32 bytes, in lower-case hexadecimal. */
    public String sha256() {
        ByteBuffer bytes = ByteBuffer.allocate(data.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(data);
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.array()));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    /** Bit for bit: {@code 0f} and {@code -0f} differ. */
    @Override
    public boolean equals(Object other) {
        return other instanceof Noise noise && Arrays.equals(shape, noise.shape) && Arrays.equals(data, noise.data);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(shape) + Arrays.hashCode(data);
    }

    @Override
    public String toString() {
        return "Noise" + Arrays.toString(shape);
    }
}
