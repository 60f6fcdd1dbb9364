package dev.prenoise.shapes;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Decides which regions of a picture are one figure, by what explains the picture best: regions of a cluster are merged where one shape
 * fits them better together than several do apart (a decoder tints parts of an object differently), and a figure that no shape fits is
 * split where several shapes fit it (objects of one colour that touch).
 */
final class Grouping {
    /** Fewer pixels are a crumb of the decoder's, not a figure; the smallest object of the world has about 80. */
    static final int SMALLEST = 30;

    /** More large regions than this in one cluster are taken as one figure: a mess, and too many ways to group it. */
    private static final int MOST_REGIONS = 5;

    /** Of its area, what one more figure must explain to be worth it. */
    private static final double WORTH = 0.03;

    private final Segmentation segmentation;
    private final Map<List<Integer>, Figure> figures = new HashMap<>();

    private Grouping(Segmentation segmentation) {
        this.segmentation = segmentation;
    }

    static List<Figure> figures(Segmentation segmentation) {
        Grouping grouping = new Grouping(segmentation);
        List<Figure> figures = new ArrayList<>();
        if (!segmentation.isScene()) {
            return figures;
        }
        for (List<Integer> cluster : segmentation.clusters()) {
            if (cluster.stream().mapToInt(segmentation::size).sum() >= SMALLEST) {
                for (Figure figure : grouping.merged(cluster)) {
                    figures.addAll(Splitting.split(figure));
                }
            }
        }
        return figures;
    }

    private List<Figure> merged(List<Integer> cluster) {
        List<Integer> large = cluster.stream()
                .filter(region -> segmentation.size(region) >= SMALLEST)
                .toList();
        List<Figure> figures = new ArrayList<>();
        if (large.size() <= 1 || large.size() > MOST_REGIONS) {
            figures.add(figure(cluster));
            return figures;
        }
        for (int region : large) {
            figures.add(together(List.of(region), cluster));
        }
        Optional<List<Figure>> better = Optional.of(figures);
        while (better.isPresent()) {
            figures = better.get();
            better = mergedOnce(figures, cluster);
        }
        // An object in many pieces: no two of them look better together, but all do.
        Figure whole = figure(cluster);
        double apart = figures.stream().mapToDouble(Figure::explained).sum();
        return whole.explained() + WORTH * (figures.size() - 1) * whole.patch().area() > apart
                ? List.of(whole)
                : figures;
    }

    private Optional<List<Figure>> mergedOnce(List<Figure> figures, List<Integer> cluster) {
        double bestGain = 0;
        Optional<List<Figure>> best = Optional.empty();
        for (int i = 0; i < figures.size(); i++) {
            for (int j = 0; j < i; j++) {
                List<Integer> regions = new ArrayList<>(figures.get(i).regions());
                regions.addAll(figures.get(j).regions());
                Figure both = together(regions, cluster);
                double gain = both.explained()
                        + WORTH * both.patch().area()
                        - figures.get(i).explained()
                        - figures.get(j).explained();
                if (gain > bestGain) {
                    bestGain = gain;
                    List<Figure> merged = new ArrayList<>(figures);
                    merged.remove(i);
                    merged.set(j, both);
                    best = Optional.of(merged);
                }
            }
        }
        return best;
    }

    /** With the crumbs that touch no other large region: its own tinted rim. Those between two objects belong to neither. */
    private Figure together(List<Integer> regions, List<Integer> cluster) {
        Set<Integer> all = new HashSet<>(regions);
        for (int region : cluster) {
            if (segmentation.size(region) < SMALLEST) {
                List<Integer> large = segmentation.neighbours(region).stream()
                        .filter(neighbour -> segmentation.size(neighbour) >= SMALLEST)
                        .toList();
                if (!large.isEmpty() && regions.containsAll(large)) {
                    all.add(region);
                }
            }
        }
        return figure(all);
    }

    private Figure figure(Collection<Integer> regions) {
        return figures.computeIfAbsent(regions.stream().sorted().toList(), sorted -> Figure.of(segmentation, sorted));
    }
}
