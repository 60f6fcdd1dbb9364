package dev.prenoise.engine;

/**
 * The share of a thread's time that it is inside libtorch, by looking at its stack about once in a millisecond: inside means that the
 * innermost frame is one of the binding's native methods.
 */
final class NativeShare {
    private static final String BINDING = "ai.djl.pytorch.jni.PyTorchLibrary";

    private volatile boolean running;
    private long samples;
    private long inside;

    void during(Runnable body) {
        Thread watched = Thread.currentThread();
        running = true;
        Thread sampler = new Thread(() -> sample(watched), "native-share");
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
                if (stack[0].isNativeMethod() && stack[0].getClassName().equals(BINDING)) {
                    inside++;
                }
            }
            java.util.concurrent.locks.LockSupport.parkNanos(1_000_000);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** 0 to 1. */
    double inside() {
        return samples == 0 ? 1 : (double) inside / samples;
    }

    long samples() {
        return samples;
    }
}
