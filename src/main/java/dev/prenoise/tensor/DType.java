package dev.prenoise.tensor;

import ai.djl.ndarray.types.DataType;

/** Element types that computing knows. What a checkpoint may hold besides is {@link SafetensorsType}. */
public enum DType {
    FLOAT16(DataType.FLOAT16, 2),
    /** Of which the binding knows nothing: what it says of such a tensor is this, and asked for one it ends the process. */
    BFLOAT16(DataType.UNKNOWN, 2),
    FLOAT32(DataType.FLOAT32, 4),
    FLOAT64(DataType.FLOAT64, 8),
    INT64(DataType.INT64, 8);

    final DataType djl;
    private final int bytes;

    DType(DataType djl, int bytes) {
        this.djl = djl;
        this.bytes = bytes;
    }

    /** Whether it has 16 bits: sums of such numbers are taken in float32. */
    public boolean isHalf() {
        return this == FLOAT16 || this == BFLOAT16;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }

    static DType of(DataType djl) {
        for (DType type : values()) {
            if (type.djl == djl) {
                return type;
            }
        }
        throw new IllegalArgumentException(
                "dtype: " + djl + " (expected: float16, bfloat16, float32, float64 or int64)");
    }
}
