package dev.prenoise.tensor;

import org.jspecify.annotations.Nullable;

/**
 * One tensor of a checkpoint whose name and shape are known to be right, and whose values are put on the device when they are first
 * read. Belongs to its {@link Weights}.
 */
public final class Weight {
    private final Weights owner;
    private final String name;
    private final long[] shape;
    private final boolean packs;
    private @Nullable Tensor loaded;
    private @Nullable Tensor packed;

    /**
     * @param packs see {@link Weights#packing()}
     */
    Weight(Weights owner, String name, long[] shape, boolean packs) {
        this.owner = owner;
        this.name = name;
        this.shape = shape;
        this.packs = packs;
    }

    public String name() {
        return name;
    }

    /** The values. Never close or change them. */
    public Tensor get() {
        Tensor tensor = loaded;
        if (tensor == null) {
            tensor = owner.load(this);
            loaded = tensor;
        }
        return tensor;
    }

    /** In the type and on the device of this weight. Differentiable. */
    public Tensor cast(Tensor x) {
        return x.compute() == owner.compute() && x.dtype() == owner.type() ? x : x.like(get());
    }

    /**
     * {@code [.., in]} by this weight {@code [out, ..]}, whose other dimensions together are {@code in}. Differentiable.
     *
     * @param bias {@code [out]}; null = none
     * @return {@code [.., out]}
     */
    public Tensor linear(Tensor x, @Nullable Weight bias) {
        Tensor summand = bias == null ? null : bias.get();
        PackedLinear layers = packs && !GradMode.isOn() ? owner.packedLinear() : null;
        if (layers == null) {
            Tensor weight = get();
            return x.linear(shape.length == 2 ? weight : weight.reshape(shape[0], -1), summand);
        }
        Tensor own = packed;
        if (own == null) {
            own = owner.pack(this, layers);
            packed = own;
        }
        return layers.apply(x, own, summand);
    }

    long[] shape() {
        return shape;
    }

    void forget() {
        loaded = null;
        packed = null;
    }
}
