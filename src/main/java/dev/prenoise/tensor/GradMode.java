package dev.prenoise.tensor;

import ai.djl.pytorch.jni.JniUtils;

/**
 * Whether operations of this thread record gradients, until closed. libtorch's switch is thread-local and starts ON in every thread but
 * the one that started the engine, so every task sets it.
 */
public final class GradMode implements AutoCloseable {
    private final boolean before;

    private GradMode(boolean enabled) {
        Compute.start();
        this.before = JniUtils.isGradMode();
        JniUtils.setGradMode(enabled);
    }

    public static GradMode on() {
        return new GradMode(true);
    }

    public static GradMode off() {
        return new GradMode(false);
    }

    static boolean isOn() {
        return JniUtils.isGradMode();
    }

    @Override
    public void close() {
        JniUtils.setGradMode(before);
    }
}
