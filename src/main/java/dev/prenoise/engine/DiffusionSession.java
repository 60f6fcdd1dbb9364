package dev.prenoise.engine;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.TokenGroup;
import dev.prenoise.backbone.Conditioning;
import dev.prenoise.diffusion.Sampler;
import dev.prenoise.diffusion.Samplers;
import dev.prenoise.diffusion.SamplingPlan;
import dev.prenoise.diffusion.StepListener;
import dev.prenoise.image.Picture;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.PathEvaluator;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** One prompt on a {@link DiffusionModel}. Whenever it computes, its LoRAs are merged: sessions with others may take turns with it. */
final class DiffusionSession implements PromptSession {
    /** Noises scored at once on a GPU, when there is room: more gain little, and a short batch is filled up. */
    private static final int MOST_AT_ONCE = 8;

    /** Bytes of pictures that are kept: a batch of the largest, many of the usual. */
    private static final long KEPT_PICTURES = 64 << 20;

    private final DiffusionModel model;
    private final EncodedPrompt prompt;
    private final Conditioning positive;
    private final @Nullable Conditioning negative;
    private final MergedLoras loras;
    private final SamplingPlan plan;
    private final Sampler sampler;
    private final IntFunction<SamplingPlan> plans;
    private final double guidanceScale;
    private final Drawing drawing;
    private final PictureCache cache;
    private final int rows;
    private final int columns;
    private final MemoryNeeds needs;

    /**
     * @param prompt closed with the session
     * @param timeIds SDXL's; empty elsewhere
     * @param plans the same for other numbers of steps
     * @param rows of the latents
     * @param columns of the latents
     */
    DiffusionSession(
            DiffusionModel model,
            EncodedPrompt prompt,
            double[] timeIds,
            MergedLoras loras,
            SamplingPlan plan,
            IntFunction<SamplingPlan> plans,
            double guidanceScale,
            int rows,
            int columns) {
        this.model = model;
        this.prompt = prompt;
        this.loras = loras;
        this.plan = plan;
        this.sampler = Samplers.of(plan.sampler());
        this.plans = plans;
        this.guidanceScale = guidanceScale;
        this.rows = rows;
        this.columns = columns;
        this.needs = model.memoryNeeds(columns * model.sizeStep(), rows * model.sizeStep());
        this.positive = told(prompt.positive(), timeIds);
        this.negative = prompt.negative() == null ? null : told(prompt.negative(), timeIds);
        this.drawing = new Drawing(
                model,
                positive,
                negative,
                guidanceScale,
                needs,
                columns * model.sizeStep() + " x " + rows * model.sizeStep());
        this.cache = new PictureCache(KEPT_PICTURES, sampler.stochastic());
    }

    /** All that the network is told, in its own type. */
    private Conditioning told(Conditioning text, double[] timeIds) {
        DType type = model.unet().weights().type();
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor context = Scope.release(text.context().to(type));
            Tensor pooled =
                    text.pooled() == null ? null : Scope.release(text.pooled().to(type));
            float[] numbers = new float[timeIds.length];
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = (float) timeIds[i];
            }
            Tensor ids =
                    numbers.length == 0 ? null : Scope.release(Tensor.of(text.compute(), numbers, 1, numbers.length));
            return new Conditioning(context, pooled, ids);
        }
    }

    @Override
    public SamplingSpec sampling() {
        return new SamplingSpec(plan.sampler(), plan.schedule(), plan.steps(), guidanceScale, List.of());
    }

    @Override
    public List<SubjectSpec> subjects() {
        return prompt.subjects().found();
    }

    @Override
    public void requireSubjects() {
        prompt.subjects().required();
    }

    @Override
    public List<String> warnings() {
        List<String> warnings = new ArrayList<>(prompt.warnings());
        warnings.addAll(loras.warnings());
        return warnings;
    }

    @Override
    public long[] noiseShape() {
        return new long[] {1, model.unet().config().inChannels(), rows, columns};
    }

    @Override
    public Evaluator attention(AttentionLoss score, AttentionLoss optimized) {
        return new AttentionEvaluator(firstStep(), score, optimized, groups(), lossBatches());
    }

    @Override
    public AttentionPass attentionPass(List<AttentionLoss> losses, boolean self) {
        return new AttentionPass(firstStep(), losses, self, groups(), lossBatches());
    }

    private Batches lossBatches() {
        return new Batches(new Room(needs.lossWeights(), needs.loss(), needs.gradient()), batchSize());
    }

    /** Fixed for a session: kernels add in another order for another batch size. */
    private int batchSize() {
        int size = compute().isCpu() ? model.card().batch() : MOST_AT_ONCE;
        long loaded = model.unet().weights().loadedBytes();
        long room = model.memory().obtainable(loaded) - Math.max(0, needs.lossWeights() - loaded);
        while (size > 1 && size * needs.loss() > room) {
            size /= 2;
        }
        return size;
    }

    private List<TokenGroup> groups() {
        return prompt.subjects().required().stream()
                .map(subject -> new TokenGroup(subject.tokenIndices()))
                .toList();
    }

    private FirstStep firstStep() {
        int stride = model.attentionStride();
        return new FirstStep(
                model.unet(),
                positive,
                plan.firstTimestep(),
                plan.firstInputScale(),
                (rows + stride - 1) / stride,
                (columns + stride - 1) / stride);
    }

    @Override
    public AttentionMaps maps(Noise noise) {
        Batches one = new Batches(new Room(needs.lossWeights(), needs.loss(), needs.gradient()), 1);
        return one.each(List.of(noise), (part, size) -> {
                    try (GradMode off = GradMode.off();
                            Scope scope = new Scope();
                            FirstStep.Maps maps = firstStep().maps(Noises.stack(compute(), part), true)) {
                        return maps.toArrays(1);
                    }
                })
                .get(0);
    }

    @Override
    public int callsToDraw(SeededNoise noise) {
        return cache.get(noise) == null ? sampler.calls(plan) : 0;
    }

    /**
     * In batches of one fixed size, the last one filled up, so that a picture has the same bits whatever was drawn beside it. Those that were
     * judged just now are not drawn again.
     */
    @Override
    public List<Picture> draw(List<SeededNoise> noises) {
        requirePictures();
        List<SeededNoise> missing =
                noises.stream().filter(noise -> cache.get(noise) == null).toList();
        Iterator<Picture> drawn =
                pictureBatches().each(missing, this::drawBatch).iterator();
        return noises.stream()
                .map(noise -> {
                    Picture known = cache.get(noise);
                    return known == null ? drawn.next() : known;
                })
                .toList();
    }

    @Override
    public void requirePictures() {
        drawing.requirePossible();
    }

    private List<Picture> drawBatch(List<SeededNoise> part, int size) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            List<SeededNoise> batch = Noises.filled(part, size);
            Tensor noise = Noises.stack(
                    compute(), batch.stream().map(SeededNoise::noise).toList());
            Tensor latents = sampler.sample(
                    noise, plan, drawing.denoiser(size), Noises.ofSteps(compute(), batch), StepListener.NONE);
            Tensor images = drawing.decode(latents);
            List<Picture> pictures = new ArrayList<>();
            for (int i = 0; i < part.size(); i++) {
                pictures.add(Pictures.of(images.narrow(0, i, 1)));
            }
            return pictures;
        }
    }

    @Override
    public PathEvaluator pictures(Panel panel, PictureOptions options) {
        requirePictures();
        SamplingPlan judged = options.steps() == 0 ? plan : plans.apply(options.steps());
        return new PictureEvaluator(
                drawing, judged, panel, options, pictureBatches(), judged.equals(plan) ? cache : null);
    }

    private Batches pictureBatches() {
        return new Batches(
                new Room(needs.pictureWeights(), needs.picture(), needs.pictureGradient()),
                model.card().batch());
    }

    private Compute compute() {
        return positive.compute();
    }

    @Override
    public void close() {
        prompt.close();
        EncodedPrompt.close(positive);
        if (negative != null) {
            EncodedPrompt.close(negative);
        }
        compute().emptyCache();
    }

    /** Merges the LoRAs, and sees that there is room, whenever something is computed. */
    private final class Room implements Batches.Room {
        private final long weights;
        private final long activations;
        private final long graph;

        /** What fitted, and when. */
        private long fitted;

        private int fittedAt = -1;

        /**
         * @param weights of the UNet's part that runs
         * @param activations of each noise
         * @param graph of one noise with gradient
         */
        Room(long weights, long activations, long graph) {
            this.weights = weights;
            this.activations = activations;
            this.graph = graph;
        }

        @Override
        public <T> T take(int batch, boolean gradient, Supplier<T> work) {
            return model.compute(() -> {
                model.unet().weights().patch(loras.unet());
                long bytes = gradient ? graph : batch * activations;
                int unloads = model.unloads();
                if (fittedAt != unloads || bytes > fitted) {
                    model.requireRoom(toLoad() + bytes, what(batch, gradient), this::spare);
                }
                T result = work.get();
                fitted = fittedAt == unloads ? Math.max(fitted, bytes) : bytes;
                fittedAt = unloads;
                return result;
            });
        }

        private long toLoad() {
            return Math.max(0, weights - model.unet().weights().loadedBytes());
        }

        private void spare() {
            model.unloadText();
            model.unloadVae();
        }

        private String what(int batch, boolean gradient) {
            return drawing.what(gradient ? "one noise with its gradient" : batch + " noises at once");
        }

        @Override
        public void free() {
            fittedAt = -1;
            spare();
            compute().emptyCache();
        }

        @Override
        public OutOfDeviceMemoryException exhausted(boolean gradient, Throwable cause) {
            return model.memory().exhausted(what(1, gradient), toLoad() + (gradient ? graph : activations), cause);
        }
    }
}
