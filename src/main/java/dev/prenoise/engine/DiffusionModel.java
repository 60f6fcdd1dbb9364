package dev.prenoise.engine;

import dev.prenoise.backbone.AttentionSite;
import dev.prenoise.backbone.checkpoint.Checkpoint;
import dev.prenoise.backbone.checkpoint.Family;
import dev.prenoise.backbone.checkpoint.ModelCard;
import dev.prenoise.backbone.lora.LoraException;
import dev.prenoise.backbone.lora.LoraFile;
import dev.prenoise.backbone.lora.LoraUse;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.vae.Autoencoder;
import dev.prenoise.diffusion.NoiseSchedule;
import dev.prenoise.diffusion.Prediction;
import dev.prenoise.diffusion.Samplers;
import dev.prenoise.diffusion.SamplingPlan;
import dev.prenoise.engine.UNetFootprint.Sizes;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.SafetensorsException;
import dev.prenoise.text.TokenizerFinder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A checkpoint that can be searched on and drawn with: a UNet, and what else its files hold of text encoders, tokenizer and VAE. Each part is
 * loaded when it is first needed and asked for only where it is: a host that sends its own conditioning needs nothing but the UNet.
 *
 * <p>One thread computes at a time. {@link #unload} and {@link #loadedBytes} may be called by any: a computation keeps its weights.
 */
final class DiffusionModel implements Model, ModelMemory.Tenant, AutoCloseable {
    private static final int MAX_SIZE = 2048;

    /** Self-attention maps take the fourth power of this: 67 MB for each noise and head. */
    private static final int MAX_GRID = 64;

    /** Pixels to a latent pixel where no VAE says so: every published one of the Stable Diffusion family. */
    private static final int USUAL_FACTOR = 8;

    /** Latent pixels to a position of the attention grid that the published losses read. */
    private static final int USUAL_STRIDE = 4;

    private final BackboneInfo info;
    private final Checkpoint checkpoint;
    private final ModelMemory memory;
    private final LoraFinder loras;
    private final UNet unet;
    private final @Nullable Autoencoder vae;
    private final TextSide text;
    private final NoiseSchedule schedule;
    private final int attentionStride;

    private final ReentrantLock computing = new ReentrantLock();
    private volatile long lastUsed = System.nanoTime();

    /** Changed only under {@link #computing}. */
    private volatile int unloads;

    /** The LoRA files there are. */
    interface LoraFinder {
        /**
         * @param field of the request, for messages
         * @throws InvalidFieldException when there is none of that name
         */
        LoraFile find(String field, String name);

        /** None. */
        LoraFinder NONE = (field, name) -> {
            throw new InvalidFieldException(field, "\"" + name + "\" (expected: none: there are no LoRA files)");
        };
    }

    private DiffusionModel(
            BackboneInfo info,
            Checkpoint checkpoint,
            EngineOptions options,
            TokenizerFinder tokenizers,
            ModelMemory memory,
            LoraFinder loras) {
        this.info = info;
        this.checkpoint = checkpoint;
        this.memory = memory;
        this.loras = loras;
        Compute compute = memory.compute();
        DType type = options.precision().network(compute);
        this.unet = new UNet(checkpoint.unetConfig(), checkpoint.unetWeights(compute, type));
        this.vae = checkpoint.vaeConfig() == null
                ? null
                : new Autoencoder(checkpoint.vaeConfig(), checkpoint.vaeWeights(compute, DType.FLOAT32));
        this.schedule = schedule(checkpoint);
        this.attentionStride = attentionStride(checkpoint, unet);
        requireFit();
        // last: it may hold native memory that a failure after it would leave behind
        this.text = new TextSide(
                checkpoint, tokenizers, compute, options.precision().text(compute));
    }

    /**
     * Builds the networks; reads no weights.
     *
     * @param memory of the device to compute on; the model leaves it when it is closed
     * @throws ModelException when a file is missing, broken, or does not fit the others; names it
     */
    static DiffusionModel open(
            BackboneInfo info,
            Checkpoint checkpoint,
            EngineOptions options,
            TokenizerFinder tokenizers,
            ModelMemory memory,
            LoraFinder loras) {
        try {
            DiffusionModel model = new DiffusionModel(info, checkpoint, options, tokenizers, memory, loras);
            memory.add(model);
            return model;
        } catch (SafetensorsException | IllegalArgumentException e) {
            throw new ModelException(String.valueOf(e.getMessage()), e);
        }
    }

    private static NoiseSchedule schedule(Checkpoint checkpoint) {
        Prediction prediction = checkpoint.prediction().equals("v") ? Prediction.V : Prediction.EPSILON;
        Path config = checkpoint.schedulerConfig();
        NoiseSchedule schedule =
                config == null ? NoiseSchedule.stableDiffusion(prediction) : NoiseSchedule.read(config);
        return schedule.trainedFor(prediction, checkpoint.zeroTerminalSnr());
    }

    /** The card's; where the UNet is too shallow for the usual one, that of the deepest level it attends at. */
    private static int attentionStride(Checkpoint checkpoint, UNet unet) {
        int wanted = checkpoint.card().attentionStride();
        if (attends(unet, wanted)) {
            return wanted;
        }
        if (wanted == USUAL_STRIDE) {
            for (int stride : new int[] {2, 1, 8}) {
                if (attends(unet, stride)) {
                    return stride;
                }
            }
        }
        throw new IllegalArgumentException(checkpoint.path().resolve("prenoise.json") + ": attention_stride: " + wanted
                + " (expected: that of a level at which the UNet attends)");
    }

    private static boolean attends(UNet unet, int stride) {
        int side = MAX_GRID * stride;
        for (AttentionSite site : unet.sites(side, side)) {
            if (site.rows() == MAX_GRID && site.kind() == AttentionSite.Kind.CROSS) {
                return true;
            }
        }
        return false;
    }

    private void requireFit() {
        int wanted = unet.config().contextWidth();
        int width = checkpoint.textTowers().stream()
                .mapToInt(tower -> tower.config().width())
                .sum();
        if (checkpoint.textTowers().size() == TextSide.towers(checkpoint.family()) && width != wanted) {
            throw new IllegalArgumentException(checkpoint.path() + ": the UNet attends to embeddings of width " + wanted
                    + " (expected: " + width + ", the text encoder's width)");
        }
        if (vae != null && vae.config().latentChannels() != unet.config().inChannels()) {
            throw new IllegalArgumentException(checkpoint.path() + ": the VAE's latent channels: "
                    + vae.config().latentChannels() + " (expected: "
                    + unet.config().inChannels() + ", as many as the UNet takes)");
        }
    }

    @Override
    public BackboneInfo info() {
        return info;
    }

    @Override
    public int maxSize() {
        return Math.min(MAX_SIZE, MAX_GRID * attentionStride * sizeStep());
    }

    @Override
    public int sizeStep() {
        return vae == null ? USUAL_FACTOR : vae.config().factor();
    }

    @Override
    public PromptSession prepare(
            PromptSpec prompt, SamplingSpec sampling, List<LoraSpec> wanted, int width, int height) {
        int rows = latentSide("height", height);
        int columns = latentSide("width", width);
        SamplingPlan plan = plan(sampling);
        IntFunction<SamplingPlan> plans = steps -> plan(sampling, steps);
        double guidance = sampling.guidanceScale() == 0 ? checkpoint.card().guidanceScale() : sampling.guidanceScale();
        MergedLoras merged = merge(wanted, prompt.conditioning() == null);
        EncodedPrompt encoded = compute(() -> encode(prompt, plan.steps(), merged));
        try {
            return new DiffusionSession(
                    this, encoded, timeIds(prompt, rows, columns), merged, plan, plans, guidance, rows, columns);
        } catch (RuntimeException | Error e) {
            encoded.close();
            throw e;
        }
    }

    private EncodedPrompt encode(PromptSpec prompt, int steps, MergedLoras merged) {
        ConditioningSpec given = prompt.conditioning();
        if (given != null) {
            return GivenConditioning.encode(given, unet.config(), subjects(prompt, steps), memory.compute());
        }
        text.patch(merged);
        requireRoom(text.bytesToLoad(), info.id() + ": its text encoders", () -> {
            unloadUNet();
            unloadVae();
        });
        return text.encode(prompt, steps);
    }

    /** Of a prompt that the host encoded. */
    private PromptSubjects subjects(PromptSpec prompt, int steps) {
        return GivenConditioning.complete(prompt.subjects())
                ? PromptSubjects.of(prompt.subjects())
                : PromptSubjects.find(prompt, () -> text.subjects(prompt, steps));
    }

    /** Empty where the UNet takes none. */
    private double[] timeIds(PromptSpec prompt, int rows, int columns) {
        if (unet.config().added() == null) {
            return new double[0];
        }
        if (prompt.conditioning() != null && !prompt.conditioning().timeIds().isEmpty()) {
            return prompt.conditioning().timeIds().stream()
                    .mapToDouble(value -> value)
                    .toArray();
        }
        double height = (double) rows * sizeStep();
        double width = (double) columns * sizeStep();
        return new double[] {height, width, 0, 0, height, width};
    }

    private MergedLoras merge(List<LoraSpec> wanted, boolean needsText) {
        if (wanted.isEmpty()) {
            return MergedLoras.NONE;
        }
        try {
            List<LoraUse> uses = new ArrayList<>();
            for (int i = 0; i < wanted.size(); i++) {
                LoraSpec spec = wanted.get(i);
                LoraFile file = loras.find("lora[" + i + "].name", spec.name());
                uses.add(new LoraUse(file, spec.strength(), spec.textStrength()));
            }
            return MergedLoras.of(uses, unet, needsText ? text.weights() : List.of());
        } catch (LoraException e) {
            throw new ModelException(String.valueOf(e.getMessage()), e);
        }
    }

    private int latentSide(String field, int pixels) {
        int side = pixels == 0 ? info.nativeSize() : pixels;
        // smaller ones have an attention grid that cannot be smoothed
        int least = 2 * attentionStride * sizeStep();
        if (side < least || side > maxSize() || side % sizeStep() != 0) {
            throw new InvalidFieldException(
                    field,
                    side + " (expected: a multiple of " + sizeStep() + " from " + least + " to " + maxSize() + ")");
        }
        return side / sizeStep();
    }

    private SamplingPlan plan(SamplingSpec sampling) {
        String sampler = sampling.sampler().isEmpty() ? Samplers.names().get(0) : sampling.sampler();
        int steps = sampling.steps() == 0 ? checkpoint.card().steps() : sampling.steps();
        try {
            return SamplingPlan.of(schedule, sampler, sampling.schedule(), steps, sampling.sigmas());
        } catch (IllegalArgumentException e) {
            throw InvalidFieldException.under("sampling", e);
        }
    }

    /** The same plan for another number of steps: a host's own sigmas are interpolated. */
    private SamplingPlan plan(SamplingSpec sampling, int steps) {
        try {
            List<Double> sigmas = sampling.sigmas();
            return plan(new SamplingSpec(
                    sampling.sampler(),
                    sampling.schedule(),
                    steps,
                    sampling.guidanceScale(),
                    sigmas.isEmpty() ? sigmas : SamplingPlan.resampled(sigmas, steps)));
        } catch (IllegalArgumentException e) {
            throw new InvalidFieldException(
                    "steps", String.valueOf(e.getMessage()).replaceFirst("^.*?steps: ", ""));
        }
    }

    @Override
    public MemoryNeeds memoryNeeds(int width, int height) {
        Sizes sizes = new Sizes(
                latentSide("height", height),
                latentSide("width", width),
                text.tokens(),
                unet.weights().type().bytes());
        return MemoryNeeds.of(unet.config(), sizes, attentionStride, vae, text.bytes(), vaeBytes());
    }

    // ---- for sessions ----

    ModelCard card() {
        return checkpoint.card();
    }

    Family family() {
        return checkpoint.family();
    }

    UNet unet() {
        return unet;
    }

    @Nullable
    Autoencoder vae() {
        return vae;
    }

    NoiseSchedule schedule() {
        return schedule;
    }

    int attentionStride() {
        return attentionStride;
    }

    ModelMemory memory() {
        return memory;
    }

    /** Runs with the weights kept on the device until it returns. */
    <T> T compute(Supplier<T> work) {
        computing.lock();
        try {
            return work.get();
        } finally {
            lastUsed = System.nanoTime();
            computing.unlock();
        }
    }

    /**
     * @param bytes beside what is loaded
     * @param spare frees what the computation can do without
     * @throws OutOfDeviceMemoryException when there is no room
     */
    void requireRoom(long bytes, String what, Runnable spare) {
        memory.require(this, bytes, what, spare);
    }

    void unloadUNet() {
        if (unet.weights().unload() > 0) {
            unloads++;
        }
    }

    void unloadText() {
        text.unload();
    }

    void unloadVae() {
        if (vae != null) {
            vae.weights().unload();
        }
    }

    /** Of the VAE's weights; 0 where there is none. */
    long vaeBytes() {
        return vae == null ? 0 : vae.weights().bytes();
    }

    /** How often the UNet's weights left the device: what fitted beside them before may not fit now. */
    int unloads() {
        return unloads;
    }

    // ---- memory ----

    @Override
    public String name() {
        return info.id();
    }

    @Override
    public long loadedBytes() {
        return unet.weights().loadedBytes()
                + text.loadedBytes()
                + (vae == null ? 0 : vae.weights().loadedBytes());
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
            long bytes = loadedBytes();
            unloadUNet();
            text.unload();
            unloadVae();
            return bytes;
        } finally {
            computing.unlock();
        }
    }

    boolean loaded() {
        return loadedBytes() > 0;
    }

    @Override
    public void close() {
        memory.remove(this);
        unet.close();
        if (vae != null) {
            vae.close();
        }
        text.close();
    }
}
