package dev.prenoise.attention;

/** Where a map is highest, and the part of its mask around there. Constants for gradients. */
final class Peak {
    private Peak() {}

    /** The patch of the largest value; the first in row-major order among equals. */
    static int of(double[] map) {
        int peak = 0;
        for (int p = 1; p < map.length; p++) {
            if (map[p] > map[peak]) {
                peak = p;
            }
        }
        return peak;
    }

    /** The 4-connected component of {@code mask} that holds {@code peak}; empty where the mask leaves the peak out. */
    static boolean[] component(boolean[] mask, int peak, int rows, int columns) {
        boolean[] component = new boolean[mask.length];
        if (!mask[peak]) {
            return component;
        }
        int[] queue = new int[mask.length];
        int size = 0;
        queue[size++] = peak;
        component[peak] = true;
        for (int head = 0; head < size; head++) {
            int p = queue[head];
            int y = p / columns;
            int x = p % columns;
            int[] neighbors = {
                y > 0 ? p - columns : p, y < rows - 1 ? p + columns : p, x > 0 ? p - 1 : p, x < columns - 1 ? p + 1 : p
            };
            for (int next : neighbors) {
                if (mask[next] && !component[next]) {
                    component[next] = true;
                    queue[size++] = next;
                }
            }
        }
        return component;
    }
}
