package dev.prenoise.backbone.checkpoint;

import dev.prenoise.backbone.checkpoint.Contents.Text;
import dev.prenoise.backbone.checkpoint.Contents.Vae;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.vae.Autoencoder;
import dev.prenoise.backbone.vae.VaeConfig;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.SafetensorsException;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.WeightSource;
import dev.prenoise.tensor.Weights;
import dev.prenoise.text.ClipTextEncoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A model of the Stable Diffusion family as it lies on disk, in any of the ways that hosts keep them: one safetensors file with
 * LDM's names; a file with a UNet alone, under LDM's or diffusers' names; a folder in diffusers' layout.
 *
 * <p>Nothing about it is taken on trust or on a name: its family and the shape of its networks are told from the tensors that are there, and
 * every tensor that the networks ask for has been found, with the shape that they expect, when {@link #open} returns. Two things are not in
 * a single file: how many attention heads its levels have, for which the family's rule is taken ({@link ModelCard} tells how to say
 * otherwise), and, mostly, what the network predicts ({@link #prediction}).
 *
 * <p>Immutable and thread-safe. Files are mapped when weights are read, and must not be changed meanwhile.
 */
public final class Checkpoint {
    private static final List<String> PICKLES = List.of(".ckpt", ".pt", ".pth", ".bin", ".pkl");

    private final Contents contents;

    private Checkpoint(Contents contents) {
        this.contents = contents;
    }

    /**
     * Reads headers and configs; no weights but one norm's.
     *
     * @throws CheckpointException when it is no such model, is broken or cut short, or is a relative that is not supported; names the file
     *     and the reason
     */
    public static Checkpoint open(Path fileOrFolder) {
        Path path = fileOrFolder.toAbsolutePath().normalize();
        if (PICKLES.stream().anyMatch(path.toString().toLowerCase(Locale.ROOT)::endsWith) && !Files.isDirectory(path)) {
            throw pickle(path);
        }
        if (!Files.exists(path)) {
            throw new CheckpointException(path, "missing (expected: a .safetensors file or a model folder)");
        }
        if (!Files.isDirectory(path) && !Files.isRegularFile(path)) {
            // a pipe would never end
            throw new CheckpointException(path, "no file (expected: a .safetensors file or a model folder)");
        }
        try {
            Checkpoint checkpoint = new Checkpoint(Files.isDirectory(path) ? Folder.read(path) : SingleFile.read(path));
            checkpoint.requireWhole();
            return checkpoint;
        } catch (SafetensorsException | IllegalArgumentException e) {
            throw new CheckpointException(path, e);
        }
    }

    static CheckpointException pickle(Path file) {
        return new CheckpointException(
                file,
                "a pickle, and a pickle can run any program when it is opened (expected: the same model as .safetensors;"
                        + " convert it once in a program that you trust with it)");
    }

    /** Builds every network, which checks each tensor's name and shape and loads none. */
    private void requireWhole() {
        contents.unet().weights().require(source -> new UNet(unetConfig(), unloaded(source)));
        Vae vae = contents.vae();
        if (vae != null) {
            vae.weights().require(source -> new Autoencoder(vae.config(), unloaded(source)));
        }
        for (Text text : contents.text()) {
            text.weights().require(source -> new ClipTextEncoder(text.tower().config(), unloaded(source)));
        }
    }

    private static Weights unloaded(WeightSource source) {
        return Weights.of(source, Compute.cpu(), DType.FLOAT32);
    }

    /** Of the file or folder, absolute. */
    public Path path() {
        return contents.path();
    }

    /** Every weight file, in an order that does not change. */
    public List<Path> files() {
        return contents.files().stream().map(SafetensorsFile::path).toList();
    }

    /**
     * Of all weight files together.
     *
     * @throws CheckpointException when one is there no longer
     */
    public long bytes() {
        try {
            long bytes = 0;
            for (Path file : files()) {
                bytes += Files.size(file);
            }
            return bytes;
        } catch (IOException e) {
            throw new CheckpointException(path(), "cannot be read: " + e);
        }
    }

    public Family family() {
        return contents.family();
    }

    /** Side in pixels of the pictures that the model was trained on. */
    public int nativeSize() {
        return contents.nativeSize();
    }

    public UNetConfig unetConfig() {
        return contents.unet().config();
    }

    /** Null where the checkpoint has no VAE. */
    public @Nullable VaeConfig vaeConfig() {
        return contents.vae() == null ? null : contents.vae().config();
    }

    /** In the order in which their outputs stand side by side; empty where the checkpoint has none. */
    public List<TextTower> textTowers() {
        return contents.text().stream().map(Text::tower).toList();
    }

    /**
     * What the network predicts: "eps" or "v". As the model's card says, or the YAML file beside it, the header, a key {@code v_pred} in SDXL,
     * the scheduler's config in a folder; of a Stable Diffusion 2 that says nothing by ComfyUI's guess from one norm.
     */
    public String prediction() {
        return contents.target().prediction();
    }

    /** Whether the last step's signal was scaled to nothing in training (Lin et al. 2023). */
    public boolean zeroTerminalSnr() {
        return contents.target().zeroTerminalSnr();
    }

    /** A diffusers scheduler's {@code scheduler_config.json}; null where there is none. */
    public @Nullable Path schedulerConfig() {
        return contents.schedulerConfig();
    }

    /** Null where the checkpoint brings no tokenizer, as single files never do. */
    public @Nullable Path tokenizerFolder() {
        return contents.tokenizerFolder();
    }

    public ModelCard card() {
        return contents.card();
    }

    /** Under the names of diffusers' UNet2DConditionModel. */
    public Weights unetWeights(Compute compute, DType type) {
        return Weights.of(contents.unet().weights(), compute, type);
    }

    /**
     * Under the names of diffusers' AutoencoderKL.
     *
     * @throws IllegalStateException when there is no VAE
     */
    public Weights vaeWeights(Compute compute, DType type) {
        Vae vae = contents.vae();
        if (vae == null) {
            throw new IllegalStateException("VAE: none in " + path());
        }
        return Weights.of(vae.weights(), compute, type);
    }

    /**
     * Under the names of transformers' CLIPTextModel, {@code text_model.} included, and {@code text_projection.weight} where there is one.
     *
     * @param tower index into {@link #textTowers}
     */
    public Weights textWeights(int tower, Compute compute, DType type) {
        return Weights.of(contents.text().get(tower).weights(), compute, type);
    }

    @Override
    public String toString() {
        return path() + " (" + family().title() + ")";
    }
}
