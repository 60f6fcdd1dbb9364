package dev.prenoise.training;

import dev.prenoise.shapes.Colour;
import dev.prenoise.shapes.Shape;
import dev.prenoise.shapes.World;
import dev.prenoise.text.ClipTextConfig;
import dev.prenoise.verifier.ClipConfig;
import dev.prenoise.verifier.ClipVisionConfig;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** The CLIP of the built-in world: its size, its tensors, and the two heads that are trained with it. */
final class ShapesClip {
    /**
     * One patch for each eight pixels of a side; the text side is the first two layers of the built-in diffusion model's, with a row for unknown
     * words.
     */
    static final ClipConfig CONFIG = new ClipConfig(
            new ClipVisionConfig(World.SIZE, 8, 96, 192, 3, 4, 1e-5, true),
            new ClipTextConfig(World.VOCABULARY.size() + 1, World.LENGTH, 96, 256, 2, 4, 1e-5, true, 0, 1, 1),
            128);

    /** Each colour of each shape, and whether there is none, one or more. */
    static final int THINGS = Colour.values().length * Shape.values().length;

    static final int COUNTS = 3;

    /** Reads what is shown from a picture's embedding. Helps to learn, and is not shipped. */
    static final String PRESENCE = "presence";

    /** Reads the quality from a picture's embedding of length 1. */
    static final String AESTHETIC = "aesthetic";

    private ShapesClip() {}

    static SortedMap<String, List<Long>> shapes(ClipConfig config) {
        SortedMap<String, List<Long>> shapes = new TreeMap<>(ClipTensors.shapes(config));
        ClipTensors.linear(shapes, PRESENCE, config.projection(), THINGS * COUNTS);
        ClipTensors.linear(shapes, AESTHETIC, config.projection(), 1);
        return shapes;
    }
}
