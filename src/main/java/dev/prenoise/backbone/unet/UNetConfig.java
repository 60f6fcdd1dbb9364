package dev.prenoise.backbone.unet;

import static java.util.Collections.nCopies;

import dev.prenoise.tensor.ConfigFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The shape of a UNet of the Stable Diffusion family, in the words of diffusers' {@code config.json}.
 *
 * @param inChannels latent channels, 4
 * @param levels from the outermost in
 * @param contextWidth width of the text embeddings
 * @param normGroups groups of the group norms
 * @param normEps epsilon of the residual blocks' and the output's group norm; a transformer's own is 1e-6
 * @param midDepth transformer depth of the middle block, which then stands between two residual blocks; {@link #NO_ATTENTION} for one
 *     residual block and nothing else, {@link #NO_MIDDLE} for none
 * @param added what SDXL is told beside the text embeddings; null elsewhere
 * @param flipSinToCos cosines first in the timestep embedding
 * @param freqShift 0 or 1, in the timestep embedding's exponent
 */
public record UNetConfig(
        int inChannels,
        int outChannels,
        List<Level> levels,
        int contextWidth,
        int normGroups,
        double normEps,
        int midDepth,
        @Nullable Added added,
        boolean flipSinToCos,
        double freqShift) {
    public static final int NO_ATTENTION = 0;
    public static final int NO_MIDDLE = -1;

    // Several times the published ones: what a damaged or hostile config asks for must not fill the memory.
    private static final int MAX_LEVELS = 16;
    private static final int MAX_LAYERS = 32;
    private static final int MAX_DEPTH = 64;
    private static final int MAX_WIDTH = 1 << 16;

    /**
     * @throws IllegalArgumentException when there are no levels, the way up does not take what the way down leaves, widths do not fit into
     *     heads or groups, or there is more of something than any such network has
     */
    public UNetConfig {
        levels = List.copyOf(levels);
        require("in_channels", inChannels, 1, MAX_WIDTH);
        require("out_channels", outChannels, 1, MAX_WIDTH);
        require("levels", levels.size(), 1, MAX_LEVELS);
        require("cross_attention_dim", contextWidth, 1, MAX_WIDTH);
        require("norm_num_groups", normGroups, 1, MAX_WIDTH);
        require("the middle block's transformer depth", midDepth, NO_MIDDLE, MAX_DEPTH);
        int skips = levels.size();
        for (Level level : levels) {
            requireFit(level, normGroups);
            skips += level.downDepths().size() - level.upDepths().size();
        }
        if (skips != 0) {
            throw new IllegalArgumentException("residual blocks: " + levels
                    + " (expected: on the way up as many as on the way down, and one more for each level)");
        }
        if (added != null) {
            require("addition_time_embed_dim", added.timeIdWidth(), 1, MAX_WIDTH);
        }
        if (added != null && added.pooledWidth() < 1) {
            throw new IllegalArgumentException("addition_time_embed_dim: " + added.timeIdWidth()
                    + " (expected: less than a sixth of the added condition's width, " + added.width() + ")");
        }
    }

    private static void requireFit(Level level, int normGroups) {
        require("channels", level.channels(), 1, MAX_WIDTH);
        require("heads", level.heads(), 1, MAX_WIDTH);
        for (List<Integer> depths : List.of(level.downDepths(), level.upDepths())) {
            require("residual blocks of a level", depths.size(), 0, MAX_LAYERS + 1);
            depths.forEach(depth -> require("transformer depth", depth, 0, MAX_DEPTH));
        }
        if (level.channels() % normGroups != 0) {
            throw new IllegalArgumentException("norm_num_groups: " + normGroups
                    + " (expected: a divisor of each level's channels, " + level.channels() + ")");
        }
        boolean attends = level.downDepths().stream().anyMatch(depth -> depth > 0)
                || level.upDepths().stream().anyMatch(depth -> depth > 0);
        if (attends && level.channels() % level.heads() != 0) {
            throw new IllegalArgumentException("heads: " + level.heads()
                    + " (expected: a divisor of the level's channels, " + level.channels() + ")");
        }
    }

    private static void require(String what, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(what + ": " + value + " (expected: " + least + " to " + most + ")");
        }
    }

    /**
     * @param channels width of this level
     * @param heads attention heads
     * @param downDepths of each residual block of the way down, in the order of execution: transformer blocks behind it, 0 for none
     * @param upDepths the same of the way up, one more in every published model
     */
    public record Level(int channels, int heads, List<Integer> downDepths, List<Integer> upDepths) {
        public Level {
            downDepths = List.copyOf(downDepths);
            upDepths = List.copyOf(upDepths);
        }

        /** With {@code layers} residual blocks down, one more up, and one transformer depth behind each. */
        public static Level even(int channels, int heads, int depth, int layers) {
            return new Level(channels, heads, nCopies(layers, depth), nCopies(layers + 1, depth));
        }
    }

    /**
     * @param width of the pooled prompt and the picture's numbers together
     * @param timeIdWidth sinusoids of each number
     */
    public record Added(int width, int timeIdWidth) {
        /** Numbers about the picture. */
        public static final int TIME_IDS = 6;

        public int pooledWidth() {
            return width - TIME_IDS * timeIdWidth;
        }
    }

    /** Width of the timestep embedding after its projection. */
    public int timeWidth() {
        return 4 * levels.get(0).channels();
    }

    /**
     * Reads diffusers' {@code unet/config.json}. Its field attention_head_dim holds the number of heads, a historic misnomer.
     *
     * @throws IllegalArgumentException when a value is missing or describes a UNet that this class does not build; names file and key
     */
    public static UNetConfig read(Path file) {
        ConfigFile json = ConfigFile.read(file);
        List<Integer> channels = json.integers("block_out_channels", 1, 0);
        int count = channels.size();
        if (count == 0 || count > MAX_LEVELS || channels.stream().anyMatch(c -> c < 1 || c > MAX_WIDTH)) {
            throw json.wrong("block_out_channels", "1 to " + MAX_LEVELS + " levels, each of 1 to " + MAX_WIDTH);
        }
        requirePlain(json);
        List<Level> levels = levels(json, channels);
        int midDepth = midDepth(json, count);
        Added added = added(json);
        try {
            return of(json, levels, midDepth, added);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
        }
    }

    private static UNetConfig of(ConfigFile json, List<Level> levels, int midDepth, @Nullable Added added) {
        return new UNetConfig(
                json.integer("in_channels", 4),
                json.integer("out_channels", 4),
                levels,
                json.integer("cross_attention_dim", 1280),
                json.integer("norm_num_groups", 32),
                json.number("norm_eps", 1e-5),
                midDepth,
                added,
                json.flag("flip_sin_to_cos", true),
                json.number("freq_shift", 0));
    }

    private static List<Level> levels(ConfigFile json, List<Integer> channels) {
        int count = channels.size();
        List<Integer> heads = json.has("num_attention_heads")
                ? json.integers("num_attention_heads", count, 8)
                : json.integers("attention_head_dim", count, 8);
        List<Integer> layers = json.integers("layers_per_block", count, 2);
        if (layers.stream().anyMatch(n -> n < 1 || n > MAX_LAYERS)) {
            throw json.wrong("layers_per_block", "1 to " + MAX_LAYERS);
        }
        List<List<Integer>> depths = json.integerLists("transformer_layers_per_block", count, 1);
        String upKey = "reverse_transformer_layers_per_block";
        List<List<Integer>> upDepths = json.has(upKey) ? json.integerLists(upKey, count, 1) : reversed(depths);
        List<String> down = json.texts("down_block_types");
        List<String> up = json.texts("up_block_types");
        for (List<?> list : List.of(heads, layers, depths, upDepths, down, up)) {
            if (list.size() != count) {
                throw json.wrong("block_out_channels", "as many levels as the other lists have");
            }
        }
        List<Level> levels = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int j = count - 1 - i;
            boolean attendsDown = attends(json, "down_block_types", down.get(i), "DownBlock2D");
            boolean attendsUp = attends(json, "up_block_types", up.get(j), "UpBlock2D");
            levels.add(new Level(
                    channels.get(i),
                    heads.get(i),
                    depths(json, "transformer_layers_per_block", attendsDown, depths.get(i), layers.get(i)),
                    depths(
                            json,
                            json.has(upKey) ? upKey : "transformer_layers_per_block",
                            attendsUp,
                            upDepths.get(j),
                            layers.get(i) + 1)));
        }
        return levels;
    }

    private static List<List<Integer>> reversed(List<List<Integer>> lists) {
        List<List<Integer>> reversed = new ArrayList<>(lists);
        Collections.reverse(reversed);
        return reversed;
    }

    /** A single number stands for every residual block of a level. */
    private static List<Integer> depths(
            ConfigFile json, String key, boolean attends, List<Integer> depths, int layers) {
        if (!attends) {
            return nCopies(layers, 0);
        }
        List<Integer> each = depths.size() == 1 ? nCopies(layers, depths.get(0)) : depths;
        if (each.size() != layers || each.stream().anyMatch(depth -> depth < 1 || depth > MAX_DEPTH)) {
            throw json.wrong(
                    key,
                    "for each level with attention a number of 1 to " + MAX_DEPTH + ", or one for each of its " + layers
                            + " layers");
        }
        return each;
    }

    private static int midDepth(ConfigFile json, int count) {
        if (json.isNull("mid_block_type")) {
            return NO_MIDDLE;
        }
        return switch (json.text("mid_block_type", "UNetMidBlock2DCrossAttn")) {
            case "UNetMidBlock2DCrossAttn" -> {
                int depth = json.integerLists("transformer_layers_per_block", count, 1)
                        .get(count - 1)
                        .get(0);
                if (depth < 1 || depth > MAX_DEPTH) {
                    throw json.wrong(
                            "transformer_layers_per_block",
                            "a last number of 1 to " + MAX_DEPTH + ": the middle block's");
                }
                yield depth;
            }
            case "UNetMidBlock2D" -> NO_ATTENTION;
            default -> throw json.wrong("mid_block_type", "UNetMidBlock2DCrossAttn, UNetMidBlock2D or null");
        };
    }

    private static @Nullable Added added(ConfigFile json) {
        if (!json.has("addition_embed_type")) {
            return null;
        }
        if (!json.text("addition_embed_type", "").equals("text_time")) {
            throw json.wrong("addition_embed_type", "text_time or null");
        }
        Added added = new Added(
                json.integer("projection_class_embeddings_input_dim", 0), json.integer("addition_time_embed_dim", 0));
        if (added.timeIdWidth() < 2 || added.timeIdWidth() % 2 != 0) {
            throw json.wrong("addition_time_embed_dim", "an even number >= 2");
        }
        if (added.pooledWidth() < 1) {
            throw json.wrong(
                    "projection_class_embeddings_input_dim",
                    "more than " + Added.TIME_IDS + " times addition_time_embed_dim");
        }
        return added;
    }

    /** These change what the same weights compute, so a network without them would be silently wrong. */
    private static void requirePlain(ConfigFile json) {
        for (String key :
                List.of("class_embed_type", "encoder_hid_dim_type", "time_cond_proj_dim", "num_class_embeds")) {
            if (json.has(key)) {
                throw json.wrong(key, "null");
            }
        }
        for (String key : List.of("only_cross_attention", "dual_cross_attention", "class_embeddings_concat")) {
            if (json.flag(key, false)) {
                throw json.wrong(key, "false");
            }
        }
        if (!json.text("act_fn", "silu").equals("silu")) {
            throw json.wrong("act_fn", "silu");
        }
        if (!json.text("resnet_time_scale_shift", "default").equals("default")) {
            throw json.wrong("resnet_time_scale_shift", "default");
        }
    }

    private static boolean attends(ConfigFile json, String key, String type, String plain) {
        if (type.equals("CrossAttn" + plain)) {
            return true;
        }
        if (type.equals(plain)) {
            return false;
        }
        throw json.wrong(key, "CrossAttn" + plain + " and " + plain);
    }
}
