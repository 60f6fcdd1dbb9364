package dev.prenoise.engine;

import dev.prenoise.tensor.Tensor;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;

/**
 * What a thread spends its time on, by looking at its stack about once in a millisecond: inside libtorch means that the innermost frame is
 * one of the binding's native methods, and the tensor operation that called it tells the kind. Nothing is changed in what is measured.
 *
 * <p>One watched thread at a time.
 */
final class OperationShares {
    private static final String BINDING = "ai.djl.pytorch.jni.PyTorchLibrary";

    /** Kinds of operations, in the order of a table. */
    enum Kind {
        CONVOLUTION("convolutions"),
        LINEAR("linear layers"),
        ATTENTION("attention, probabilities not built"),
        MAPS("attention, probabilities built and summed"),
        NORM("norms and activations"),
        COPY("sums, joins and copies"),
        BACKWARD("backward pass"),
        FREE("giving memory back"),
        OTHER("other operations"),
        OUTSIDE("outside libtorch");

        private final String title;

        Kind(String title) {
            this.title = title;
        }

        String title() {
            return title;
        }

        private static Kind of(String operation) {
            return switch (operation) {
                case "conv2d" -> CONVOLUTION;
                case "linear", "geglu", "matmul" -> LINEAR;
                case "attention", "causalAttention" -> ATTENTION;
                case "attentionWithMaps", "attentionMaps" -> MAPS;
                case "groupNorm", "groupNormSilu", "layerNorm", "silu", "gelu" -> NORM;
                case "add", "sub", "mul", "div", "cat", "reshape", "transpose", "expand", "upsampleNearest", "like" ->
                    COPY;
                case "backward" -> BACKWARD;
                case "close" -> FREE;
                default -> OTHER;
            };
        }
    }

    private final Map<Kind, Long> counts = new EnumMap<>(Kind.class);
    private volatile boolean running;
    private long samples;

    void during(Runnable body) {
        Thread watched = Thread.currentThread();
        running = true;
        Thread sampler = new Thread(() -> sample(watched), "operation-shares");
        sampler.setDaemon(true);
        sampler.start();
        try {
            body.run();
        } finally {
            running = false;
            join(sampler);
        }
    }

    private void sample(Thread watched) {
        while (running) {
            StackTraceElement[] stack = watched.getStackTrace();
            if (running && stack.length > 0) {
                samples++;
                counts.merge(kind(stack), 1L, Long::sum);
            }
            LockSupport.parkNanos(1_000_000);
        }
    }

    private static Kind kind(StackTraceElement[] stack) {
        if (!stack[0].isNativeMethod() || !stack[0].getClassName().equals(BINDING)) {
            return Kind.OUTSIDE;
        }
        if (stack[0].getMethodName().startsWith("torchDelete")) {
            return Kind.FREE;
        }
        String tensor = Tensor.class.getName();
        Kind kind = Kind.OTHER;
        for (StackTraceElement frame : stack) {
            if (frame.getClassName().equals(tensor)) {
                // the outermost of the tensor's own frames is the operation that a network called
                kind = Kind.of(frame.getMethodName());
            } else if (kind != Kind.OTHER) {
                break;
            }
        }
        return kind;
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** 0 to 1. */
    double of(Kind kind) {
        return samples == 0 ? 0 : (double) counts.getOrDefault(kind, 0L) / samples;
    }

    long samples() {
        return samples;
    }
}
