package dev.prenoise.shapes;

import dev.prenoise.shapes.TestPictures.Degradation;
import dev.prenoise.shapes.TestPictures.Nonsense;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Locale;

/** Prints how often the oracle is right: {@code java dev.prenoise.shapes.OracleReport [pictures]}. */
final class OracleReport {
    private static final long SEED = 2026;

    private OracleReport() {}

    public static void main(String[] arguments) {
        int pictures = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 2000;
        System.out.println("| true scenes | every object, nothing else | 95 % | CPU ms |");
        System.out.println("|---|---|---|---|");
        for (Degradation degradation : Degradation.values()) {
            int exact = 0;
            long time = 0;
            for (int i = 0; i < pictures; i++) {
                Scene scene = SceneSampler.sample(SEED, 0, i);
                ShapesImage image = degradation.of(TestPictures.render(scene, SEED, i), i);
                long start = cpuNanos();
                exact += Oracle.judge(image, PromptGoal.of(scene)).isExact() ? 1 : 0;
                time += cpuNanos() - start;
            }
            print(degradation.name(), exact, pictures, time);
        }
        System.out.println("| nonsense | taken for an object | 95 % | CPU ms |");
        System.out.println("|---|---|---|---|");
        for (Nonsense nonsense : Nonsense.values()) {
            int fooled = 0;
            long time = 0;
            for (int i = 0; i < pictures; i++) {
                ShapesImage image = nonsense.at(i);
                long start = cpuNanos();
                List<Sighting> sightings = Oracle.look(image);
                time += cpuNanos() - start;
                fooled +=
                        sightings.stream().anyMatch(sighting -> sighting.shape().isPresent()) ? 1 : 0;
            }
            print(nonsense.name(), fooled, pictures, time);
        }
    }

    /** Not the clock: other programs may be running. */
    private static long cpuNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private static void print(String name, int count, int of, long nanos) {
        Interval interval = Statistics.proportion(count, of);
        System.out.printf(
                Locale.ROOT,
                "| %s | %.2f %% | %.2f to %.2f | %.2f |%n",
                name.toLowerCase(Locale.ROOT).replace('_', ' '),
                100 * interval.estimate(),
                100 * interval.low(),
                100 * interval.high(),
                nanos / 1e6 / of);
    }
}
