package dev.prenoise.engine;

import dev.prenoise.tensor.DeviceMemory;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.Shot;
import dev.prenoise.verifier.Verifier;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * A verifier among the models of its device: it sees that there is room before it computes, and keeps its weights while it does.
 *
 * <p>One thread computes at a time, among all verifiers that share weights. {@link #unload} and {@link #loadedBytes} may be called by any.
 */
final class OpenedVerifier implements Verifier {
    /** Of its weights: what judging takes beside them. */
    private static final double ACTIVATIONS = 0.1;

    /** The same with a graph; about what a ViT-L/14 keeps of a picture. */
    private static final double GRAPH = 0.5;

    private final Verifier verifier;
    private final ModelMemory memory;
    private final VerifierWeights weights;

    /**
     * @param weights of the verifier, among those in the memory
     */
    OpenedVerifier(Verifier verifier, ModelMemory memory, VerifierWeights weights) {
        this.verifier = verifier;
        this.memory = memory;
        this.weights = weights;
    }

    @Override
    public String name() {
        return verifier.name();
    }

    @Override
    public List<Path> files() {
        return verifier.files();
    }

    @Override
    public String settings() {
        return verifier.settings();
    }

    @Override
    public Judge judge(Question question) {
        return new RoomyJudge(compute(ACTIVATIONS, () -> verifier.judge(question)));
    }

    @Override
    public boolean prepare(Question question) {
        return compute(ACTIVATIONS, () -> verifier.prepare(question));
    }

    private <T> T compute(double beside, Supplier<T> work) {
        weights.begin();
        try {
            long all = verifier.bytes();
            long needed = Math.max(0, all - verifier.loadedBytes()) + (long) (beside * all);
            memory.require(weights, needed, "the verifier " + name(), () -> {});
            try {
                return work.get();
            } catch (RuntimeException | OutOfMemoryError e) {
                if (DeviceMemory.isExhaustion(e) && !(e instanceof OutOfDeviceMemoryException)) {
                    throw memory.exhausted("the verifier " + name(), needed, e);
                }
                throw e;
            }
        } finally {
            weights.end();
        }
    }

    @Override
    public long bytes() {
        return verifier.bytes();
    }

    @Override
    public long loadedBytes() {
        return verifier.loadedBytes();
    }

    @Override
    public long unload() {
        return weights.unload();
    }

    @Override
    public void close() {
        memory.remove(weights);
        verifier.close();
    }

    /** One that waits for another machine takes nothing of this one. */
    private final class RoomyJudge implements Judge {
        private final Judge judge;

        RoomyJudge(Judge judge) {
            this.judge = judge;
        }

        @Override
        public double[] score(List<Shot> shots) {
            return score(shots, () -> false);
        }

        @Override
        public double[] score(List<Shot> shots, BooleanSupplier stopped) {
            return judge.remote()
                    ? judge.score(shots, stopped)
                    : compute(ACTIVATIONS, () -> judge.score(shots, stopped));
        }

        @Override
        public boolean readsPrediction() {
            return judge.readsPrediction();
        }

        @Override
        public boolean remote() {
            return judge.remote();
        }

        @Override
        public boolean differentiable() {
            return judge.differentiable();
        }

        @Override
        public Tensor scoreTensor(Tensor images) {
            return compute(GRAPH, () -> judge.scoreTensor(images));
        }

        @Override
        public List<String> warnings() {
            return judge.warnings();
        }

        @Override
        public void close() {
            judge.close();
        }
    }
}
