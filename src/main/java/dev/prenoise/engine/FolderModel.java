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

    /** Self-attention maps take the fourth power of this: 67 MB for each noise and head. */
    private static final int MAX_GRID = 64;

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
            ModelCard card = ModelCard.read(folder);
            ClipTextEncoder textEncoder = new ClipTextEncoder(
                    ClipTextConfig.read(folder.resolve("text_encoder/config.json")),
                    weights(folder.resolve("text_encoder"), "model", compute));
            UNet unet = new UNet(
                    UNetConfig.read(folder.resolve("unet/config.json")),
                    weights(folder.resolve("unet"), "diffusion_pytorch_model", compute));
            Autoencoder vae = new Autoencoder(
                    VaeConfig.read(folder.resolve("vae/config.json")),
                    weights(folder.resolve("vae"), "diffusion_pytorch_model", compute));
            NoiseSchedule schedule = NoiseSchedule.read(folder.resolve("scheduler/scheduler_config.json"));
            requireFit(folder, card, textEncoder.config(), unet, vae.config());
            // last, because it holds native memory that a failure after it would leave behind
            Tokenizer tokenizer = Tokenizer.load(folder.resolve("tokenizer"));
            return new FolderModel(info, card, tokenizer, textEncoder, unet, vae, schedule);
        } catch (SafetensorsException | TokenizerException | IllegalArgumentException e) {
            throw new ModelException(String.valueOf(e.getMessage()), e);
        }
    }

    private static void requireFit(Path folder, ModelCard card, ClipTextConfig text, UNet unet, VaeConfig vae) {
        Path file = folder.resolve("unet/config.json");
        require(file, "cross_attention_dim", unet.config().contextWidth(), text.width(), "the text encoder's width");
        require(file, "in_channels", unet.config().inChannels(), vae.latentChannels(), "the VAE's latent channels");
        require(file, "out_channels", unet.config().outChannels(), vae.latentChannels(), "the VAE's latent channels");
        int side = MAX_GRID * card.attentionStride();
        if (unet.sites(side, side).stream().noneMatch(site -> site.rows() == MAX_GRID)) {
            throw new IllegalArgumentException(folder.resolve(ModelCard.FILE) + ": attention_stride: "
                    + card.attentionStride() + " (expected: that of a level at which the UNet attends)");
        }
    }

    private static void require(Path file, String key, int value, int expected, String whose) {
        if (value != expected) {
            throw new IllegalArgumentException(
                    file + ": " + key + ": " + value + " (expected: " + expected + ", " + whose + ")");
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
        return Math.min(MAX_SIZE, MAX_GRID * card.attentionStride() * sizeStep());
    }

    @Override
    public int sizeStep() {
        return vae.config().factor();
    }

    @Override
    public PromptSession prepare(
            PromptSpec prompt, SamplingSpec sampling, List<LoraSpec> loras, int width, int height) {
        if (!loras.isEmpty()) {
            throw new InvalidFieldException("lora", loras.size() + " (expected: none: this model takes no LoRA yet)");
        }
        if (prompt.conditioning() != null) {
            throw new InvalidFieldException(
                    "prompt.conditioning", "given (expected: none: this model takes no conditioning yet)");
        }
        int rows = latentSide("height", height);
        int columns = latentSide("width", width);
        SamplingPlan plan = plan(sampling);
        double guidance = sampling.guidanceScale() == 0 ? card.guidanceScale() : sampling.guidanceScale();
        EncodedPrompt encoded = EncodedPrompt.of(prompt, tokenizer, SUBJECTS, textEncoder);
        return new FolderSession(this, encoded, plan, guidance, rows, columns);
    }

    private int latentSide(String field, int pixels) {
        int side = pixels == 0 ? info.nativeSize() : pixels;
        // smaller ones have an attention grid that cannot be smoothed
        int least = 2 * card.attentionStride() * sizeStep();
        if (side < least || side > maxSize() || side % sizeStep() != 0) {
            throw new InvalidFieldException(
                    field,
                    side + " (expected: a multiple of " + sizeStep() + " from " + least + " to " + maxSize() + ")");
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
