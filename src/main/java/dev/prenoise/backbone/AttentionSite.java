package dev.prenoise.backbone;

/**
 * One attention module in the order of execution.
 *
 * @param index counts self- and cross-attention modules from 0
 * @param rows height of the grid of its queries
 * @param columns width of that grid
 */
public record AttentionSite(int index, Place place, Kind kind, int rows, int columns, int heads) {
    /** Where in the UNet. */
    public enum Place {
        DOWN,
        MID,
        UP
    }

    /** What it attends to. */
    public enum Kind {
        SELF,
        CROSS
    }
}
