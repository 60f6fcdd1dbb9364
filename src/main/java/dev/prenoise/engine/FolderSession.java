package dev.prenoise.engine;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.TokenGroup;
import dev.prenoise.backbone.Conditioning;
import dev.prenoise.diffusion.Denoiser;
import dev.prenoise.diffusion.Denoisers;
import dev.prenoise.diffusion.Sampler;
import dev.prenoise.diffusion.Samplers;
import dev.prenoise.diffusion.SamplingPlan;
import dev.prenoise.diffusion.StepListener;
import dev.prenoise.noise.Noise;
import dev.prenoise.search.Evaluator;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** One prompt on a {@link FolderModel}. */
final class FolderSession implements PromptSession {
    private final FolderModel model;
    private final EncodedPrompt prompt;
    private final SamplingPlan plan;
    private final Sampler sampler;
    private final double guidanceScale;
    private final int rows;
    private final int columns;

    /**
     * @param rows of the latents
     * @param columns of the latents
     */
    FolderSession(
            FolderModel model, EncodedPrompt prompt, SamplingPlan plan, double guidanceScale, int rows, int columns) {
        this.model = model;
        this.prompt = prompt;
        this.plan = plan;
        this.sampler = Samplers.of(plan.sampler());
        this.guidanceScale = guidanceScale;
        this.rows = rows;
        this.columns = columns;
    }

    @Override
    public List<SubjectSpec> subjects() {
        return prompt.subjects();
    }

    @Override
    public long[] noiseShape() {
        return new long[] {1, model.unet().config().inChannels(), rows, columns};
    }

    @Override
    public Evaluator attention(AttentionLoss score, AttentionLoss optimized) {
        return new AttentionEvaluator(
                firstStep(), score, optimized, groups(), model.card().batch());
    }

    private List<TokenGroup> groups() {
        return prompt.subjects().stream()
                .map(subject -> new TokenGroup(subject.tokenIndices()))
                .toList();
    }

    private FirstStep firstStep() {
        int stride = model.card().attentionStride();
        return new FirstStep(
                model.unet(),
                prompt.positive(),
                plan.firstTimestep(),
                plan.firstInputScale(),
                (rows + stride - 1) / stride,
                (columns + stride - 1) / stride);
    }

    @Override
    public AttentionMaps maps(Noise noise) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                FirstStep.Maps maps = firstStep().maps(Noises.stack(compute(), List.of(noise)), true)) {
            return maps.toArrays(1).get(0);
        }
    }

    @Override
    public int callsPerPicture() {
        return sampler.calls(plan.steps()) * (guided() ? 2 : 1);
    }

    private boolean guided() {
        return guidanceScale != 1;
    }

    /** In batches of one fixed size, the last one filled up, so that a picture has the same bits whatever was drawn beside it. */
    @Override
    public List<Picture> draw(List<Noise> noises) {
        int batch = model.card().batch();
        List<Picture> pictures = new ArrayList<>();
        for (int start = 0; start < noises.size(); start += batch) {
            List<Noise> part = noises.subList(start, Math.min(noises.size(), start + batch));
            try (GradMode off = GradMode.off();
                    Scope scope = new Scope()) {
                Tensor latents = sampler.sample(
                        Noises.stack(compute(), Noises.filled(part, batch)), plan, denoiser(batch), StepListener.NONE);
                Tensor images = model.vae().decode(latents);
                for (int i = 0; i < part.size(); i++) {
                    pictures.add(Pictures.of(images.narrow(0, i, 1)));
                }
            }
        }
        return pictures;
    }

    private Denoiser denoiser(int batch) {
        Conditioning with = prompt.positive();
        Conditioning without = Objects.requireNonNull(prompt.negative(), "negative");
        long[] shape = with.context().shape();
        shape[0] = batch;
        Conditioning conditioning = guided()
                ? Conditioning.of(Tensor.cat(
                        0, without.context().expand(shape), with.context().expand(shape)))
                : with;
        Denoisers.Network network = (input, timestep) -> model.unet().predict(input, timestep, conditioning);
        return Denoisers.of(
                model.schedule().prediction(), guided() ? Denoisers.guided(network, guidanceScale) : network);
    }

    private Compute compute() {
        return prompt.positive().compute();
    }

    @Override
    public void close() {
        prompt.close();
    }
}
