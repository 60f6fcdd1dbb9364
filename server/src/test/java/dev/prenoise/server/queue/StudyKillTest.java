package dev.prenoise.server.queue;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.study.Unit;
import dev.prenoise.study.UnitQueue;
import dev.prenoise.study.UnitResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real processes, each killed as kill -9 does while the study is under way. Waits for what happens and not for a time. */
class StudyKillTest {
    private static final String STUDY = """
            title: Kill
            suites: [{suite: two_objects, prompts: 3}]
            backbones: [{id: shapes, steps: 2}]
            strategies: [conform, {search: zero-order, verifier: oracle}]
            budgets: [1, 2]
            seeds: 2
            metrics: [complete, oracle]
            """;

    /** For each of 3 prompts and 2 seeds: the shared pictures, a loss, a search. */
    private static final int UNITS = 18;

    private static final int PATIENCE_SECONDS = 240;

    /** One unit that takes minutes, so that each worker is killed in it. */
    private static final String LONG = """
            title: Deadly
            suites: [{suite: two_objects, prompts: 1}]
            backbones: [{id: shapes, steps: 2}]
            strategies: [conform]
            budgets: [1, 20000]
            seeds: 1
            pictures: none
            """;

    private static final String TRACES = "prenoise-deadly-traces";

    @TempDir
    Path folder;

    private final List<Process> processes = new ArrayList<>();

    @AfterEach
    void end() {
        processes.forEach(Process::destroyForcibly);
    }

    private Process prenoise(String log, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                System.getProperty("java.home") + "/bin/java",
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dai.djl.offline=true",
                "-Dai.djl.pytorch.num_threads=1",
                "-Djava.awt.headless=true",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.prenoise.server.cli.Main",
                "study"));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve(log + ".log").toFile());
        builder.environment().put("XDG_CACHE_HOME", folder.resolve("cache").toString());
        builder.environment().put("OMP_NUM_THREADS", "1");
        Process process = builder.start();
        processes.add(process);
        return process;
    }

    private void awaitEnd(Process process, String log) throws Exception {
        assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).as(log).isTrue();
        assertThat(process.exitValue())
                .as(Files.readString(folder.resolve(log + ".log")))
                .isZero();
    }

    private void awaitRows(Path rows, int count) throws Exception {
        for (int i = 0; i < PATIENCE_SECONDS * 20; i++) {
            if (Files.exists(rows) && Files.readAllLines(rows).size() >= count) {
                return;
            }
            Thread.sleep(50);
        }
        throw new AssertionError(rows + ": fewer than " + count + " after " + PATIENCE_SECONDS + " s");
    }

    /** Else nothing would be killed in the middle, and this test would say nothing. */
    private static void assertWorkIsOut(Path rows, Process killed) throws IOException {
        assertThat(killed.isAlive()).as("before it is killed").isTrue();
        assertThat(Files.readAllLines(rows)).as("rows before the kill").hasSizeLessThan(UNITS);
    }

    /** Without what depends on the hour and the machine's load. */
    private static Set<UnitResult> rows(Path output) throws IOException {
        List<String> lines = Files.readAllLines(output.resolve("rows.jsonl"));
        Set<UnitResult> results = new HashSet<>();
        for (String line : lines) {
            UnitResult result = UnitResult.ofJson(line);
            results.add(new UnitResult(
                    result.unit(), result.version(), 0, 0, result.rows(), result.pictures(), result.failure()));
        }
        assertThat(lines).as("each unit once").hasSize(UNITS);
        return results;
    }

    @Test
    void study_whoseWorkerServerAndCoordinatorAreKilled_endsAsIfUndisturbed() throws Exception {
        String file = Files.writeString(folder.resolve("study.yaml"), STUDY).toString();
        Path whole = folder.resolve("whole");
        Path output = folder.resolve("output");
        Path rows = output.resolve("rows.jsonl");
        try (NatsServer server = NatsServer.start(folder)) {
            Process undisturbed = prenoise("whole", file, "-o", whole.toString());
            String[] offering = {
                file, "-o", output.toString(), "--queue", server.url(), "--queue-forgotten", "3", "--no-compute"
            };
            String[] working = {"work", "--queue", server.url(), "--end-after", "" + PATIENCE_SECONDS};
            Process coordinator = prenoise("coordinator1", offering);
            Process worker = prenoise("worker1", working);
            awaitRows(rows, 2);
            assertWorkIsOut(rows, worker);
            worker.destroyForcibly().waitFor();
            Process survivor = prenoise("worker2", working);
            awaitRows(rows, 5);
            assertWorkIsOut(rows, coordinator);
            server.kill();
            server.start();
            awaitRows(rows, 8);
            assertWorkIsOut(rows, coordinator);
            coordinator.destroyForcibly().waitFor();
            coordinator = prenoise("coordinator2", offering);
            awaitEnd(coordinator, "coordinator2");
            awaitEnd(undisturbed, "whole");

            assertThat(rows(output)).isEqualTo(rows(whole));
            assertThat(Files.readString(folder.resolve("coordinator1.log"))).contains("is away; waiting for it");
            // as Ctrl-C on a terminal
            survivor.destroy();
            assertThat(survivor.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(survivor.exitValue()).isEqualTo(143);
            try (QueueLink link = QueueLink.open(server.options(UnitQueueContract.FORGOTTEN), "test", line -> {})) {
                assertThat(JetStreamQueue.names(link))
                        .as("the study ended, its queue with it")
                        .isEmpty();
            }
        }
    }

    @Test
    void study_whoseUnitEndsEveryWorker_endsWithItsNameAndTheirs() throws Exception {
        String file = Files.writeString(folder.resolve("long.yaml"), LONG).toString();
        String output = folder.resolve("deadly").toString();
        try (NatsServer server = NatsServer.start(folder);
                QueueLink link = QueueLink.open(server.options(UnitQueueContract.FORGOTTEN), "test", line -> {})) {
            String[] queue = {"--queue", server.url(), "--queue-name", "deadly"};
            Process coordinator = prenoise(
                    "coordinator",
                    Stream.concat(
                                    Stream.of(file, "-o", output, "--queue-forgotten", "3", "--no-compute"),
                                    Stream.of(queue))
                            .toArray(String[]::new));
            String[] working =
                    Stream.concat(Stream.of("work"), Stream.of(queue)).toArray(String[]::new);
            for (int i = 1; i <= 3; i++) {
                Process worker = prenoise("dead" + i, working);
                awaitTraces(link, i);
                worker.destroyForcibly().waitFor();
            }
            Process survivor = prenoise("survivor", working);
            assertThat(coordinator.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();

            assertThat(coordinator.exitValue()).isEqualTo(2);
            assertThat(Files.readString(folder.resolve("coordinator.log")))
                    .containsPattern(
                            "prenoise: \".+\", shapes, rank conform: 3 of at most 3 workers ended without a word "
                                    + "while they computed it: .+, which began at .+; .+; .+ \\(expected: ");
            assertThat(Files.readString(folder.resolve("survivor.log")))
                    .contains("3 of at most 3 workers ended without");
            assertThat(survivor.isAlive()).isTrue();
            survivor.destroy();
            assertThat(survivor.waitFor(30, TimeUnit.SECONDS)).isTrue();
        }
    }

    /** Until so many workers have begun a unit. */
    private static void awaitTraces(QueueLink link, int count) throws Exception {
        for (int i = 0; i < PATIENCE_SECONDS * 20; i++) {
            if (link.management().getStreamNames().contains(TRACES)
                    && link.management().getStreamInfo(TRACES).getStreamState().getMsgCount() >= count) {
                return;
            }
            Thread.sleep(50);
        }
        throw new AssertionError("fewer than " + count + " workers began after " + PATIENCE_SECONDS + " s");
    }

    /** There is no such device here; nor does who only offers need one. */
    @Test
    void study_forWorkersOnAnotherDevice_offersTheirUnits() throws Exception {
        String file = Files.writeString(folder.resolve("study.yaml"), STUDY).toString();
        try (NatsServer server = NatsServer.start(folder);
                QueueLink link = QueueLink.open(server.options(UnitQueueContract.FORGOTTEN), "test", line -> {})) {
            Process coordinator = prenoise(
                    "coordinator",
                    file,
                    "-o",
                    folder.resolve("output").toString(),
                    "--queue",
                    server.url(),
                    "--no-compute",
                    "--device",
                    "cuda");
            UnitQueue.Delivery<Unit> delivery =
                    new JetStreamQueues(link, name -> true).take(Duration.ofSeconds(PATIENCE_SECONDS));
            Unit unit = Objects.requireNonNull(delivery, "a unit").content();

            assertThat(unit.basis().get(0)).endsWith(" cuda:0");
            assertThat(unit.basis().get(1)).startsWith("shapes ").endsWith(" FLOAT16");
            assertThat(coordinator.isAlive()).isTrue();
        }
    }
}
