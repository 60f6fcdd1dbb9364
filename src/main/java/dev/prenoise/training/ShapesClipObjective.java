package dev.prenoise.training;

import dev.prenoise.backbone.vae.Autoencoder;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.Seeds;
import dev.prenoise.shapes.Lesson;
import dev.prenoise.shapes.Lessons;
import dev.prenoise.shapes.Quality;
import dev.prenoise.shapes.SceneObject;
import dev.prenoise.shapes.Shape;
import dev.prenoise.shapes.ShapesImage;
import dev.prenoise.shapes.World;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Parameters;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import dev.prenoise.text.Tokenizer;
import dev.prenoise.verifier.ClipModel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What the built-in world's CLIP learns: pictures by rule and their captions. An eighth of each batch comes from a small stock that is made
 * once and comes again and again: its pictures went through the built-in autoencoder and back with a little noise on the latents, every other
 * one, and their quality was measured by {@link Quality}. Both take longer than learning from a picture does.
 */
final class ShapesClipObjective implements Objective {
    /** Tokens of the longest caption, three objects with their colours. */
    private static final int LENGTH = 13;

    private static final int PIXELS = 3 * World.SIZE * World.SIZE;
    private static final double LARGEST_SCALE = 100;
    private static final double PRESENCE_WEIGHT = 0.5;
    /**
     * What the quality's error weighs until a step, and of which share of a batch it is known. The quality would be in the way before captions
     * are mostly understood; then the embedding has to be led to tell it.
     */
    private record Phase(int until, double qualityWeight, int oneIn) {}

    private static final List<Phase> PHASES =
            List.of(new Phase(3000, 0.05, 8), new Phase(4000, 0.5, 4), new Phase(Integer.MAX_VALUE, 3, 4));

    /** Pictures whose quality is measured. */
    private static final int STOCK = 8192;

    private static final double LARGEST_LATENT_NOISE = 0.25;

    /** No step has this number. */
    private static final int STOCK_ROUND = -1;

    private final ClipModel model;
    private final Tokenizer tokenizer;
    private final Autoencoder autoencoder;
    private final Compute compute;
    private final int batch;
    private final long seed;
    private final Weight presence;
    private final Weight presenceBias;
    private final Weight aesthetic;
    private final Weight aestheticBias;

    private final Map<Integer, Stocked> stock = new HashMap<>();

    /** A lesson and its picture's quality. */
    private record Stocked(Lesson lesson, double quality) {}

    /**
     * @param model over the parameters
     * @param batch pictures of a step, a multiple of 8
     */
    ShapesClipObjective(
            ClipModel model,
            Parameters parameters,
            Tokenizer tokenizer,
            Autoencoder autoencoder,
            int batch,
            long seed) {
        if (batch < 8 || batch % 8 != 0) {
            throw new IllegalArgumentException("batch: " + batch + " (expected: a positive multiple of 8)");
        }
        this.model = model;
        this.tokenizer = tokenizer;
        this.autoencoder = autoencoder;
        this.compute = parameters.weights().compute();
        this.batch = batch;
        this.seed = seed;
        int width = model.config().projection();
        presence =
                parameters.weights().get(ShapesClip.PRESENCE + ".weight", ShapesClip.THINGS * ShapesClip.COUNTS, width);
        presenceBias = parameters.weights().get(ShapesClip.PRESENCE + ".bias", ShapesClip.THINGS * ShapesClip.COUNTS);
        aesthetic = parameters.weights().get(ShapesClip.AESTHETIC + ".weight", 1, width);
        aestheticBias = parameters.weights().get(ShapesClip.AESTHETIC + ".bias", 1);
    }

    @Override
    public List<String> parts() {
        return List.of("contrastive", "presence", "quality");
    }

    @Override
    public Loss loss(int step) {
        List<Lesson> lessons = new ArrayList<>();
        Phase phase =
                PHASES.stream().filter(each -> step < each.until()).findFirst().orElseThrow();
        double[] measured = new double[batch / phase.oneIn()];
        for (int i = 0; i < measured.length; i++) {
            Stocked stocked = stocked(Math.floorMod((long) step * measured.length + i, STOCK));
            lessons.add(stocked.lesson());
            measured[i] = stocked.quality();
        }
        for (int i = measured.length; i < batch; i++) {
            lessons.add(Lessons.lesson(seed, step, i));
        }
        Tensor embeddings = model.imageEmbeddings(pixels(lessons));
        Tensor images = embeddings.normalized();
        Tensor captions = model.textEmbeddings(ids(lessons)).normalized();
        Tensor contrastive = new ContrastiveLoss(compute, Lesson.truths(lessons), Lessons.WRONG)
                .of(
                        images,
                        captions.narrow(0, 0, batch),
                        captions.narrow(0, batch, (long) batch * Lessons.WRONG)
                                .reshape(batch, Lessons.WRONG, captions.size(1)),
                        model.logitScale().exp().clamp(0, LARGEST_SCALE));
        Tensor present = presence(embeddings, lessons);
        Tensor quality = quality(images, measured);
        Tensor total = contrastive.add(present.mul(PRESENCE_WEIGHT)).add(quality.mul(phase.qualityWeight()));
        return new Loss(total, List.of(contrastive, present, quality));
    }

    // ---- pictures ----

    /** Made when first asked for; a function of the seed and the index. */
    private Stocked stocked(int index) {
        return stock.computeIfAbsent(index, i -> {
            Lesson lesson = Lessons.lesson(seed, STOCK_ROUND, i);
            ShapesImage image = i % 2 == 0 ? throughAutoencoder(lesson.image(), i) : lesson.image();
            return new Stocked(new Lesson(image, lesson.caption(), lesson.wrong(), lesson.shown()), Quality.of(image));
        });
    }

    private ShapesImage throughAutoencoder(ShapesImage image, int index) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            Tensor latents = autoencoder.encode(Tensor.of(compute, image.values(), 1, 3, World.SIZE, World.SIZE), 0);
            Tensor noise = Tensor.of(
                    compute,
                    NoiseGenerator.generate(NoiseSource.TORCH_CPU, Seeds.derive(seed, 1, index), latents.shape())
                            .data(),
                    latents.shape());
            double spread = LARGEST_LATENT_NOISE * (index % 16) / 15;
            return new ShapesImage(autoencoder
                    .decode(latents.add(noise.mul(spread)), 0)
                    .clamp(-1, 1)
                    .toFloats());
        }
    }

    private Tensor pixels(List<Lesson> lessons) {
        float[] pixels = new float[batch * PIXELS];
        for (int i = 0; i < batch; i++) {
            System.arraycopy(lessons.get(i).image().values(), 0, pixels, i * PIXELS, PIXELS);
        }
        return Tensor.of(compute, pixels, batch, 3, World.SIZE, World.SIZE);
    }

    // ---- captions ----

    /** Right captions first, then each picture's wrong ones. */
    private long[][] ids(List<Lesson> lessons) {
        return Stream.concat(
                        lessons.stream().map(Lesson::caption),
                        lessons.stream().flatMap(lesson -> lesson.wrong().stream()))
                .map(caption ->
                        tokenizer.encode(caption, LENGTH, tokenizer.padId()).idArray())
                .toArray(long[][]::new);
    }

    // ---- heads ----

    private Tensor presence(Tensor embeddings, List<Lesson> lessons) {
        float[] target = new float[batch * ShapesClip.THINGS * ShapesClip.COUNTS];
        for (int i = 0; i < batch; i++) {
            int[] counts = new int[ShapesClip.THINGS];
            for (SceneObject object : lessons.get(i).shown()) {
                counts[
                        object.colour().ordinal() * Shape.values().length
                                + object.shape().ordinal()]++;
            }
            for (int thing = 0; thing < ShapesClip.THINGS; thing++) {
                int count = Math.min(ShapesClip.COUNTS - 1, counts[thing]);
                target[(i * ShapesClip.THINGS + thing) * ShapesClip.COUNTS + count] = 1;
            }
        }
        return embeddings
                .linear(presence.get(), presenceBias.get())
                .reshape(batch, ShapesClip.THINGS, ShapesClip.COUNTS)
                .logSoftmax()
                .mul(Tensor.of(compute, target, batch, ShapesClip.THINGS, ShapesClip.COUNTS))
                .sum()
                .mul(-1.0 / batch);
    }

    /** The mean square error in points, of the first pictures. */
    private Tensor quality(Tensor images, double[] measured) {
        Tensor difference = images.narrow(0, 0, measured.length)
                .linear(aesthetic.get(), aestheticBias.get())
                .reshape(measured.length)
                .sub(Tensor.of(compute, measured, measured.length).like(images));
        return difference.mul(difference).sum().mul(1.0 / measured.length);
    }
}
