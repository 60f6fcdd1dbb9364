package dev.prenoise.verifier;

import dev.prenoise.image.CropRule;
import dev.prenoise.image.Filter;
import dev.prenoise.image.Picture;
import dev.prenoise.image.Resampling;
import dev.prenoise.image.Window;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a network is shown of a picture: resized, its middle cut out, bytes to [0, 1], then {@code (x - mean) / std} by channel.
 *
 * @param resize to what size; null = as it is
 * @param crop what is cut out of the middle; null = nothing
 * @param mean of red, green and blue in [0, 1]
 * @param std of red, green and blue in [0, 1]
 */
public record Preprocessing(
        @Nullable Resize resize, @Nullable Crop crop, List<Double> mean, List<Double> std) {
    /** The longer side over the shorter, at most: a strip beyond becomes huge where its shorter side is brought to a network's. */
    public static final int MAX_RATIO = 100;

    private static final int CHANNELS = 3;

    /** As transformers' {@code CLIPImageProcessor}, which every CLIP of 224 pixels was published with. */
    public static final Preprocessing CLIP = clip(224, CropRule.TRANSFORMERS);

    /**
     * @throws IllegalArgumentException when mean or std is not of three channels, or a std is 0
     */
    public Preprocessing {
        mean = channels("mean", mean);
        std = channels("std", std);
        if (std.contains(0.0)) {
            throw new IllegalArgumentException("std: " + std + " (expected: no 0)");
        }
    }

    private static List<Double> channels(String name, List<Double> values) {
        if (values.size() != CHANNELS) {
            throw new IllegalArgumentException(name + ": " + values + " (expected: " + CHANNELS + " numbers)");
        }
        return List.copyOf(values);
    }

    /** CLIP's colours; the shorter side to {@code side} by the bicubic filter, then a square of it. */
    public static Preprocessing clip(int side, CropRule rule) {
        return new Preprocessing(
                new ShorterSide(side, Filter.BICUBIC),
                new Crop(side, side, rule),
                List.of(0.48145466, 0.4578275, 0.40821073),
                List.of(0.26862954, 0.26130258, 0.27577711));
    }

    /**
     * Reads a {@code preprocessor_config.json} as transformers writes it, of any of its versions.
     *
     * @throws VerifierException when it cannot be read, or asks for something else than this does; names the file and the key
     */
    public static Preprocessing read(Path file) {
        try {
            return PreprocessorConfig.read(file);
        } catch (IllegalArgumentException e) {
            throw new VerifierException(String.valueOf(e.getMessage()), e);
        }
    }

    /** A size that a picture is brought to. */
    public sealed interface Resize {
        Filter filter();

        /** The size that a picture of this size gets. */
        Size of(int width, int height);
    }

    /** Both sides as given, whatever the ratio was. */
    public record Exact(int width, int height, Filter filter) implements Resize {
        public Exact {
            requireSide(Math.min(width, height));
        }

        @Override
        public Size of(int pictureWidth, int pictureHeight) {
            return new Size(width, height);
        }
    }

    /**
     * The shorter side as given, the longer by the ratio and cut off to a whole number, as transformers and torchvision do. Of pictures of up
     * to {@link #MAX_RATIO}; others are a {@link VerifierException}.
     */
    public record ShorterSide(int side, Filter filter) implements Resize {
        public ShorterSide {
            requireSide(side);
        }

        @Override
        public Size of(int width, int height) {
            if (!ratioFits(width, height)) {
                throw new VerifierException("picture: " + width + " x " + height
                        + " (expected: the longer side at most " + MAX_RATIO + " times the shorter)");
            }
            int longer = Math.toIntExact((long) ((double) side * Math.max(width, height) / Math.min(width, height)));
            return width <= height ? new Size(side, longer) : new Size(longer, side);
        }
    }

    /**
     * The shorter side as given, where bytes become numbers before they are resized: torchvision's bicubic resize of tensors, antialiased, which
     * may leave the range of values. Pillow's, and with it every other one here, rounds and cuts off.
     */
    public record ShorterSideOfNumbers(int side) implements Resize {
        public ShorterSideOfNumbers {
            requireSide(side);
        }

        @Override
        public Filter filter() {
            return Filter.BICUBIC;
        }

        @Override
        public Size of(int width, int height) {
            return new ShorterSide(side, filter()).of(width, height);
        }
    }

    /** Whether a picture of this size can be resized by its shorter side. */
    public static boolean ratioFits(int width, int height) {
        return Math.max(width, height) <= (long) MAX_RATIO * Math.min(width, height);
    }

    /** In pixels. */
    public record Size(int width, int height) {}

    /** Cut out of the middle; black around it where the picture is smaller. */
    public record Crop(int width, int height, CropRule rule) {
        public Crop {
            requireSide(Math.min(width, height));
        }
    }

    private static void requireSide(int side) {
        if (side < 1) {
            throw new IllegalArgumentException("size: " + side + " (expected: >= 1)");
        }
    }

    /**
     * With whole bytes between the steps, as Pillow works.
     *
     * @return {@code [B, 3, h, w]}, float32
     * @throws IllegalArgumentException when the pictures come out in several sizes
     */
    public Tensor of(Compute compute, List<Picture> pictures) {
        return resize instanceof ShorterSideOfNumbers
                ? Tensor.cat(
                        0,
                        pictures.stream()
                                .map(picture -> ofTensor(numbers(compute, picture)))
                                .toList())
                : ofBytes(compute, pictures);
    }

    /** {@code [1, 3, H, W]} in [0, 1]. */
    private static Tensor numbers(Compute compute, Picture picture) {
        byte[] rgb = picture.rgb();
        int plane = picture.width() * picture.height();
        float[] values = new float[rgb.length];
        for (int i = 0; i < rgb.length; i++) {
            values[i % CHANNELS * plane + i / CHANNELS] = (rgb[i] & 0xff) / 255f;
        }
        return Tensor.of(compute, values, 1, CHANNELS, picture.height(), picture.width());
    }

    private Tensor ofBytes(Compute compute, List<Picture> pictures) {
        List<Picture> shown = pictures.stream().map(this::shown).toList();
        int width = shown.get(0).width();
        int height = shown.get(0).height();
        float[][] levels = levels();
        float[] values = new float[Math.multiplyExact(shown.size() * CHANNELS, width * height)];
        int plane = width * height;
        for (int i = 0; i < shown.size(); i++) {
            Picture picture = shown.get(i);
            if (picture.width() != width || picture.height() != height) {
                throw new IllegalArgumentException("pictures[" + i + "]: " + picture.width() + " x " + picture.height()
                        + " (expected: " + width + " x " + height + " as the first)");
            }
            byte[] rgb = picture.rgb();
            for (int c = 0; c < CHANNELS; c++) {
                float[] level = levels[c];
                int at = (i * CHANNELS + c) * plane;
                for (int p = 0, from = c; p < plane; p++, from += CHANNELS) {
                    values[at + p] = level[rgb[from] & 0xff];
                }
            }
        }
        return Tensor.of(compute, values, shown.size(), CHANNELS, height, width);
    }

    /** The picture as the network gets it, before its bytes become numbers. */
    private Picture shown(Picture picture) {
        Size size = resize == null
                ? new Size(picture.width(), picture.height())
                : resize.of(picture.width(), picture.height());
        Window window = crop == null
                ? new Window(0, 0, size.width(), size.height())
                : crop.rule().window(size.width(), size.height(), crop.width(), crop.height());
        return resize == null
                ? Resampling.crop(picture, window)
                : Resampling.resize(picture, size.width(), size.height(), resize.filter(), window);
    }

    /** What each byte becomes, by channel; rounded where transformers' numpy code rounds. */
    private float[][] levels() {
        float[][] levels = new float[CHANNELS][256];
        for (int c = 0; c < CHANNELS; c++) {
            float channelMean = mean.get(c).floatValue();
            float channelStd = std.get(c).floatValue();
            for (int value = 0; value < 256; value++) {
                levels[c][value] = ((float) (value * (1 / 255.0)) - channelMean) / channelStd;
            }
        }
        return levels;
    }

    /**
     * The same with a graph. The resize keeps fractions of a byte, where {@link #of} rounds after rows and after columns. What the bicubic
     * filter throws over the ends of the range is cut off after each of the two as there; torchvision, which cuts off at the end alone, is
     * far from Pillow at hard edges.
     *
     * @param images {@code [B, 3, H, W]} in [0, 1], float32
     * @return {@code [B, 3, h, w]}, float32
     * @throws IllegalStateException when the filter is {@link Filter#LANCZOS}
     */
    public Tensor ofTensor(Tensor images) {
        Tensor shown = cropped(resized(images));
        Compute compute = images.compute();
        return shown.sub(perChannel(compute, mean)).div(perChannel(compute, std));
    }

    private Tensor resized(Tensor images) {
        int width = Math.toIntExact(images.size(3));
        int height = Math.toIntExact(images.size(2));
        Size size = resize == null ? new Size(width, height) : resize.of(width, height);
        if (resize == null || size.equals(new Size(width, height))) {
            return images;
        }
        if (resize instanceof ShorterSideOfNumbers) {
            return images.resizeBicubic(size.height(), size.width());
        }
        return switch (resize.filter()) {
            case BILINEAR -> images.resizeBilinear(size.height(), size.width());
            case BICUBIC ->
                images.resizeBicubic(height, size.width())
                        .clamp(0, 1)
                        .resizeBicubic(size.height(), size.width())
                        .clamp(0, 1);
            case LANCZOS ->
                throw new IllegalStateException(
                        "filter: LANCZOS (expected: BILINEAR or BICUBIC where a gradient follows)");
        };
    }

    private Tensor cropped(Tensor images) {
        if (crop == null) {
            return images;
        }
        int width = Math.toIntExact(images.size(3));
        int height = Math.toIntExact(images.size(2));
        Window window = crop.rule().window(width, height, crop.width(), crop.height());
        return along(3, along(2, images, window.top(), window.height()), window.left(), window.width());
    }

    /** {@code length} places of a dimension from {@code start}, zeros where it reaches over the ends. */
    private static Tensor along(int dimension, Tensor images, int start, int length) {
        int size = Math.toIntExact(images.size(dimension));
        int from = Math.max(0, start);
        int to = Math.min(size, start + length);
        Tensor inside = images.narrow(dimension, from, to - from);
        Tensor padded = start < 0 ? Tensor.cat(dimension, zeros(images, dimension, -start), inside) : inside;
        int after = start + length - to;
        return after > 0 ? Tensor.cat(dimension, padded, zeros(images, dimension, after)) : padded;
    }

    private static Tensor zeros(Tensor like, int dimension, int length) {
        long[] shape = like.shape();
        shape[dimension] = length;
        long count = 1;
        for (long size : shape) {
            count *= size;
        }
        return Tensor.of(like.compute(), new float[Math.toIntExact(count)], shape);
    }

    private static Tensor perChannel(Compute compute, List<Double> values) {
        float[] floats = new float[CHANNELS];
        for (int c = 0; c < CHANNELS; c++) {
            floats[c] = values.get(c).floatValue();
        }
        return Tensor.of(compute, floats, 1, CHANNELS, 1, 1);
    }
}
