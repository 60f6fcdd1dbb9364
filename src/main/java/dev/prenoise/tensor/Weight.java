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
    private @Nullable Tensor loaded;

    Weight(Weights owner, String name, long[] shape) {
        this.owner = owner;
        this.name = name;
        this.shape = shape;
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

    long[] shape() {
        return shape;
    }

    void forget() {
        loaded = null;
    }
}
