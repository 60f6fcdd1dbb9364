package dev.prenoise.attention;

import java.util.stream.IntStream;

/**
 * How weakly the worst subject is attended to: {@code L_cross = max_i max(0, 1 - mean of the K largest values of A_i)}, in [0, 1].
 * K is 1 for InitNO and Attend-and-Excite and 16 for Self-Cross.
 */
final class CrossResponse {
    private double value;
    private int subject;
    private int[] patches = {};

    private CrossResponse() {}

    /** Among equal values those that come first in row-major order are taken; {@code count} is cut to the number of patches. */
    static CrossResponse ofLargest(TokenMaps maps, int count) {
        var response = new CrossResponse();
        for (int i = 0; i < maps.size(); i++) {
            double[] map = maps.map(i);
            int[] largest = largest(map, Math.min(count, map.length));
            double sum = 0;
            for (int p : largest) {
                sum += map[p];
            }
            response.include(i, sum / largest.length, largest);
        }
        return response;
    }

    /** K = 1, equal largest values sharing the gradient, as torch's {@code max()} has it. */
    static CrossResponse ofMaximum(TokenMaps maps) {
        var response = new CrossResponse();
        for (int i = 0; i < maps.size(); i++) {
            double[] map = maps.map(i);
            double max = map[Peak.of(map)];
            response.include(
                    i,
                    max,
                    IntStream.range(0, map.length).filter(p -> map[p] == max).toArray());
        }
        return response;
    }

    double value() {
        return value;
    }

    void backward(double weight, double[][] gradients) {
        for (int p : patches) {
            gradients[subject][p] -= weight / patches.length;
        }
    }

    private void include(int index, double response, int[] from) {
        if (1 - response > value) {
            value = 1 - response;
            subject = index;
            patches = from;
        }
    }

    private static int[] largest(double[] map, int count) {
        int[] largest = new int[count];
        int size = 0;
        for (int p = 0; p < map.length; p++) {
            if (size == count && !(map[p] > map[largest[count - 1]])) {
                continue;
            }
            int place = size < count ? size++ : count - 1;
            while (place > 0 && map[p] > map[largest[place - 1]]) {
                largest[place] = largest[place - 1];
                place--;
            }
            largest[place] = p;
        }
        return largest;
    }
}
