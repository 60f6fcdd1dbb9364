package dev.prenoise.server.grpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.prenoise.noise.Noise;
import dev.prenoise.v1.DataType;
import dev.prenoise.v1.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;

/** Tensors on the wire: dense, row-major, little-endian. */
final class Tensors {
    private Tensors() {}

    /**
     * Adds what is wrong with a floating-point tensor. Nothing of its size is allocated before its size is known to be right.
     *
     * @param shape what its dimensions are called, such as {@code [1, C, H, W]}; a number must be met exactly
     * @return whether the tensor can be read
     */
    static boolean check(Violations violations, String field, Tensor tensor, String shape) {
        int width = width(tensor.getDataType());
        if (width == 0) {
            violations.add(
                    field + ".data_type",
                    name(tensor),
                    "DATA_TYPE_FLOAT32, DATA_TYPE_FLOAT64, DATA_TYPE_FLOAT16 or DATA_TYPE_BFLOAT16");
        }
        boolean fits = fits(tensor.getShapeList(), shape);
        if (!fits) {
            violations.add(field + ".shape", shapeText(tensor), shape + ", each at least 1");
        }
        if (width == 0 || !fits) {
            return false;
        }
        long bytes = width;
        for (long dimension : tensor.getShapeList()) {
            if (bytes > Integer.MAX_VALUE / dimension) {
                bytes = -1;
                break;
            }
            bytes *= dimension;
        }
        if (bytes != tensor.getData().size()) {
            violations.add(
                    field + ".data",
                    tensor.getData().size() + " bytes",
                    (bytes < 0 ? "as many" : String.valueOf(bytes)) + " for shape " + shapeText(tensor) + " of "
                            + tensor.getDataType());
            return false;
        }
        int bad = firstNotFinite(tensor);
        if (bad >= 0) {
            violations.add(field + ".data[" + bad + "]", value(buffer(tensor), tensor.getDataType(), bad), "finite");
            return false;
        }
        return true;
    }

    /** Of a checked tensor. */
    static float[] floats(Tensor tensor) {
        float[] values = new float[length(tensor)];
        ByteBuffer data = buffer(tensor);
        if (tensor.getDataType() == DataType.DATA_TYPE_FLOAT32) {
            data.asFloatBuffer().get(values);
            return values;
        }
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) value(data, tensor.getDataType(), i);
        }
        return values;
    }

    /** Of a checked tensor. */
    static double[] doubles(Tensor tensor) {
        double[] values = new double[length(tensor)];
        ByteBuffer data = buffer(tensor);
        for (int i = 0; i < values.length; i++) {
            values[i] = value(data, tensor.getDataType(), i);
        }
        return values;
    }

    static Tensor of(Noise noise) {
        return of(noise.data(), noise.shape());
    }

    static Tensor of(float[] values, long... shape) {
        ByteBuffer bytes = allocate(values.length, Float.BYTES);
        bytes.asFloatBuffer().put(values);
        return tensor(DataType.DATA_TYPE_FLOAT32, bytes, shape);
    }

    /** In the type asked for where that is float32 or float64, in float32 otherwise. */
    static Tensor of(double[] values, DataType type, long... shape) {
        if (type == DataType.DATA_TYPE_FLOAT64) {
            ByteBuffer bytes = allocate(values.length, Double.BYTES);
            bytes.asDoubleBuffer().put(values);
            return tensor(type, bytes, shape);
        }
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values[i];
        }
        return of(floats, shape);
    }

    static String shapeText(Tensor tensor) {
        return tensor.getShapeCount() <= 8 ? tensor.getShapeList().toString() : tensor.getShapeCount() + " dimensions";
    }

    private static Tensor tensor(DataType type, ByteBuffer bytes, long[] shape) {
        // The array belongs to nobody else.
        ByteString data = UnsafeByteOperations.unsafeWrap(bytes.array());
        return Tensor.newBuilder()
                .setDataType(type)
                .addAllShape(Arrays.stream(shape).boxed().toList())
                .setData(data)
                .build();
    }

    private static ByteBuffer allocate(int length, int width) {
        return ByteBuffer.allocate(Math.multiplyExact(length, width)).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static boolean fits(List<Long> shape, String expected) {
        String[] names = expected.substring(1, expected.length() - 1).split(", ");
        if (shape.size() != names.length) {
            return false;
        }
        for (int i = 0; i < names.length; i++) {
            boolean exact = Character.isDigit(names[i].charAt(0));
            if (shape.get(i) < 1 || exact && shape.get(i) != Long.parseLong(names[i])) {
                return false;
            }
        }
        return true;
    }

    private static int firstNotFinite(Tensor tensor) {
        ByteBuffer data = buffer(tensor);
        int length = length(tensor);
        for (int i = 0; i < length; i++) {
            if (!Float.isFinite((float) value(data, tensor.getDataType(), i))) {
                return i;
            }
        }
        return -1;
    }

    private static double value(ByteBuffer data, DataType type, int index) {
        return switch (type) {
            case DATA_TYPE_FLOAT32 -> data.getFloat(index * Float.BYTES);
            case DATA_TYPE_FLOAT64 -> data.getDouble(index * Double.BYTES);
            case DATA_TYPE_FLOAT16 -> half(data.getShort(index * Short.BYTES));
            case DATA_TYPE_BFLOAT16 -> Float.intBitsToFloat(data.getShort(index * Short.BYTES) << 16);
            default -> throw new IllegalArgumentException("data_type: " + type + " (expected: a checked tensor)");
        };
    }

    /** IEEE 754 binary16. */
    private static double half(short bits) {
        int exponent = bits >> 10 & 0x1f;
        int fraction = bits & 0x3ff;
        double magnitude =
                switch (exponent) {
                    case 0 -> Math.scalb((double) fraction, -24);
                    case 0x1f -> fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
                    default -> Math.scalb(1 + fraction / 1024.0, exponent - 15);
                };
        return bits < 0 ? -magnitude : magnitude;
    }

    private static int width(DataType type) {
        return switch (type) {
            case DATA_TYPE_FLOAT16, DATA_TYPE_BFLOAT16 -> Short.BYTES;
            case DATA_TYPE_FLOAT32 -> Float.BYTES;
            case DATA_TYPE_FLOAT64 -> Double.BYTES;
            default -> 0;
        };
    }

    private static int length(Tensor tensor) {
        return tensor.getData().size() / width(tensor.getDataType());
    }

    private static ByteBuffer buffer(Tensor tensor) {
        return tensor.getData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    private static String name(Tensor tensor) {
        return tensor.getDataType() == DataType.UNRECOGNIZED
                ? String.valueOf(tensor.getDataTypeValue())
                : tensor.getDataType().name();
    }
}
