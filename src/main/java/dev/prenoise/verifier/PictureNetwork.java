package dev.prenoise.verifier;

import dev.prenoise.image.Picture;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * A network that looks at pictures, and how they are prepared for it. What it sees in a picture has the bits that it has of the picture alone.
 *
 * <p>Several at once are faster where a picture has few places, but not every matrix product gives a row the same bits among more rows. The
 * order in which a product adds up depends on sizes, not on values: so the first pictures of a number are shown both ways, and so many at
 * once again only if not a bit differed. One thread at a time.
 */
final class PictureNetwork {
    /** Places of all pictures that are looked at together: beyond, products gain nothing by more. */
    private static final int PLACES = 512;

    private static final int PICTURES = 8;

    private enum Seen {
        NOTHING,
        THE_SAME,
        OTHERS
    }

    private final Compute compute;
    private final Preprocessing preprocessing;
    private final UnaryOperator<Tensor> network;

    /** What was seen of so many pictures at once. */
    private final Seen[] together;

    /**
     * @param network pixels {@code [B, 3, h, w]}, as the preprocessing makes them, to {@code [B, ..]}
     * @param places rows that a picture is to the network's products
     */
    PictureNetwork(Compute compute, Preprocessing preprocessing, UnaryOperator<Tensor> network, int places) {
        this.compute = compute;
        this.preprocessing = preprocessing;
        this.network = network;
        together = new Seen[Math.max(1, Math.min(PICTURES, PLACES / places)) + 1];
        Arrays.fill(together, Seen.NOTHING);
    }

    /** Of a network that is shown one picture at a time. */
    static PictureNetwork oneByOne(Compute compute, Preprocessing preprocessing, UnaryOperator<Tensor> network) {
        return new PictureNetwork(compute, preprocessing, network, PLACES);
    }

    /**
     * Without gradient.
     *
     * @param seen is given each picture's index and {@code [1, ..]} of it, which lives as long as the call
     */
    void each(List<Picture> pictures, BiConsumer<Integer, Tensor> seen) {
        for (int from = 0; from < pictures.size(); ) {
            try (GradMode off = GradMode.off();
                    Scope scope = new Scope()) {
                int most = Math.min(pictures.size() - from, together.length - 1);
                List<Tensor> shown = pictures.subList(from, from + most).stream()
                        .map(picture -> preprocessing.of(compute, List.of(picture)))
                        .toList();
                int count = alike(shown);
                List<Tensor> parts = look(shown.subList(0, count));
                for (int i = 0; i < count; i++) {
                    seen.accept(from + i, parts.get(i));
                }
                from += count;
            }
        }
    }

    /** How many from the first on have its size. */
    private static int alike(List<Tensor> shown) {
        int count = 1;
        while (count < shown.size()
                && Arrays.equals(shown.get(count).shape(), shown.get(0).shape())) {
            count++;
        }
        return count;
    }

    private List<Tensor> look(List<Tensor> shown) {
        int count = shown.size();
        if (count > 1 && together[count] == Seen.THE_SAME) {
            return together(shown);
        }
        List<Tensor> alone = shown.stream().map(network).toList();
        if (count > 1 && together[count] == Seen.NOTHING) {
            together[count] = sameBits(alone, together(shown)) ? Seen.THE_SAME : Seen.OTHERS;
        }
        return alone;
    }

    private List<Tensor> together(List<Tensor> shown) {
        Tensor all = network.apply(Tensor.cat(0, shown));
        return IntStream.range(0, shown.size())
                .mapToObj(i -> all.narrow(0, i, 1))
                .toList();
    }

    private static boolean sameBits(List<Tensor> some, List<Tensor> others) {
        for (int i = 0; i < some.size(); i++) {
            if (!Arrays.equals(some.get(i).toDoubles(), others.get(i).toDoubles())) {
                return false;
            }
        }
        return true;
    }

    /**
     * With a graph; see {@link Preprocessing#ofTensor}.
     *
     * @param images {@code [B, 3, H, W]} in [0, 1]
     * @return {@code [B, ..]}
     */
    Tensor ofTensor(Tensor images) {
        return network.apply(preprocessing.ofTensor(images));
    }
}
