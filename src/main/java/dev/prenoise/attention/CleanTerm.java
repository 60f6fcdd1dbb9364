package dev.prenoise.attention;

import java.util.stream.IntStream;

/**
 * The single-peak penalty in the code of InitNO and Self-Cross: for each subject the largest value outside the component of its peak, where that exceeds the smallest value inside; summed over subjects.
 */
final class CleanTerm {
    private final double[] penalties;
    private final int[][] patches;

    private CleanTerm(int subjects) {
        this.penalties = new double[subjects];
        this.patches = new int[subjects][0];
    }

    static CleanTerm of(TokenMaps maps) {
        var term = new CleanTerm(maps.size());
        for (int i = 0; i < maps.size(); i++) {
            term.addPenalty(i, maps.map(i), maps.source().rows(), maps.source().columns());
        }
        return term;
    }

    double value() {
        double sum = 0;
        for (double penalty : penalties) {
            sum += penalty;
        }
        return sum;
    }

    /** Equal largest values share the gradient, as torch's {@code max()} has it. */
    void backward(double weight, double[][] gradients) {
        for (int i = 0; i < patches.length; i++) {
            for (int p : patches[i]) {
                gradients[i][p] += weight / patches[i].length;
            }
        }
    }

    private void addPenalty(int subject, double[] map, int rows, int columns) {
        boolean[] component = Peak.component(OtsuMask.of(map), Peak.of(map), rows, columns);
        double smallestInside = 1;
        double largestOutside = 0;
        for (int p = 0; p < map.length; p++) {
            if (component[p]) {
                smallestInside = Math.min(smallestInside, map[p]);
            } else {
                largestOutside = Math.max(largestOutside, map[p]);
            }
        }
        if (largestOutside <= smallestInside) {
            return;
        }
        penalties[subject] = largestOutside;
        double largest = largestOutside;
        patches[subject] = IntStream.range(0, map.length)
                .filter(p -> !component[p] && map[p] == largest)
                .toArray();
    }
}
