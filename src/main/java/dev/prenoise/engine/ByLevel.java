package dev.prenoise.engine;

import dev.prenoise.search.PathPoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Points on the way, those of one level together. */
final class ByLevel {
    private ByLevel() {}

    /** What is done with those of one level. */
    interface Work<R> {
        /** One for each point, in order. */
        List<R> run(List<PathPoint> same, int level);
    }

    /** One for each point, in the order given. */
    static <R> List<R> each(List<PathPoint> points, Work<R> work) {
        Map<Integer, List<Integer>> levels = new TreeMap<>();
        for (int i = 0; i < points.size(); i++) {
            levels.computeIfAbsent(points.get(i).level(), key -> new ArrayList<>())
                    .add(i);
        }
        Map<Integer, R> results = new TreeMap<>();
        levels.forEach((level, places) -> {
            List<R> done = work.run(places.stream().map(points::get).toList(), level);
            for (int i = 0; i < done.size(); i++) {
                results.put(places.get(i), done.get(i));
            }
        });
        return List.copyOf(results.values());
    }
}
