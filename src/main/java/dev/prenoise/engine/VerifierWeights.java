package dev.prenoise.engine;

import dev.prenoise.verifier.Verifier;
import java.util.concurrent.locks.ReentrantLock;

/** The weights of a verifier, or of several that share them, among those on their device. Any number of threads. */
final class VerifierWeights implements ModelMemory.Tenant {
    private final Verifier verifier;
    private final ReentrantLock computing = new ReentrantLock();
    private volatile long lastUsed = System.nanoTime();

    /**
     * @param verifier any of those that share them
     */
    VerifierWeights(Verifier verifier) {
        this.verifier = verifier;
    }

    @Override
    public String name() {
        return verifier.name();
    }

    /** What is done between the two, nobody does at the same time, and nobody unloads the weights. */
    void begin() {
        computing.lock();
    }

    void end() {
        lastUsed = System.nanoTime();
        computing.unlock();
    }

    @Override
    public long loadedBytes() {
        return verifier.loadedBytes();
    }

    @Override
    public long lastUsed() {
        return lastUsed;
    }

    @Override
    public long unload() {
        if (computing.isHeldByCurrentThread() || !computing.tryLock()) {
            return 0;
        }
        try {
            return verifier.unload();
        } finally {
            computing.unlock();
        }
    }
}
