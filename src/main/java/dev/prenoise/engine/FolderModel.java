package dev.prenoise.engine;

import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.vae.Autoencoder;
import dev.prenoise.backbone.vae.VaeConfig;
import dev.prenoise.diffusion.NoiseSchedule;
import dev.prenoise.diffusion.Samplers;
import dev.prenoise.diffusion.SamplingPlan;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.SafetensorsException;
import dev.prenoise.tensor.Weights;
import dev.prenoise.text.ClipTextConfig;
import dev.prenoise.text.ClipTextEncoder;
import dev.prenoise.text.SubjectFinder;
import dev.prenoise.text.SubjectResolver;
import dev.prenoise.text.Tokenizer;
import dev.prenoise.text.TokenizerException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A folder in diffusers' layout: tokenizer, text encoder, UNet, VAE, scheduler. Weights load when they are first used. */
final class FolderModel implements Model, AutoCloseable {
    private static final int MAX_SIZE = 2048;
    private static final SubjectResolver SUBJECTS = new SubjectResolver(new SubjectFinder());

    private final BackboneInfo info;
    private final ModelCard card;
    private final Tokenizer tokenizer;
    private final ClipTextEncoder textEncoder;
    private final UNet unet;
    private final Autoencoder vae;
    private final NoiseSchedule schedule;

    private FolderModel(
            BackboneInfo info,
            ModelCard card,
            Tokenizer tokenizer,
            ClipTextEncoder textEncoder,
            UNet unet,
            Autoencoder vae,
            NoiseSchedule schedule) {
        this.info = info;
        this.card = card;
        this.tokenizer = tokenizer;
        this.textEncoder = textEncoder;
        this.unet = unet;
        this.vae = vae;
        this.schedule = schedule;
    }

    /**
     * Reads configs and headers, no weights.
     *
     * @throws ModelException when a file is missing, broken, or does not fit the others; names it
     */
    static FolderModel open(BackboneInfo info, Path folder, Compute compute) {
        try {
            return new FolderModel(
                    info,
                    ModelCard.read(folder),
                    Tokenizer.load(folder.resolve("tokenizer")),
                    new ClipTextEncoder(
                            ClipTextConfig.read(folder.resolve("text_encoder/config.json")),
                            weights(folder.resolve("text_encoder"), "model", compute)),
                    new UNet(
                            UNetConfig.read(folder.resolve("unet/config.json")),
                            weights(folder.resolve("unet"), "diffusion_pytorch_model", compute)),
                    new Autoencoder(
                            VaeConfig.read(folder.resolve("vae/config.json")),
                            weights(folder.resolve("vae"), "diffusion_pytorch_model", compute)),
                    NoiseSchedule.read(folder.resolve("scheduler/scheduler_config.json")));
        } catch (SafetensorsException | TokenizerException | IllegalArgumentException e) {
            throw new ModelException(String.valueOf(e.getMessage()), e);
        }
    }

    private static Weights weights(Path folder, String stem, Compute compute) {
        Path full = folder.resolve(stem + ".safetensors");
        Path half = folder.resolve(stem + ".fp16.safetensors");
        return Weights.open(!Files.exists(full) && Files.exists(half) ? half : full, compute, DType.FLOAT32);
    }

    @Override
    public BackboneInfo info() {
        return info;
    }

    @Override
    public int maxSize() {
        return MAX_SIZE;
    }

    @Override
    public int sizeStep() {
        return vae.config().factor();
    }

    @Override
    public PromptSession prepare(PromptSpec prompt, SamplingSpec sampling, int width, int height) {
        int rows = latentSide("height", height);
        int columns = latentSide("width", width);
        SamplingPlan plan = plan(sampling);
        double guidance = sampling.guidanceScale() == 0 ? card.guidanceScale() : sampling.guidanceScale();
        EncodedPrompt encoded = EncodedPrompt.of(prompt, tokenizer, SUBJECTS, textEncoder);
        return new FolderSession(this, encoded, plan, guidance, rows, columns);
    }

    private int latentSide(String field, int pixels) {
        int side = pixels == 0 ? info.nativeSize() : pixels;
        if (side < 2 * sizeStep() || side > MAX_SIZE || side % sizeStep() != 0) {
            throw new InvalidFieldException(
                    field,
                    side + " (expected: a multiple of " + sizeStep() + " from " + 2 * sizeStep() + " to " + MAX_SIZE
                            + ")");
        }
        return side / sizeStep();
    }

    private SamplingPlan plan(SamplingSpec sampling) {
        String sampler = sampling.sampler().isEmpty() ? Samplers.names().get(0) : sampling.sampler();
        int steps = sampling.steps() == 0 ? card.steps() : sampling.steps();
        try {
            return SamplingPlan.of(schedule, sampler, sampling.schedule(), steps, sampling.sigmas());
        } catch (IllegalArgumentException e) {
            throw InvalidFieldException.under("sampling", e);
        }
    }

    ModelCard card() {
        return card;
    }

    UNet unet() {
        return unet;
    }

    Autoencoder vae() {
        return vae;
    }

    NoiseSchedule schedule() {
        return schedule;
    }

    /** Frees the weights; they load again when they are next read. Returns the bytes freed. */
    long unload() {
        return textEncoder.weights().unload()
                + unet.weights().unload()
                + vae.weights().unload();
    }

    boolean loaded() {
        return List.of(textEncoder.weights(), unet.weights(), vae.weights()).stream()
                .anyMatch(weights -> weights.loadedBytes() > 0);
    }

    @Override
    public void close() {
        unload();
        tokenizer.close();
    }
}
