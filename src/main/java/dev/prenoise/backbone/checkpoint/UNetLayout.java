package dev.prenoise.backbone.checkpoint;

import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.unet.UNetConfig.Added;
import dev.prenoise.backbone.unet.UNetConfig.Level;
import dev.prenoise.tensor.RenamedWeights;
import dev.prenoise.tensor.SafetensorsException;
import dev.prenoise.tensor.StoredTensors;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How a UNet's tensors are named: by which names its shape can be read off, level by level and block by block, whatever its widths are.
 */
enum UNetLayout {
    LDM(
            "input_blocks.0.0",
            "out.2",
            "label_emb.0.0",
            "middle_block.0",
            "middle_block.1",
            ".out_layers.3.weight",
            List.of("input_blocks.", "middle_block.", "output_blocks.", "time_embed.", "label_emb.", "out.")) {
        @Override
        List<List<Block>> down(StoredTensors tensors) {
            List<List<Block>> levels = new ArrayList<>();
            levels.add(new ArrayList<>());
            for (int i = 1; ; i++) {
                String name = "input_blocks." + i;
                if (tensors.has(name + ".0.op.weight")) {
                    levels.add(new ArrayList<>());
                } else if (isResidual(tensors, name + ".0")) {
                    levels.get(levels.size() - 1).add(new Block(name + ".0", name + ".1"));
                } else {
                    return levels;
                }
            }
        }

        @Override
        List<List<Block>> up(StoredTensors tensors) {
            List<List<Block>> levels = new ArrayList<>();
            levels.add(new ArrayList<>());
            for (int i = 0; isResidual(tensors, "output_blocks." + i + ".0"); i++) {
                String name = "output_blocks." + i;
                levels.get(levels.size() - 1).add(new Block(name + ".0", name + ".1"));
                if (tensors.has(name + ".1.conv.weight") || tensors.has(name + ".2.conv.weight")) {
                    levels.add(new ArrayList<>());
                }
            }
            return levels;
        }

        @Override
        @Nullable
        String name(KeyNames names, String module) {
            return names.ldm(module);
        }
    },
    DIFFUSERS(
            "conv_in",
            "conv_out",
            "add_embedding.linear_1",
            "mid_block.resnets.0",
            "mid_block.attentions.0",
            ".conv2.weight",
            List.of(
                    "conv_in.",
                    "down_blocks.",
                    "mid_block.",
                    "up_blocks.",
                    "time_embedding.",
                    "add_embedding.",
                    "conv_norm_out.",
                    "conv_out.")) {
        @Override
        List<List<Block>> down(StoredTensors tensors) {
            return blocks(tensors, "down_blocks.");
        }

        @Override
        List<List<Block>> up(StoredTensors tensors) {
            return blocks(tensors, "up_blocks.");
        }

        private List<List<Block>> blocks(StoredTensors tensors, String place) {
            List<List<Block>> levels = new ArrayList<>();
            for (int i = 0; isResidual(tensors, place + i + ".resnets.0"); i++) {
                List<Block> level = new ArrayList<>();
                for (int j = 0; isResidual(tensors, place + i + ".resnets." + j); j++) {
                    level.add(new Block(place + i + ".resnets." + j, place + i + ".attentions." + j));
                }
                levels.add(level);
            }
            return levels;
        }

        @Override
        String name(KeyNames names, String module) {
            return module;
        }
    };

    private static final int LATER_HEAD_WIDTH = 64;
    private static final int EARLY_HEADS = 8;
    private static final int USUAL_NORM_GROUPS = 32;
    private static final int SDXL_TIME_ID_WIDTH = 256;

    private final String convIn;
    private final String convOut;
    private final String added;
    private final String middleResidual;
    private final String middleTransformer;
    private final String lastConvolution;
    private final List<String> roots;

    UNetLayout(
            String convIn,
            String convOut,
            String added,
            String middleResidual,
            String middleTransformer,
            String lastConvolution,
            List<String> roots) {
        this.convIn = convIn;
        this.convOut = convOut;
        this.added = added;
        this.middleResidual = middleResidual;
        this.middleTransformer = middleTransformer;
        this.lastConvolution = lastConvolution;
        this.roots = roots;
    }

    /** A residual block and the transformer behind it, which may be missing. */
    record Block(String residual, String transformer) {}

    /** By level, from the outermost in. */
    abstract List<List<Block>> down(StoredTensors tensors);

    /** By level, from the innermost out. */
    abstract List<List<Block>> up(StoredTensors tensors);

    /** A module's name in this layout by diffusers' name. */
    abstract @Nullable String name(KeyNames names, String module);

    /** Whether the first and the last convolution are there by this layout's names. */
    boolean fits(StoredTensors tensors) {
        return tensors.has(convIn + ".weight") && tensors.has(convOut + ".weight");
    }

    boolean isResidual(StoredTensors tensors, String name) {
        return tensors.has(name + lastConvolution);
    }

    /**
     * Reads the UNet's shape off the tensors that are there.
     *
     * @param pooledWidth of the text encoder that comes with the file; 0 where none does
     * @throws SafetensorsException when tensors are missing or contradict each other
     * @throws IllegalArgumentException when what they describe is no UNet that can be built, or lacks what no file says
     */
    UNetConfig config(StoredTensors tensors, Hints hints, int pooledWidth) {
        List<List<Block>> down = down(tensors);
        List<List<Block>> up = up(tensors);
        if (down.size() != up.size()
                || down.stream().anyMatch(List::isEmpty)
                || up.stream().anyMatch(List::isEmpty)) {
            throw new IllegalArgumentException("UNet of " + down.size() + " levels down and " + up.size()
                    + " up (expected: as many, with residual blocks at each)");
        }
        String transformer = firstTransformer(tensors, down, up);
        boolean linear = linear(tensors);
        int midDepth = midDepth(tensors);
        List<Level> levels = new ArrayList<>();
        int groups = hints.normGroups() > 0 ? hints.normGroups() : USUAL_NORM_GROUPS;
        for (int i = 0; i < down.size(); i++) {
            int channels = tensors.size(down.get(i).get(0).residual() + lastConvolution, 0);
            groups = hints.normGroups() > 0 ? groups : gcd(groups, channels);
            List<Integer> downDepths = depths(tensors, down.get(i));
            List<Integer> upDepths = depths(tensors, up.get(down.size() - 1 - i));
            boolean attends =
                    Stream.concat(downDepths.stream(), upDepths.stream()).anyMatch(depth -> depth > 0)
                            || (i == down.size() - 1 && midDepth > 0);
            int heads = attends ? heads(hints, i, down.size(), channels, linear) : 1;
            levels.add(new Level(channels, heads, downDepths, upDepths));
        }
        if (tensors.has(added + ".weight")) {
            Family.requireBase(levels);
        }
        return new UNetConfig(
                tensors.size(convIn + ".weight", 1),
                tensors.size(convOut + ".weight", 0),
                levels,
                tensors.size(transformer + ".transformer_blocks.0.attn2.to_k.weight", 1),
                groups,
                1e-5,
                midDepth,
                added(tensors, hints, pooledWidth),
                true,
                0);
    }

    /** Whether a transformer's projections are linear layers, as from Stable Diffusion 2 on. */
    boolean linear(StoredTensors tensors) {
        return tensors.shape(firstTransformer(tensors, down(tensors), up(tensors)) + ".proj_in.weight")
                        .size()
                == 2;
    }

    private String firstTransformer(StoredTensors tensors, List<List<Block>> down, List<List<Block>> up) {
        List<Block> blocks = new ArrayList<>();
        down.forEach(blocks::addAll);
        up.forEach(blocks::addAll);
        return blocks.stream()
                .map(Block::transformer)
                .filter(name -> depth(tensors, name) > 0)
                .findFirst()
                .orElseThrow(() ->
                        new IllegalArgumentException("UNet without cross-attention (expected: a text-to-image model)"));
    }

    private List<Integer> depths(StoredTensors tensors, List<Block> blocks) {
        return blocks.stream().map(block -> depth(tensors, block.transformer())).toList();
    }

    private static int depth(StoredTensors tensors, String transformer) {
        int depth = 0;
        while (tensors.has(transformer + ".transformer_blocks." + depth + ".attn1.to_q.weight")) {
            depth++;
        }
        return depth;
    }

    private int midDepth(StoredTensors tensors) {
        int depth = depth(tensors, middleTransformer);
        return depth > 0 ? depth : isResidual(tensors, middleResidual) ? UNetConfig.NO_ATTENTION : UNetConfig.NO_MIDDLE;
    }

    private static int heads(Hints hints, int level, int levels, int channels, boolean linear) {
        List<Integer> said = hints.heads();
        if (said.size() == 1) {
            return said.get(0);
        }
        if (!said.isEmpty()) {
            if (said.size() != levels) {
                throw new IllegalArgumentException(
                        "heads: " + said + " (expected: one number, or one for each of the " + levels + " levels)");
            }
            return said.get(level);
        }
        int width = hints.headWidth() > 0 ? hints.headWidth() : linear ? LATER_HEAD_WIDTH : 0;
        if (width == 0) {
            return EARLY_HEADS;
        }
        if (channels % width != 0) {
            throw new IllegalArgumentException("heads: a level of " + channels + " channels has none " + width
                    + " wide (expected: \"heads\" in the model's card, NAME.prenoise.json beside NAME.safetensors)");
        }
        return channels / width;
    }

    private @Nullable Added added(StoredTensors tensors, Hints hints, int pooledWidth) {
        if (!tensors.has(added + ".weight")) {
            return null;
        }
        int width = tensors.size(added + ".weight", 1);
        int left = width - pooledWidth;
        int timeIdWidth = hints.timeIdWidth() > 0
                ? hints.timeIdWidth()
                : pooledWidth > 0 && left > 0 && left % (2 * Added.TIME_IDS) == 0
                        ? left / Added.TIME_IDS
                        : SDXL_TIME_ID_WIDTH;
        return new Added(width, timeIdWidth);
    }

    private static int gcd(int a, int b) {
        return b == 0 ? a : gcd(b, a % b);
    }

    RenamedWeights weights(StoredTensors tensors, UNetConfig config) {
        KeyNames names = KeyNames.of(config);
        return RenamedWeights.of(
                tensors,
                tensor -> {
                    int dot = tensor.lastIndexOf('.');
                    String module = dot < 0 ? null : name(names, tensor.substring(0, dot));
                    return module == null ? tensor : module + tensor.substring(dot);
                },
                roots);
    }
}
