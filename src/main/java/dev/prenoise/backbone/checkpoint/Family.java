package dev.prenoise.backbone.checkpoint;

import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.unet.UNetConfig.Level;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a checkpoint descends from, which says how many heads, which text encoders and which latents it was trained with. */
public enum Family {
    SD1("sd1", "Stable Diffusion 1", 512),
    SD2("sd2", "Stable Diffusion 2", 512),
    SDXL("sdxl", "Stable Diffusion XL", 1024),
    /** SDXL distilled by Segmind: fewer transformer blocks, no attention in the middle. */
    SSD_1B("ssd-1b", "SSD-1B", 1024),
    /** A smaller one. */
    VEGA("vega", "Segmind Vega", 1024),
    /** The built-in model. */
    SHAPES("shapes", "the built-in model", 64);

    private final String id;
    private final String title;
    private final int nativeSize;

    Family(String id, String title, int nativeSize) {
        this.id = id;
        this.title = title;
        this.nativeSize = nativeSize;
    }

    /** As requests and listings have it. */
    public String id() {
        return id;
    }

    /** As people call it. */
    public String title() {
        return title;
    }

    /** Side in pixels of the pictures that most models of this family were trained on. */
    public int nativeSize() {
        return nativeSize;
    }

    /** Whether it is SDXL or distilled from it: two text encoders, a pooled prompt, picture sizes. */
    public boolean isXl() {
        return this == SDXL || this == SSD_1B || this == VEGA;
    }

    static @Nullable Family ofId(String id) {
        return Arrays.stream(values()).filter(f -> f.id.equals(id)).findFirst().orElse(null);
    }

    /**
     * Told from the UNet alone, by how it is built and never by its widths.
     *
     * @param linear whether a transformer's projections are linear layers rather than 1 x 1 convolutions
     * @throws IllegalArgumentException when it is a relative that this program does not run; names it
     */
    static Family of(UNetConfig unet, boolean linear) {
        Family family = unet.added() != null ? xl(unet) : linear ? SD2 : SD1;
        requireTextToImage(unet, family);
        return family;
    }

    private static Family xl(UNetConfig unet) {
        requireBase(unet.levels());
        if (unet.midDepth() != UNetConfig.NO_ATTENTION) {
            return SDXL;
        }
        boolean uneven = unet.levels().stream()
                .anyMatch(level -> level.upDepths().stream().distinct().count() > 1);
        return uneven ? SSD_1B : VEGA;
    }

    /**
     * Of a UNet that is told something beside the text.
     *
     * @throws IllegalArgumentException when it is no SDXL that starts pictures; names it
     */
    static void requireBase(List<Level> levels) {
        if (attends(levels.get(levels.size() - 1))) {
            return;
        }
        throw new IllegalArgumentException(
                attends(levels.get(0))
                        ? "Stable Diffusion 2.1 unCLIP, which takes a picture's embedding (expected: a text-to-image model)"
                        : "the SDXL refiner, which goes on from an SDXL picture and never starts one (expected: an SDXL base model)");
    }

    private static boolean attends(Level level) {
        return level.downDepths().stream().anyMatch(depth -> depth > 0);
    }

    private static void requireTextToImage(UNetConfig unet, Family family) {
        int in = unet.inChannels();
        if (in == unet.outChannels()) {
            return;
        }
        String kind =
                switch (in - unet.outChannels()) {
                    case 5 -> "an inpainting model";
                    case 4 -> "a model that edits a picture (pix2pix)";
                    case 1 -> "a depth-to-image model";
                    case 3 -> "an upscaler";
                    default -> "no text-to-image model";
                };
        throw new IllegalArgumentException(kind + " of " + family.title + ": its UNet takes " + in
                + " channels and gives " + unet.outChannels() + " (expected: as many in as out)");
    }
}
