package dev.prenoise.engine;

import dev.prenoise.backbone.Conditioning;
import dev.prenoise.backbone.vae.Autoencoder;
import dev.prenoise.backbone.vae.LatentPreview;
import dev.prenoise.diffusion.Denoiser;
import dev.prenoise.diffusion.Denoisers;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What a session's pictures are made by: its prompts on the model's UNet, with guidance, and the VAE. Whoever calls has the device, the LoRAs
 * merged and room for the UNet.
 *
 * @param positive in the UNet's own type
 * @param negative null where the host sent none: nothing can be drawn with guidance then
 * @param pixels of the picture, for messages: "64 x 64"
 */
record Drawing(
        DiffusionModel model,
        Conditioning positive,
        @Nullable Conditioning negative,
        double guidanceScale,
        MemoryNeeds needs,
        String pixels) {
    private static final int LATENT_CHANNELS = 4;

    Compute compute() {
        return positive.compute();
    }

    boolean guided() {
        return guidanceScale != 1;
    }

    /**
     * @throws InvalidFieldException when this prompt cannot be drawn: it came with its own conditioning and without a negative one
     */
    void requirePossible() {
        if (guided() && negative == null) {
            throw new InvalidFieldException(
                    "prompt.conditioning.negative_embeddings",
                    "none (expected: embeddings of the negative prompt, which a picture with guidance needs; with sampling.guidance_scale 1"
                            + " it does not)");
        }
    }

    /** Network calls that a denoiser call takes: two where prompts of different length cannot share one. */
    int networkCalls() {
        return guided() && !together() ? 2 : 1;
    }

    /** Rows that the network computes for each noise in a denoiser call. */
    int rows() {
        return guided() ? 2 : 1;
    }

    private boolean together() {
        return negative != null
                && negative.context().size(1) == positive.context().size(1);
    }

    /**
     * With guidance where the session has it. Made for one batch, in the scope in which that is computed.
     *
     * @param batch noises that every call is given
     */
    Denoiser denoiser(int batch) {
        Denoisers.Network plain = (input, timestep) -> model.unet()
                .predict(input.like(positive.context()), timestep, positive)
                .like(input);
        Denoisers.Network network = guided() && negative != null ? guided(batch, negative) : plain;
        return Denoisers.of(model.schedule().prediction(), network);
    }

    private Denoisers.Network guided(int batch, Conditioning without) {
        boolean together = together();
        Conditioning both = together ? pair(batch, without, positive) : positive;
        Denoisers.Network network = (input, timestep) -> {
            Tensor cast = input.like(positive.context());
            Tensor predicted = together
                    ? model.unet().predict(cast, timestep, both)
                    : Tensor.cat(
                            0,
                            model.unet().predict(cast.narrow(0, 0, batch), timestep, without),
                            model.unet().predict(cast.narrow(0, batch, batch), timestep, positive));
            return predicted.like(input);
        };
        return Denoisers.guided(network, guidanceScale);
    }

    private static Conditioning pair(int batch, Conditioning without, Conditioning with) {
        return new Conditioning(
                pair(batch, without.context(), with.context()),
                without.pooled() == null || with.pooled() == null ? null : pair(batch, without.pooled(), with.pooled()),
                with.timeIds());
    }

    private static Tensor pair(int batch, Tensor without, Tensor with) {
        long[] shape = with.shape();
        shape[0] = batch;
        return Tensor.cat(0, without.expand(shape), with.expand(shape));
    }

    /** Scaled latents {@code [B, C, h, w]} to pictures {@code [B, 3, H, W]} in about [-1, 1]. */
    Tensor decode(Tensor latents) {
        Autoencoder vae = model.vae();
        if (vae == null) {
            return rough(latents);
        }
        long toLoad = Math.max(0, needs.vae() - vae.weights().loadedBytes());
        model.requireRoom(toLoad + needs.decode() * latents.size(0), what("a picture's decoding"), () -> {
            model.unloadUNet();
            model.unloadText();
        });
        return vae.decodeWithin(latents, Math.max(0, model.memory().reclaimed() - toLoad));
    }

    /**
     * Back through {@link #decode} and {@link Pictures#unit}. The picture goes through the VAE whole.
     *
     * @param latents {@code [1, C, h, w]}
     * @param ofUnit the gradient with respect to the picture in [0, 1], {@code [1, 3, H, W]}
     * @return the gradient with respect to the latents
     */
    Tensor decodeBack(Tensor latents, Tensor ofUnit) {
        Autoencoder vae = model.vae();
        if (vae != null) {
            long toLoad = Math.max(0, needs.vae() - vae.weights().loadedBytes());
            model.requireRoom(toLoad + needs.decodeGradient(), what("the gradient of a picture's decoding"), () -> {
                model.unloadUNet();
                model.unloadText();
            });
        }
        try (GradMode on = GradMode.on();
                Scope scope = new Scope()) {
            Tensor leaf = latents.requireGradient();
            Tensor images = vae == null ? rough(leaf) : vae.decode(leaf, 0);
            Pictures.unit(images).mul(ofUnit).sum().backward();
            return scope.keep(leaf.gradient());
        }
    }

    /** As a file without a VAE allows. */
    private Tensor rough(Tensor latents) {
        LatentPreview preview = LatentPreview.of(model.family().id());
        if (preview == null || latents.size(1) != LATENT_CHANNELS) {
            throw new ModelException(model.name() + ": no VAE in its files (expected: one, to draw pictures)");
        }
        return preview.pictures(latents, model.sizeStep());
    }

    /** For messages. */
    String what(String work) {
        return model.name() + ": " + work + " at " + pixels + " pixels";
    }
}
