package dev.prenoise.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.image.Picture;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PictureNetworkTest {
    private static final Compute CPU = Compute.cpu();
    private static final Preprocessing AS_IT_IS =
            new Preprocessing(null, null, List.of(0.0, 0.0, 0.0), List.of(1.0, 1.0, 1.0));

    /** How many pictures each call had. */
    private final List<Long> calls = new ArrayList<>();

    private PictureNetwork network(int places, UnaryOperator<Tensor> sums) {
        return new PictureNetwork(
                CPU,
                AS_IT_IS,
                pixels -> {
                    calls.add(pixels.size(0));
                    return sums.apply(pixels.reshape(pixels.size(0), -1).sum(1));
                },
                places);
    }

    private static Picture gray(int side, int value) {
        byte[] rgb = new byte[side * side * 3];
        Arrays.fill(rgb, (byte) value);
        return new Picture(side, side, rgb);
    }

    private static List<Picture> grays(int count) {
        return IntStream.range(0, count).mapToObj(i -> gray(4, 3 * i)).toList();
    }

    private static double[] seen(PictureNetwork network, List<Picture> pictures) {
        double[] values = new double[pictures.size()];
        network.each(pictures, (index, each) -> {
            assertThat(each.shape()).containsExactly(1);
            values[index] = each.toDoubles()[0];
        });
        return values;
    }

    @Test
    void each_ofANetworkWithTheSameBitsTogether_looksAtManyAtOnceFromTheSecondTimeOn() {
        PictureNetwork network = network(50, sums -> sums);
        double[] first = seen(network, grays(10));
        assertThat(calls).containsExactly(1L, 1L, 1L, 1L, 1L, 1L, 1L, 1L, 8L, 1L, 1L, 2L);
        calls.clear();
        assertThat(seen(network, grays(10))).containsExactly(first);
        assertThat(calls).containsExactly(8L, 2L);
        assertThat(first).doesNotHaveDuplicates();
    }

    @Test
    void each_ofANetworkWithOtherBitsTogether_givesThoseOfEachPictureAlone() {
        PictureNetwork network = network(50, sums -> sums.mul(1 + 1e-6 * sums.size(0)));
        double[] alone = grays(8).stream()
                .mapToDouble(picture -> seen(network, List.of(picture))[0])
                .toArray();
        assertThat(seen(network, grays(8))).containsExactly(alone);
        calls.clear();
        assertThat(seen(network, grays(8))).containsExactly(alone);
        assertThat(calls).as("not tried again").containsOnly(1L).hasSize(8);
    }

    @Test
    void each_ofPicturesOfSeveralSizes_looksAtNeighboursOfOneSizeTogether() {
        PictureNetwork network = network(1, sums -> sums);
        List<Picture> pictures = List.of(gray(2, 1), gray(2, 2), gray(3, 1), gray(2, 3));
        double[] values = seen(network, pictures);
        calls.clear();
        assertThat(seen(network, pictures)).containsExactly(values);
        assertThat(calls).containsExactly(2L, 1L, 1L);
    }

    @Test
    void each_ofPicturesOfManyPlaces_looksAtFewAtOnce() {
        seen(network(257, sums -> sums), grays(3));
        assertThat(calls).containsOnly(1L);
        calls.clear();
        PictureNetwork two = network(197, sums -> sums);
        seen(two, grays(4));
        calls.clear();
        seen(two, grays(4));
        assertThat(calls).containsExactly(2L, 2L);
    }
}
