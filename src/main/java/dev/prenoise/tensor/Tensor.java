package dev.prenoise.tensor;

import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A dense tensor on a device. Operations follow PyTorch's of the same name, never work in place, and record gradients when the thread's
 * {@link GradMode} is on. What an operation makes belongs to the innermost open {@link Scope}.
 *
 * <p>Shapes in comments: B batch, C channels, H rows, W columns, P positions (H * W), T text tokens.
 */
public final class Tensor implements AutoCloseable {
    private final Compute compute;
    private final PtNDArray array;
    private long @Nullable [] shape;

    Tensor(Compute compute, PtNDArray array) {
        this.compute = compute;
        this.array = array;
    }

    // ---- making ----

    /**
     * @throws IllegalArgumentException when the number of values does not fit the shape
     */
    public static Tensor of(Compute compute, float[] values, long... shape) {
        ByteBuffer buffer = direct(values.length, Float.BYTES, shape);
        buffer.asFloatBuffer().put(values);
        return made(compute, buffer, DType.FLOAT32, shape);
    }

    public static Tensor of(Compute compute, double[] values, long... shape) {
        ByteBuffer buffer = direct(values.length, Double.BYTES, shape);
        buffer.asDoubleBuffer().put(values);
        return made(compute, buffer, DType.FLOAT64, shape);
    }

    public static Tensor of(Compute compute, long[] values, long... shape) {
        ByteBuffer buffer = direct(values.length, Long.BYTES, shape);
        buffer.asLongBuffer().put(values);
        return made(compute, buffer, DType.INT64, shape);
    }

    /**
     * What a graph reads on the way back it keeps, but not the buffer, which the garbage collector frees with this object: so there the values
     * get memory of libtorch's own.
     */
    private static Tensor made(Compute compute, ByteBuffer buffer, DType type, long... shape) {
        Tensor over = create(compute, compute.manager(), buffer, type, shape);
        if (!compute.isCpu() || !GradMode.isOn()) {
            return over;
        }
        Tensor own = over.copy();
        over.close();
        return own;
    }

    private static ByteBuffer direct(int values, int bytes, long... shape) {
        long size = Arrays.stream(shape).reduce(1, Math::multiplyExact);
        if (size != values) {
            throw new IllegalArgumentException(
                    "values: " + values + " (expected: " + size + " for shape " + Arrays.toString(shape) + ")");
        }
        return ByteBuffer.allocateDirect(Math.multiplyExact(values, bytes)).order(ByteOrder.nativeOrder());
    }

    /** Over the buffer's own memory on the CPU, a copy elsewhere. */
    static Tensor create(Compute compute, PtNDManager manager, ByteBuffer buffer, DType type, long... shape) {
        return new Tensor(
                compute,
                JniUtils.createNdFromByteBuffer(
                        manager, buffer, new Shape(shape), type.djl, SparseFormat.DENSE, compute.device()));
    }

    // ---- looking ----

    public Compute compute() {
        return compute;
    }

    public long[] shape() {
        if (shape == null) {
            shape = array.getShape().getShape();
        }
        return shape.clone();
    }

    /** Size of a dimension; negative counts from the end. */
    public long size(int dimension) {
        if (shape == null) {
            shape = array.getShape().getShape();
        }
        return shape[dimension < 0 ? shape.length + dimension : dimension];
    }

    public DType dtype() {
        return DType.of(array.getDataType());
    }

    /** The values in row-major order, copied to the host, whatever floating type they have. */
    public float[] toFloats() {
        PtNDArray plain = array.getDataType() == DType.FLOAT32.djl ? array : array.toType(DType.FLOAT32.djl, false);
        ByteBuffer buffer = JniUtils.getByteBuffer(detached(plain), false);
        float[] values = new float[buffer.remaining() / Float.BYTES];
        buffer.asFloatBuffer().get(values);
        return values;
    }

    public double[] toDoubles() {
        DType type = dtype();
        if (type.isHalf() || type == DType.FLOAT32) {
            // on the host: Apple's GPU has no float64
            float[] floats = toFloats();
            double[] widened = new double[floats.length];
            for (int i = 0; i < floats.length; i++) {
                widened[i] = floats[i];
            }
            return widened;
        }
        PtNDArray plain = array.getDataType() == DType.FLOAT64.djl ? array : array.toType(DType.FLOAT64.djl, false);
        ByteBuffer buffer = JniUtils.getByteBuffer(detached(plain), false);
        double[] values = new double[buffer.remaining() / Double.BYTES];
        buffer.asDoubleBuffer().get(values);
        return values;
    }

    public long[] toLongs() {
        ByteBuffer buffer = JniUtils.getByteBuffer(array, false);
        long[] values = new long[buffer.remaining() / Long.BYTES];
        buffer.asLongBuffer().get(values);
        return values;
    }

    private static PtNDArray detached(PtNDArray array) {
        return JniUtils.requiresGrad(array) ? JniUtils.detachGradient(array) : array;
    }

    // ---- arithmetic, with broadcasting ----

    public Tensor add(Tensor other) {
        return wrap(JniUtils.add(array, other.array));
    }

    public Tensor sub(Tensor other) {
        return wrap(JniUtils.sub(array, other.array));
    }

    public Tensor mul(Tensor other) {
        return wrap(JniUtils.mul(array, other.array));
    }

    public Tensor div(Tensor other) {
        return wrap(JniUtils.div(array, other.array));
    }

    public Tensor mul(double factor) {
        return mul(compute.ops().number(compute, factor));
    }

    public Tensor add(double summand) {
        return add(compute.ops().number(compute, summand));
    }

    /** Sum of all elements, 0-d. */
    public Tensor sum() {
        return wrap(JniUtils.sum(array));
    }

    /** Sums over one dimension, which goes; negative counts from the end. */
    public Tensor sum(int dimension) {
        long at = dimension < 0 ? shape().length + dimension : dimension;
        return wrap(JniUtils.sum(array, new long[] {at}, false));
    }

    public Tensor clamp(double min, double max) {
        return wrap(JniUtils.clip(array, min, max));
    }

    public Tensor exp() {
        return wrap(JniUtils.exp(array));
    }

    public Tensor sqrt() {
        return wrap(JniUtils.sqrt(array));
    }

    public Tensor sin() {
        return wrap(JniUtils.sin(array));
    }

    public Tensor cos() {
        return wrap(JniUtils.cos(array));
    }

    public Tensor matmul(Tensor other) {
        return wrap(JniUtils.matmul(array, other.array));
    }

    // ---- layout ----

    public Tensor reshape(long... newShape) {
        return wrap(JniUtils.reshape(array, newShape));
    }

    public Tensor permute(long... dimensions) {
        return wrap(JniUtils.permute(array, dimensions));
    }

    public Tensor transpose(int first, int second) {
        return wrap(JniUtils.transpose(array, first, second));
    }

    /** {@code length} elements of one dimension from {@code start}. A view. */
    public Tensor narrow(int dimension, long start, long length) {
        return wrap(JniUtils.slice(array, dimension, start, start + length, 1));
    }

    public Tensor expand(long... newShape) {
        return wrap(JniUtils.broadcast(array, new Shape(newShape)));
    }

    public static Tensor cat(int dimension, List<Tensor> tensors) {
        PtNDArray[] arrays = tensors.stream().map(Tensor::array).toArray(PtNDArray[]::new);
        return new Tensor(tensors.get(0).compute, JniUtils.cat(arrays, dimension));
    }

    public static Tensor cat(int dimension, Tensor... tensors) {
        return cat(dimension, List.of(tensors));
    }

    /** Device and floating type of another tensor. Differentiable. */
    public Tensor like(Tensor other) {
        if (compute == other.compute && array.getDataType() == other.array.getDataType()) {
            return this;
        }
        return new Tensor(other.compute, compute.ops().call("cast_like", this, other).array);
    }

    /** In another floating type; in the same, over the same memory. Not differentiable: see {@link #like}. */
    public Tensor to(DType type) {
        return type == DType.BFLOAT16 ? op("to_bfloat16") : wrap(array.toType(type.djl, true));
    }

    /** In memory of its own, which is libtorch's. */
    public Tensor copy() {
        return wrap(JniUtils.clone(array));
    }

    // ---- network layers ----

    /** {@code [.., in]} by weight {@code [out, in]} and bias {@code [out]} to {@code [.., out]}. */
    public Tensor linear(Tensor weight, @Nullable Tensor bias) {
        return wrap(JniUtils.linear(array, weight.array, raw(bias)));
    }

    /** {@code [B, C, H, W]} by weight {@code [out, C, k, k]} to {@code [B, out, H', W']}. */
    public Tensor conv2d(Tensor weight, @Nullable Tensor bias, int stride, int padding) {
        return wrap(JniUtils.convolution(
                array,
                weight.array,
                raw(bias),
                new Shape(stride, stride),
                new Shape(padding, padding),
                new Shape(1, 1),
                1));
    }

    /** Over the last dimension. */
    public Tensor layerNorm(Tensor weight, Tensor bias, double eps) {
        return wrap(JniUtils.layerNorm(array, weight.array.getShape(), weight.array, bias.array, eps));
    }

    /** {@code [B, C, ..]} in groups of channels. */
    public Tensor groupNorm(Tensor weight, Tensor bias, int groups, double eps) {
        return op("group_norm", weight, bias, scalar(groups), scalar(eps));
    }

    public Tensor groupNormSilu(Tensor weight, Tensor bias, int groups, double eps) {
        return op("group_norm_silu", weight, bias, scalar(groups), scalar(eps));
    }

    public Tensor silu() {
        return op("silu");
    }

    public Tensor gelu() {
        return wrap(JniUtils.gelu(array));
    }

    public Tensor quickGelu() {
        return op("quick_gelu");
    }

    /** GELU by its approximation with tanh. */
    public Tensor geluTanh() {
        return op("gelu_tanh");
    }

    public Tensor tanh() {
        return wrap(JniUtils.tanh(array));
    }

    public Tensor relu() {
        return wrap(JniUtils.relu(array));
    }

    /** Over the last dimension. */
    public Tensor logSoftmax() {
        return op("log_softmax");
    }

    /** Of length 1 along the last dimension. */
    public Tensor normalized() {
        return op("l2_normalize");
    }

    /** {@code [B, C, H, W]} to {@code [B, C, rows, columns]}, antialiased as torchvision does on numbers. */
    public Tensor resizeBilinear(long rows, long columns) {
        return op("resize_bilinear", scalar(Math.toIntExact(rows)), scalar(Math.toIntExact(columns)));
    }

    /** {@code [B, C, H, W]} to {@code [B, C, rows, columns]}, antialiased as torchvision does on numbers; may leave the range of values. */
    public Tensor resizeBicubic(long rows, long columns) {
        return op("resize_bicubic", scalar(Math.toIntExact(rows)), scalar(Math.toIntExact(columns)));
    }

    /** {@code linear}, then the first half times GELU of the second. */
    public Tensor geglu(Tensor weight, Tensor bias) {
        return op("geglu", weight, bias);
    }

    /** {@code [B, C, H, W]} to {@code [B, C, rows, columns]} by the nearest neighbour. */
    public Tensor upsampleNearest(long rows, long columns) {
        return op("upsample_nearest", scalar(Math.toIntExact(rows)), scalar(Math.toIntExact(columns)));
    }

    /** One row below and one column at the right of zeros. */
    public Tensor padBottomRight() {
        return op("pad_bottom_right");
    }

    /** Rows of a table {@code [V, D]} at these int64 indices. */
    public Tensor embedding(Tensor table) {
        return wrap(JniUtils.embedding(array, table.array, false));
    }

    /** This is the query {@code [B, P, C]}; key and value {@code [B, T, C]}; gives {@code [B, P, C]}. Probabilities are never built. */
    public Tensor attention(Tensor key, Tensor value, int heads) {
        return op("attention", key, value, scalar(heads));
    }

    public Tensor causalAttention(Tensor key, Tensor value, int heads) {
        return op("causal_attention", key, value, scalar(heads));
    }

    /** Attention's probabilities summed over heads, {@code [B, P, T]}, float32 or wider. */
    public Tensor attentionMaps(Tensor key, int heads) {
        return op("attention_maps", key, scalar(heads));
    }

    /** {@link #attention} and {@link #attentionMaps} of one computation. */
    public Attended attentionWithMaps(Tensor key, Tensor value, int heads) {
        Tensor[] pair = compute.ops().callPair("attention_with_maps", this, key, value, scalar(heads));
        return new Attended(pair[0], pair[1]);
    }

    /**
     * @param output {@code [B, P, C]}
     * @param maps {@code [B, P, T]}, summed over heads
     */
    public record Attended(Tensor output, Tensor maps) {}

    // ---- gradients ----

    /** A leaf over the same values that records what is done with it. */
    public Tensor requireGradient() {
        PtNDArray leaf = JniUtils.detachGradient(array);
        JniUtils.attachGradient(leaf, true);
        return wrap(leaf);
    }

    /** The same values, cut off from the graph. */
    public Tensor detach() {
        return wrap(JniUtils.detachGradient(array));
    }

    /** From this 0-d tensor to the leaves; the graph is freed. */
    public void backward() {
        try (Scope scope = new Scope()) {
            PtNDArray one = JniUtils.onesLike(array, array.getDataType(), compute.device(), SparseFormat.DENSE);
            JniUtils.backward(array, one, false, false);
        }
    }

    /**
     * The gradient of this leaf after {@link #backward()}.
     *
     * @throws IllegalStateException when there is none: no leaf, or nothing went backward to it
     */
    public Tensor gradient() {
        PtNDArray gradient = JniUtils.getGradient(array);
        if (gradient == null) {
            throw new IllegalStateException("gradient: none (expected: a leaf that backward() reached)");
        }
        return wrap(gradient);
    }

    /** Sets this leaf's gradient to zero; otherwise those of several {@link #backward()} add up. */
    public void clearGradient() {
        JniUtils.zeroGrad(array);
    }

    /**
     * One step of AdamW (Loshchilov and Hutter 2019), in place on this tensor and on its moments. Only while {@link GradMode} is off.
     *
     * @param gradient of this tensor's shape, as are the moments
     * @param settings float64 {@code [6]}: rate, beta1, beta2, epsilon, weight decay, the step's number from 1
     */
    public void adamw(Tensor gradient, Tensor firstMoment, Tensor secondMoment, Tensor settings) {
        op("adamw", gradient, firstMoment, secondMoment, settings);
    }

    // ---- life ----

    @Override
    public void close() {
        array.close();
    }

    PtNDArray array() {
        return array;
    }

    private Tensor op(String method, Tensor... others) {
        Tensor[] arguments = new Tensor[others.length + 1];
        arguments[0] = this;
        System.arraycopy(others, 0, arguments, 1, others.length);
        return compute.ops().call(method, arguments);
    }

    private Tensor scalar(Number value) {
        return compute.ops().scalar(compute, value);
    }

    private Tensor wrap(PtNDArray result) {
        return new Tensor(compute, result);
    }

    private static @Nullable PtNDArray raw(@Nullable Tensor tensor) {
        return tensor == null ? null : tensor.array;
    }

    @Override
    public String toString() {
        return "Tensor" + Arrays.toString(shape()) + " " + array.getDataType() + " on " + compute;
    }
}
