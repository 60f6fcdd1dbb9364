package dev.prenoise.server;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.engine.BackboneInfo;
import dev.prenoise.engine.DeviceInfo;
import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.LoraInfo;
import dev.prenoise.engine.LoraSpec;
import dev.prenoise.engine.MemoryNeeds;
import dev.prenoise.engine.Model;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.ModelException;
import dev.prenoise.engine.Panel;
import dev.prenoise.engine.PictureOptions;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.engine.SamplingSpec;
import dev.prenoise.engine.SubjectSpec;
import dev.prenoise.engine.UnknownBackboneException;
import dev.prenoise.engine.VerifierCatalog;
import dev.prenoise.engine.WeightsPin;
import dev.prenoise.image.Picture;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.PathEvaluator;
import dev.prenoise.search.Spend;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;

/**
 * A backbone without a network: the score of a noise is its mean squared distance to a target that follows from the prompt. Deterministic,
 * differentiable, and what each evaluation does first (wait, fail) is the test's to choose.
 */
public final class FakeCatalog implements ModelCatalog {
    public static final String ID = "fake";

    /** The id of a model that cannot be used. */
    public static final String BROKEN = "broken";

    private static final int NATIVE_SIZE = 64;
    private static final int SCALE = 8;
    private static final Set<String> NOUNS = Set.of("cat", "frog", "dog", "circle", "square");

    /** Run before each evaluation of a loss and each denoiser call for a picture, with the prompt, on the thread that computes. */
    public volatile BeforeEvaluation beforeEvaluation = prompt -> {};

    /** Run before a model is opened. */
    public volatile Runnable beforeOpening = () -> {};

    /** How often somebody asked which weights these are. */
    public final AtomicInteger pinned = new AtomicInteger();

    /** The prompt of each of these, in the order in which they ran. */
    public final List<String> evaluations = new CopyOnWriteArrayList<>();

    /** Every thread that a model was called on. */
    public final Set<String> threads = ConcurrentHashMap.newKeySet();

    public volatile int maxBatch = 1;
    public volatile String defaultId = ID;

    /** What the weights look like now: changes when a file does. */
    public volatile String stamp = "as it was";

    /** What the model's card and the precision look like now. */
    public volatile String settings = "FLOAT32";

    /** Whether the user has moved models and LoRAs away: none answers to its name. */
    public volatile boolean moved;

    /** Whether the search that had pictures judged last was told to stop. */
    public volatile BooleanSupplier stopped = () -> false;

    /** What sessions were asked for, in order. */
    public final List<Prepared> prepared = new CopyOnWriteArrayList<>();

    /** Every session's. */
    public volatile List<String> warnings = List.of();

    /** The id of each model that was opened. */
    public final List<String> opened = new CopyOnWriteArrayList<>();

    public final AtomicInteger openSessions = new AtomicInteger();
    public final AtomicInteger drawn = new AtomicInteger();
    public final AtomicInteger drawCalls = new AtomicInteger();
    public final AtomicInteger released = new AtomicInteger();

    /** See {@link #beforeEvaluation}. */
    public interface BeforeEvaluation {
        void run(String prompt) throws InterruptedException;
    }

    /** See {@link #prepared}. */
    public record Prepared(PromptSpec prompt, List<LoraSpec> loras) {}

    @Override
    public List<BackboneInfo> list() {
        return List.of(info(ID), info("other"));
    }

    @Override
    public String defaultId() {
        return defaultId;
    }

    @Override
    public List<LoraInfo> loras() {
        return List.of(
                new LoraInfo("styles/ink.safetensors", "/loras/styles/ink.safetensors", 77, null),
                new LoraInfo("torn.safetensors", "/loras/torn.safetensors", 5, "cut short"));
    }

    @Override
    public String resolve(String id) {
        if (id.equals(BROKEN)) {
            throw new ModelException("backbone: \"" + id + "\" cannot be used: cut short");
        }
        if (moved) {
            throw new UnknownBackboneException(id, List.of());
        }
        requireKnown(id.isEmpty() ? defaultId : id);
        return id.isEmpty() ? defaultId : id;
    }

    @Override
    public String resolveLora(String field, String name) {
        if (moved || !name.equals("ink")) {
            throw new InvalidFieldException(field, "\"" + name + "\" (expected: one of styles/ink.safetensors)");
        }
        return "styles/ink.safetensors";
    }

    @Override
    public List<WeightsPin> pins(String id, List<String> loras) {
        pinned.incrementAndGet();
        List<WeightsPin> pins = new ArrayList<>();
        pins.add(pin(id, "cpu"));
        loras.forEach(name -> pins.add(new WeightsPin(name, 77, "lora", null, null)));
        return pins;
    }

    @Override
    public WeightsPin pin(String id, String device) {
        return new WeightsPin(id, 1000, stamp, null, settings);
    }

    private void requireKnown(String id) {
        if (list().stream().noneMatch(info -> info.id().equals(id))) {
            throw new UnknownBackboneException(
                    id, list().stream().map(BackboneInfo::id).toList());
        }
    }

    /** Theirs. */
    public final FakeVerifiers verifiers = new FakeVerifiers();

    @Override
    public VerifierCatalog verifiers() {
        return verifiers;
    }

    @Override
    public List<DeviceInfo> devices() {
        return List.of(new DeviceInfo("cpu", 1000, 500));
    }

    @Override
    public Model open(String id) {
        threads.add(Thread.currentThread().getName());
        requireKnown(id);
        beforeOpening.run();
        opened.add(id);
        return new FakeModel(id);
    }

    @Override
    public long releaseMemory() {
        released.incrementAndGet();
        return 123;
    }

    @Override
    public void close() {}

    private static BackboneInfo info(String id) {
        return new BackboneInfo(id, "shapes", null, null, false, NATIVE_SIZE, true, 1000, null, "eps");
    }

    private void before(String prompt) {
        try {
            beforeEvaluation.run(prompt);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        evaluations.add(prompt);
    }

    private final class FakeModel implements Model {
        private final String id;

        FakeModel(String id) {
            this.id = id;
        }

        @Override
        public BackboneInfo info() {
            return FakeCatalog.info(id);
        }

        @Override
        public int maxSize() {
            return 512;
        }

        @Override
        public int sizeStep() {
            return SCALE;
        }

        @Override
        public MemoryNeeds memoryNeeds(int width, int height) {
            return new MemoryNeeds(0, 100, 200, 10, 20, 30, 60, 40, 50, 90);
        }

        @Override
        public PromptSession prepare(
                PromptSpec prompt, SamplingSpec sampling, List<LoraSpec> loras, int width, int height) {
            threads.add(Thread.currentThread().getName());
            prepared.add(new Prepared(prompt, loras));
            if (width > maxSize()) {
                throw new InvalidFieldException("width", width + " (expected: at most " + maxSize() + ")");
            }
            List<String> words = List.of(prompt.text().split(" "));
            List<String> found = words.stream().filter(NOUNS::contains).toList();
            List<SubjectSpec> subjects = new ArrayList<>();
            for (int i = 0; i < prompt.subjects().size(); i++) {
                SubjectSpec subject = prompt.subjects().get(i);
                if (subject.tokenIndices().isEmpty() && !found.contains(subject.text())) {
                    throw new InvalidFieldException(
                            "prompt.subjects[" + i + "].text",
                            "\"" + subject.text() + "\" (expected: a subject of the prompt; found: "
                                    + String.join(", ", found) + ")");
                }
                subjects.add(subject.tokenIndices().isEmpty() ? resolved(words, subject.text()) : subject);
            }
            if (subjects.isEmpty()) {
                found.forEach(noun -> subjects.add(resolved(words, noun)));
            }
            return new FakeSession(
                    prompt.text(), subjects, width == 0 ? NATIVE_SIZE : width, height == 0 ? NATIVE_SIZE : height);
        }

        private static SubjectSpec resolved(List<String> words, String noun) {
            return new SubjectSpec(noun, List.of(), List.of(words.indexOf(noun) + 1));
        }
    }

    private final class FakeSession implements PromptSession {
        private final String prompt;
        private final List<SubjectSpec> subjects;
        private final long[] shape;

        FakeSession(String prompt, List<SubjectSpec> subjects, int width, int height) {
            this.prompt = prompt;
            this.subjects = List.copyOf(subjects);
            this.shape = new long[] {1, 4, height / SCALE, width / SCALE};
            openSessions.incrementAndGet();
        }

        @Override
        public List<SubjectSpec> subjects() {
            return subjects;
        }

        @Override
        public List<String> warnings() {
            return warnings;
        }

        @Override
        public long[] noiseShape() {
            return shape.clone();
        }

        @Override
        public Evaluator attention(AttentionLoss score, AttentionLoss optimized) {
            return new FakeEvaluator(prompt, score.name());
        }

        @Override
        public void requireSubjects() {
            if (subjects.isEmpty()) {
                throw new InvalidFieldException("prompt.text", "\"" + prompt + "\" (expected: a thing to show)");
            }
        }

        @Override
        public PathEvaluator pictures(Panel panel, PictureOptions options) {
            threads.add(Thread.currentThread().getName());
            stopped = options.stopped();
            return new FakePictures(panel, options, () -> maxBatch, () -> {
                threads.add(Thread.currentThread().getName());
                before(prompt);
            });
        }

        @Override
        public AttentionMaps maps(Noise noise) {
            threads.add(Thread.currentThread().getName());
            double[] cross = new double[2 * 2 * 8];
            Arrays.setAll(cross, i -> i / (double) cross.length);
            return new AttentionMaps(2, 2, 8, cross, null);
        }

        @Override
        public List<Picture> draw(List<SeededNoise> noises) {
            threads.add(Thread.currentThread().getName());
            drawCalls.incrementAndGet();
            return noises.stream().map(each -> picture(each.noise())).toList();
        }

        private Picture picture(Noise noise) {
            drawn.incrementAndGet();
            return FakePictures.picture(noise);
        }

        @Override
        public int callsToDraw(SeededNoise noise) {
            return 40;
        }

        @Override
        public void close() {
            threads.add(Thread.currentThread().getName());
            openSessions.decrementAndGet();
        }
    }

    private final class FakeEvaluator implements Evaluator {
        private final String prompt;
        private final float target;

        FakeEvaluator(String prompt, String loss) {
            this.prompt = prompt;
            this.target = ((prompt + loss).hashCode() & 0xff) / 512f;
        }

        @Override
        public int maxBatch() {
            return maxBatch;
        }

        @Override
        public boolean lowerIsBetter() {
            return true;
        }

        @Override
        public boolean differentiable() {
            return true;
        }

        @Override
        public Spend cost() {
            return new Spend(1, 1, 1, 1);
        }

        @Override
        public List<Evaluation> evaluate(List<Noise> noises) {
            return noises.stream().map(noise -> score(noise, false)).toList();
        }

        @Override
        public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
            return noises.stream().map(noise -> score(noise, true)).toList();
        }

        private Evaluation score(Noise noise, boolean withGradient) {
            threads.add(Thread.currentThread().getName());
            before(prompt);
            float[] values = noise.data();
            float[] gradient = new float[values.length];
            double sum = 0;
            for (int i = 0; i < values.length; i++) {
                double difference = values[i] - target;
                sum += difference * difference;
                gradient[i] = (float) (2 * difference / values.length);
            }
            double score = sum / values.length;
            return new Evaluation(
                    score,
                    Map.of("cross", score, "self", score / 2),
                    withGradient ? Noise.of(noise.shape(), gradient) : null);
        }
    }
}
