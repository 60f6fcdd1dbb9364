package dev.prenoise.verifier;

import dev.prenoise.image.CropRule;
import dev.prenoise.image.Filter;
import dev.prenoise.tensor.ConfigFile;
import dev.prenoise.verifier.Preprocessing.Crop;
import dev.prenoise.verifier.Preprocessing.Resize;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** transformers' {@code preprocessor_config.json}: sizes as numbers in old files, as objects in newer ones. */
final class PreprocessorConfig {
    /** Processors for which one number is the shorter side; for the others it is both sides. */
    private static final List<String> SHORTER_SIDE = List.of("clip", "chineseclip", "bit", "convnext", "siglip");

    private static final List<String> SQUARE = List.of("vit", "deit", "beit", "blip");

    private final ConfigFile config;

    private PreprocessorConfig(ConfigFile config) {
        this.config = config;
    }

    static Preprocessing read(Path file) {
        return new PreprocessorConfig(ConfigFile.read(file)).preprocessing();
    }

    private Preprocessing preprocessing() {
        if (!config.flag("do_rescale", true)) {
            throw config.wrong("do_rescale", "true: bytes become numbers in [0, 1]");
        }
        // a float32's 1/255 is within 1e-10 of it
        if (Math.abs(config.number("rescale_factor", 1 / 255.0) - 1 / 255.0) > 1e-9) {
            throw config.wrong("rescale_factor", "1/255");
        }
        if (config.flag("do_pad", false)) {
            throw config.wrong("do_pad", "false");
        }
        boolean normalize = config.flag("do_normalize", true);
        return new Preprocessing(
                config.flag("do_resize", true) ? resize() : null,
                config.flag("do_center_crop", false) ? crop() : null,
                normalize ? channels("image_mean") : List.of(0.0, 0.0, 0.0),
                normalize ? channels("image_std") : List.of(1.0, 1.0, 1.0));
    }

    private Resize resize() {
        if (!config.isObject("size")) {
            int side = side(config, "size");
            return isShorterSide()
                    ? new Preprocessing.ShorterSide(side, filter())
                    : new Preprocessing.Exact(side, side, filter());
        }
        ConfigFile size = config.under("size");
        if (size.has("shortest_edge") && !size.has("longest_edge")) {
            return new Preprocessing.ShorterSide(side(size, "shortest_edge"), filter());
        }
        if (size.has("height") && size.has("width")) {
            return new Preprocessing.Exact(side(size, "width"), side(size, "height"), filter());
        }
        throw config.wrong("size", "a number, {shortest_edge} or {height, width}");
    }

    private Crop crop() {
        if (!config.isObject("crop_size")) {
            int side = side(config, "crop_size");
            return new Crop(side, side, CropRule.TRANSFORMERS);
        }
        ConfigFile size = config.under("crop_size");
        return new Crop(side(size, "width"), side(size, "height"), CropRule.TRANSFORMERS);
    }

    private static int side(ConfigFile config, String key) {
        int side = config.integer(key, 0);
        if (side < 1) {
            throw config.wrong(key, "pixels, 1 at least");
        }
        return side;
    }

    /** What one number means depends on the processor, which is named ViTFeatureExtractor, ViTImageProcessor, ViTImageProcessorFast, ... */
    private boolean isShorterSide() {
        String key = config.has("image_processor_type") ? "image_processor_type" : "feature_extractor_type";
        String type = config.text(key, "")
                .replaceFirst("(FeatureExtractor|ImageProcessor)(Fast|Pil)?$", "")
                .toLowerCase(Locale.ROOT);
        if (!SHORTER_SIDE.contains(type) && !SQUARE.contains(type)) {
            throw config.wrong(
                    key, "a processor known to take one number as \"size\": of " + SHORTER_SIDE + " or " + SQUARE);
        }
        return SHORTER_SIDE.contains(type);
    }

    private Filter filter() {
        return switch (config.integer("resample", -1)) {
            case 1 -> Filter.LANCZOS;
            case 2 -> Filter.BILINEAR;
            case 3 -> Filter.BICUBIC;
            default -> throw config.wrong("resample", "1 (Lanczos), 2 (bilinear) or 3 (bicubic)");
        };
    }

    private List<Double> channels(String key) {
        @Nullable List<Double> values = config.has(key) ? config.numbers(key) : null;
        if (values == null || values.size() != 3 || (key.equals("image_std") && values.contains(0.0))) {
            throw config.wrong(key, "three numbers" + (key.equals("image_std") ? " other than 0" : ""));
        }
        return values;
    }
}
