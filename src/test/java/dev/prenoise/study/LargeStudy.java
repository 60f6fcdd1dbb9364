package dev.prenoise.study;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * How long a large study waits for its report, on made-up rows: 200 prompts, 4 seeds, 256 candidates, 5 strategies, unless told otherwise. Run
 * by hand: {@code java -Xmx2g -cp src/target/test-classes:... dev.prenoise.study.LargeStudy FOLDER [PROMPTS] [all|winners]}.
 */
final class LargeStudy {
    private LargeStudy() {}

    public static void main(String[] arguments) throws IOException {
        Path folder = Files.createDirectories(Path.of(arguments[0]));
        int prompts = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 200;
        String pictures = arguments.length > 2 ? arguments[2] : "all";
        StudyPlan plan =
                StudyFile.read(Files.writeString(folder.resolve("large.yaml"), """
                title: Large
                suites: [{suite: two_objects, prompts: %d}]
                strategies: [initno, conform, self-cross, attend-and-excite, {loss: initno, optimize: true}]
                budgets: [1, 2, 4, 8, 16, 32, 64, 128, 256]
                seeds: 4
                sheet_prompts: 0
                pictures: %s
                """.formatted(prompts, pictures))
                        .toString());
        Path rows = folder.resolve("rows.jsonl");
        Files.deleteIfExists(rows);
        try (ResultStore store = ResultStore.open(rows)) {
            for (Unit unit : plan.units()) {
                store.put(result(unit));
            }
        }
        System.out.printf("%,d units, %,d MB of rows%n", plan.units().size(), Files.size(rows) / 1_000_000);
        System.gc();
        OperatingSystemMXBean processor = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        long begin = System.nanoTime();
        long processorBegin = processor.getProcessCpuTime();
        new StudyRun(plan, folder).report(List.of());
        Runtime memory = Runtime.getRuntime();
        System.out.printf(
                "report in %.1f s by the clock, %.1f s of processor time, heap %,d MB%n",
                (System.nanoTime() - begin) / 1e9,
                (processor.getProcessCpuTime() - processorBegin) / 1e9,
                (memory.totalMemory() - memory.freeMemory()) / 1_000_000);
    }

    private static UnitResult result(Unit unit) {
        List<UnitResult.Row> rows = new ArrayList<>();
        boolean starts = unit.strategy().kind() == Strategy.Kind.OPTIMIZE;
        boolean ranked = unit.strategy().kind() == Strategy.Kind.RANK;
        for (long seed : unit.seeds()) {
            SplittableRandom random = new SplittableRandom(unit.id().hashCode() * 31L + seed);
            int count = starts ? unit.candidates() / 10 : unit.candidates();
            double best = Double.POSITIVE_INFINITY;
            for (int k = 0; k < count; k++) {
                double score = random.nextGaussian();
                boolean judged = !unit.winnersOnly() ? !ranked : score < best;
                best = Math.min(best, score);
                byte[] look = new byte[Album.LOOK * Album.LOOK * 3];
                random.nextBytes(look);
                rows.add(new UnitResult.Row(
                        seed,
                        k,
                        score,
                        starts ? 10 : ranked ? 1 : 0,
                        ranked || starts ? 0 : 20,
                        false,
                        judged
                                ? unit.metrics().stream()
                                        .map(metric -> metric.equals(Metric.COMPLETE)
                                                ? (double) random.nextInt(2)
                                                : random.nextDouble())
                                        .toList()
                                : List.of(),
                        judged ? Base64.getEncoder().encodeToString(look) : ""));
            }
        }
        return new UnitResult(unit.id(), "9.9.9", 1, 500_000_000, rows, Map.of(), null);
    }
}
