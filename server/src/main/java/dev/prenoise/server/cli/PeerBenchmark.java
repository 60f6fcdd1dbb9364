package dev.prenoise.server.cli;

import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.OptimizeNoiseResponse;
import dev.prenoise.v1.SearchAlgorithm;
import dev.prenoise.v1.Summary;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What peers are worth: candidates per second of one search on the built-in model by a sidecar with no, one and three peers, every sidecar a
 * process of its own with one thread of libtorch. They take turns within one run and the fastest of each counts. Processor cores bound the
 * ratios: sidecars beyond their number have none of their own.
 */
final class PeerBenchmark {
    private static final List<Integer> PEERS = List.of(0, 1, 3);
    private static final String PROMPT = "a red circle and a blue square";

    /** A search, and how many candidates it has. */
    private record Work(String name, OptimizeNoiseRequest request, int candidates) {}

    private final PrintStream out;

    PeerBenchmark(PrintStream out) {
        this.out = out;
    }

    /**
     * @throws IOException when a sidecar does not start
     * @throws IllegalStateException when a search with peers does not end as one without
     */
    void run(int rounds) throws IOException {
        Path folder = Files.createTempDirectory("prenoise-peers-");
        List<Sidecar> sidecars = new ArrayList<>();
        List<Process> processes = new CopyOnWriteArrayList<>();
        Thread killed = new Thread(() -> processes.forEach(Process::destroy));
        Runtime.getRuntime().addShutdownHook(killed);
        try {
            int most = PEERS.get(PEERS.size() - 1);
            for (int i = 0; i < most; i++) {
                sidecars.add(Sidecar.start(folder.resolve("peer" + i), List.of(), processes));
            }
            List<String> peers = sidecars.stream().map(Sidecar::address).toList();
            List<Sidecar> asked = new ArrayList<>();
            for (int count : PEERS) {
                Sidecar sidecar = Sidecar.start(folder.resolve("sidecar" + count), peers.subList(0, count), processes);
                asked.add(sidecar);
                sidecars.add(sidecar);
            }
            for (Work work : List.of(losses(512), pictures(48))) {
                compare(work, asked, rounds);
            }
        } finally {
            sidecars.forEach(Sidecar::close);
            forget(killed);
            delete(folder);
        }
    }

    /** Everything has ended. */
    private static void forget(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // It runs: this process was told to stop.
        }
    }

    private static Work losses(int count) {
        OptimizeNoiseRequest.Builder request = request();
        request.getAttentionBuilder().setLoss(AttentionLoss.ATTENTION_LOSS_CONFORM);
        request.getBudgetBuilder().setLossEvaluations(count);
        return new Work("loss evaluations", request.build(), count);
    }

    private static Work pictures(int count) {
        OptimizeNoiseRequest.Builder request = request();
        request.getVerifierBuilder()
                .setAlgorithm(SearchAlgorithm.SEARCH_ALGORITHM_RANDOM)
                .addVerifiersBuilder()
                .setName("oracle");
        request.getBudgetBuilder().setPictures(count);
        return new Work("pictures judged by the oracle", request.build(), count);
    }

    private static OptimizeNoiseRequest.Builder request() {
        OptimizeNoiseRequest.Builder request = OptimizeNoiseRequest.newBuilder().setSeed(7);
        request.getPromptBuilder().setText(PROMPT);
        return request;
    }

    private void compare(Work work, List<Sidecar> sidecars, int rounds) {
        double[] fastest = new double[sidecars.size()];
        Arrays.fill(fastest, Double.POSITIVE_INFINITY);
        Candidate expected = null;
        // round 0 warms up: weights load, code compiles
        for (int round = 0; round <= rounds; round++) {
            for (int i = 0; i < fastest.length; i++) {
                long begin = System.nanoTime();
                Candidate best = sidecars.get(i).search(work.request());
                double seconds = (System.nanoTime() - begin) / 1e9;
                if (expected != null && !best.equals(expected)) {
                    throw new IllegalStateException("candidate with " + PEERS.get(i) + " peers: " + best.getIndex()
                            + " (expected: " + expected.getIndex() + ", the one without)");
                }
                expected = best;
                if (round > 0) {
                    fastest[i] = Math.min(fastest[i], seconds);
                }
            }
        }
        double alone = fastest[0];
        out.println(work.candidates() + " " + work.name() + ", candidates per second, fastest of " + rounds + ": "
                + IntStream.range(0, fastest.length)
                        .mapToObj(i -> String.format(
                                Locale.ROOT,
                                "%d peers %.1f (ratio %.2f)",
                                PEERS.get(i),
                                work.candidates() / fastest[i],
                                alone / fastest[i]))
                        .collect(Collectors.joining(", "))
                + "; " + Runtime.getRuntime().availableProcessors() + " cores");
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted((one, other) -> other.compareTo(one)).toList()) {
                Files.delete(file);
            }
        }
    }

    /** A process of {@code prenoise serve} and a way to it. */
    private record Sidecar(Process process, String address, ManagedChannel channel) implements AutoCloseable {
        /**
         * @param processes gets it before it can be reached
         */
        static Sidecar start(Path data, List<String> peers, List<Process> processes) throws IOException {
            List<String> command = new ArrayList<>(List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-Xmx512m",
                    "-XX:+UseSerialGC",
                    "-Dai.djl.offline=true",
                    "-Djava.awt.headless=true",
                    "-Dai.djl.pytorch.num_threads=1",
                    "-cp",
                    System.getProperty("java.class.path"),
                    Main.class.getName(),
                    "serve",
                    "--port",
                    "0",
                    "--data",
                    data.toString()));
            if (!peers.isEmpty()) {
                command.addAll(List.of("--peers", String.join(",", peers)));
            }
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            processes.add(process);
            String line = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))
                    .readLine();
            if (line == null) {
                throw new IOException("a sidecar did not start: " + String.join(" ", command));
            }
            String address = line.substring(line.lastIndexOf(' ') + 1);
            ManagedChannel channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create())
                    .build();
            return new Sidecar(process, address, channel);
        }

        /** The best candidate. */
        Candidate search(OptimizeNoiseRequest request) {
            Iterator<OptimizeNoiseResponse> events =
                    NoiseProviderGrpc.newBlockingStub(channel).optimizeNoise(request);
            Summary summary = Summary.getDefaultInstance();
            while (events.hasNext()) {
                OptimizeNoiseResponse event = events.next();
                if (event.getAccepted().getWarningsCount() > 0) {
                    throw new IllegalStateException("warnings: "
                            + String.join("; ", event.getAccepted().getWarningsList()) + " (expected: none)");
                }
                summary = event.hasSummary() ? event.getSummary() : summary;
            }
            return summary.getBest(0);
        }

        @Override
        public void close() {
            channel.shutdownNow();
            process.destroy();
            process.onExit().join();
        }
    }
}
