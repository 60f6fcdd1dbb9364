package dev.prenoise.shapes;

import java.util.List;

/**
 * Regions of a picture that are seen as one thing, and how each shape fits it.
 *
 * @param regions of the segmentation
 * @param solidity how much paint there is, 0 to 1
 * @param patch where it is; of regions that hold several figures only this one's part
 * @param fits every shape's, best first
 */
record Figure(List<Integer> regions, double solidity, Patch patch, List<Fit> fits) {
    /** Pixels by which an outline may be off on average; in decoded pictures of true scenes 0.2, and rarely 0.5. */
    private static final double LARGEST_ERROR = 0.6;

    /** By how much the best shape must match better than the next: less is a thing between two shapes. */
    private static final double SMALLEST_LEAD = 0.04;

    /** How much paint there must be: less is the ghost of an object. */
    private static final double SMALLEST_SOLIDITY = 0.68;

    static Figure of(Segmentation segmentation, List<Integer> regions) {
        Patch patch = segmentation.patch(regions);
        return new Figure(regions, segmentation.solidity(regions), patch, Fit.all(patch));
    }

    Fit best() {
        return fits.get(0);
    }

    double lead() {
        return best().match() - fits.get(1).match();
    }

    /** Whether it is one of the shapes and no other. */
    boolean isClear() {
        return solidity >= SMALLEST_SOLIDITY && best().error() <= LARGEST_ERROR && lead() >= SMALLEST_LEAD;
    }

    /** Pixels explained. */
    double explained() {
        return best().match() * patch.area();
    }
}
