package dev.prenoise.training;

import dev.prenoise.backbone.vae.Autoencoder;
import dev.prenoise.shapes.Look;
import dev.prenoise.shapes.Renderer;
import dev.prenoise.shapes.Scene;
import dev.prenoise.shapes.SceneSampler;
import dev.prenoise.shapes.World;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.SafetensorsWriter;
import dev.prenoise.tensor.SafetensorsWriter.Content;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntConsumer;

/**
 * Scenes by rule and what the autoencoder makes of their drawings, kept in a file: encoding a picture takes longer than learning from it. A
 * function of the seed, the number of scenes and the autoencoder.
 */
final class LatentPool implements AutoCloseable {
    private static final int BATCH = 32;
    private static final int PIXELS = 3 * World.SIZE * World.SIZE;

    private final List<Scene> scenes;
    private final Tensor means;
    private final Tensor deviations;
    private final long[] latentShape;

    private LatentPool(List<Scene> scenes, Tensor means, Tensor deviations, long[] latentShape) {
        this.scenes = scenes;
        this.means = means;
        this.deviations = deviations;
        this.latentShape = latentShape;
    }

    /**
     * What the file holds, or what is made now and written to it when it holds another seed's, number's or autoencoder's.
     *
     * @param weights tells one autoencoder from another
     * @param size scenes
     * @param progress is told the scenes encoded; not called when the file is used
     * @throws IOException when the file cannot be written
     */
    static LatentPool open(
            Path file, Autoencoder autoencoder, String weights, int size, long seed, IntConsumer progress)
            throws IOException {
        Map<String, String> key =
                Map.of("autoencoder", weights, "scenes", String.valueOf(size), "seed", String.valueOf(seed));
        if (!Files.exists(file) || !SafetensorsFile.open(file).metadata().equals(key)) {
            encode(file, autoencoder, size, seed, key, progress);
        }
        List<Scene> scenes = new ArrayList<>(size);
        for (int i = 0; i < size; i++) {
            scenes.add(scene(seed, i));
        }
        SafetensorsFile stored = SafetensorsFile.open(file);
        List<Long> shape = stored.entry("mean").shape();
        return new LatentPool(scenes, load(stored, "mean"), load(stored, "deviation"), new long[] {
            -1, shape.get(1), shape.get(2), shape.get(3)
        });
    }

    /** One row for each scene. */
    private static Tensor load(SafetensorsFile file, String name) {
        try (Scope scope = new Scope();
                Tensor loaded = file.load(name, Compute.cpu(), DType.FLOAT32)) {
            return Scope.release(loaded.reshape(loaded.size(0), -1).copy());
        }
    }

    private static Scene scene(long seed, int index) {
        return SceneSampler.sample(seed, 0, index);
    }

    private static void encode(
            Path file, Autoencoder autoencoder, int size, long seed, Map<String, String> key, IntConsumer progress)
            throws IOException {
        Map<String, Content> contents = new TreeMap<>();
        List<Tensor> means = new ArrayList<>();
        List<Tensor> deviations = new ArrayList<>();
        try (GradMode off = GradMode.off();
                Scope scope = new Scope()) {
            for (int from = 0; from < size; from += BATCH) {
                int count = Math.min(BATCH, size - from);
                float[] pixels = new float[count * PIXELS];
                for (int i = 0; i < count; i++) {
                    Scene scene = scene(seed, from + i);
                    float[] drawn = Renderer.render(
                                    scene,
                                    Look.sample(
                                            seed, 0, from + i, scene.objects().size()))
                            .values();
                    System.arraycopy(drawn, 0, pixels, i * PIXELS, PIXELS);
                }
                try (Scope batch = new Scope()) {
                    Autoencoder.Posterior posterior =
                            autoencoder.posterior(Tensor.of(Compute.cpu(), pixels, count, 3, World.SIZE, World.SIZE));
                    means.add(batch.keep(posterior.mean().to(DType.FLOAT16)));
                    deviations.add(batch.keep(posterior.deviation().to(DType.FLOAT16)));
                }
                progress.accept(from + count);
            }
            contents.put("mean", Content.of(Tensor.cat(0, means)));
            contents.put("deviation", Content.of(Tensor.cat(0, deviations)));
        }
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        Files.write(fresh, SafetensorsWriter.write(contents, key));
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    int size() {
        return scenes.size();
    }

    Scene scene(int index) {
        return scenes.get(index);
    }

    /**
     * Latents as the autoencoder would draw them.
     *
     * @param indices of scenes
     * @param noise standard normal, {@code [B, C, H, W]}
     * @return the same shape
     */
    Tensor latents(long[] indices, Tensor noise) {
        return Scope.of(() -> {
            Tensor rows = Tensor.of(Compute.cpu(), indices, indices.length);
            return rows.embedding(means)
                    .reshape(latentShape)
                    .add(rows.embedding(deviations).reshape(latentShape).mul(noise));
        });
    }

    /** Of one scene, {@code [C, H, W]}. */
    long[] latentShape() {
        return new long[] {latentShape[1], latentShape[2], latentShape[3]};
    }

    @Override
    public void close() {
        means.close();
        deviations.close();
    }
}
