package dev.prenoise.engine;

import static java.util.Collections.nCopies;

import dev.prenoise.backbone.checkpoint.Family;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.unet.UNetConfig.Added;
import dev.prenoise.backbone.unet.UNetConfig.Level;
import dev.prenoise.engine.UNetFootprint.Sizes;
import dev.prenoise.tensor.Compute;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What models of the published families need of a device at the size that they were trained at, without having one.
 *
 * @param title such as "Stable Diffusion XL"
 * @param size pixels of a side
 */
public record FamilyNeeds(String title, int size, MemoryNeeds needs) {
    private static final int TOKENS = 77;
    private static final int LATENT_FACTOR = 8;
    private static final int ATTENTION_STRIDE = 4;
    private static final long VAE_BYTES = 334_600_000;

    /**
     * Of each family, computed as an engine with these options would.
     *
     * @throws IllegalArgumentException when this machine has no such device
     */
    public static List<FamilyNeeds> of(EngineOptions options) {
        Compute compute = Compute.of(options.device());
        int bytes = options.precision().network(compute).bytes();
        int textBytes = options.precision().text(compute).bytes();
        return List.of(
                of(Family.SD1, 512, plain(768, true), 123_060_480L * textBytes, bytes),
                of(Family.SD2, 768, plain(1024, false), 340_387_840L * textBytes, bytes),
                of(Family.SDXL, 1024, large(), 817_720_320L * textBytes, bytes));
    }

    private static FamilyNeeds of(Family family, int size, UNetConfig unet, long text, int bytes) {
        int side = size / LATENT_FACTOR;
        MemoryNeeds needs =
                MemoryNeeds.of(unet, new Sizes(side, side, TOKENS, bytes), ATTENTION_STRIDE, null, text, VAE_BYTES);
        return new FamilyNeeds(family.title(), size, needs);
    }

    /**
     * @param eightHeads Stable Diffusion 1's at every level; else heads are 64 wide
     */
    private static UNetConfig plain(int contextWidth, boolean eightHeads) {
        return unet(
                List.of(
                        Level.even(320, eightHeads ? 8 : 5, 1, 2),
                        Level.even(640, eightHeads ? 8 : 10, 1, 2),
                        Level.even(1280, eightHeads ? 8 : 20, 1, 2),
                        Level.even(1280, eightHeads ? 8 : 20, UNetConfig.NO_ATTENTION, 2)),
                contextWidth,
                1,
                null);
    }

    private static UNetConfig large() {
        return unet(
                List.of(
                        new Level(320, 5, nCopies(2, UNetConfig.NO_ATTENTION), nCopies(3, UNetConfig.NO_ATTENTION)),
                        Level.even(640, 10, 2, 2),
                        Level.even(1280, 20, 10, 2)),
                2048,
                10,
                new Added(2816, 256));
    }

    private static UNetConfig unet(List<Level> levels, int contextWidth, int midDepth, @Nullable Added added) {
        return new UNetConfig(4, 4, levels, contextWidth, 32, 1e-5, midDepth, added, true, 0);
    }
}
