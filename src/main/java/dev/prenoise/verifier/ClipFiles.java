package dev.prenoise.verifier;

import dev.prenoise.image.CropRule;
import dev.prenoise.image.Filter;
import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.SafetensorsIndex;
import dev.prenoise.tensor.StoredTensors;
import dev.prenoise.tensor.WeightSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the files of a published CLIP say, in transformers' layout or in OpenCLIP's.
 *
 * @param source its tensors under transformers' names
 * @param preprocessing as the library did whose layout it is
 */
record ClipFiles(ClipConfig config, WeightSource source, Preprocessing preprocessing) {
    private static final String CONFIG = "config.json";
    private static final String PREPROCESSOR = "preprocessor_config.json";
    private static final String OPEN_CLIP_CONFIG = "open_clip_config.json";

    /**
     * Reads headers and configs, no weights.
     *
     * @param weights a safetensors file, or the index of several
     * @param published what it is, which a file in OpenCLIP's layout does not say in full
     * @throws VerifierException when pictures are not prepared as this can, or for another size than the network's
     * @throws dev.prenoise.tensor.SafetensorsException when the files are none of a CLIP
     * @throws IllegalArgumentException when a config is missing or cannot be used; names it
     */
    static ClipFiles read(Path weights, PublishedClip published) {
        List<Path> paths = weights.toString().endsWith(".json") ? SafetensorsIndex.files(weights) : List.of(weights);
        List<SafetensorsFile> files = paths.stream().map(SafetensorsFile::open).toList();
        StoredTensors tensors = new StoredTensors(files, name -> name);
        if (ClipLayout.isOpenClip(tensors)) {
            Path file = weights.resolveSibling(OPEN_CLIP_CONFIG);
            ConfigFile json = Files.exists(file) ? ConfigFile.read(file) : null;
            ClipConfig config = ClipLayout.config(tensors, json, published.quickGelu());
            return new ClipFiles(
                    config,
                    ClipLayout.weights(tensors),
                    openClip(config.vision().imageSize(), json, published));
        }
        ClipConfig config = ClipConfig.read(weights.resolveSibling(CONFIG));
        int side = config.vision().imageSize();
        Path file = weights.resolveSibling(PREPROCESSOR);
        Preprocessing preprocessing =
                Files.exists(file) ? Preprocessing.read(file) : Preprocessing.clip(side, CropRule.TRANSFORMERS);
        requireSide(file, preprocessing, side);
        return new ClipFiles(config, WeightSource.of(files), preprocessing);
    }

    /** OpenCLIP's {@code image_transform}: torchvision on Pillow's pictures. */
    private static Preprocessing openClip(int side, @Nullable ConfigFile json, PublishedClip published) {
        Preprocessing usual = Preprocessing.clip(side, CropRule.TORCHVISION);
        if (published == PublishedClip.HPS) {
            // its image_transform makes numbers of the bytes first and resizes these
            Preprocessing.Resize resize = new Preprocessing.ShorterSideOfNumbers(side);
            return new Preprocessing(resize, usual.crop(), usual.mean(), usual.std());
        }
        if (json == null) {
            return usual;
        }
        ConfigFile said = json.under("preprocess_cfg");
        if (!said.text("interpolation", "bicubic").equals("bicubic")) {
            throw said.wrong("interpolation", "bicubic");
        }
        if (!said.text("resize_mode", "shortest").equals("shortest")) {
            throw said.wrong("resize_mode", "shortest");
        }
        return new Preprocessing(
                new Preprocessing.ShorterSide(side, Filter.BICUBIC),
                usual.crop(),
                said.has("mean") ? said.numbers("mean") : usual.mean(),
                said.has("std") ? said.numbers("std") : usual.std());
    }

    private static void requireSide(Path file, Preprocessing preprocessing, int side) {
        Preprocessing.Crop crop = preprocessing.crop();
        boolean fits = crop == null
                ? preprocessing.resize() instanceof Preprocessing.Exact exact
                        && exact.width() == side
                        && exact.height() == side
                : crop.width() == side && crop.height() == side;
        if (!fits) {
            throw new VerifierException(
                    file + ": resize " + preprocessing.resize() + ", crop " + crop + " (expected: pictures of " + side
                            + " x " + side + ", which config.json says that the network reads)");
        }
    }
}
