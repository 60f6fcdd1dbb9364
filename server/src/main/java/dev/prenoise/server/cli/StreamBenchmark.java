package dev.prenoise.server.cli;

import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.LossForm;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.engine.SamplingSpec;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.search.BestOfN;
import dev.prenoise.search.Budget;
import dev.prenoise.search.Candidate;
import dev.prenoise.search.SearchObserver;
import dev.prenoise.search.SeededCandidates;
import dev.prenoise.search.Spend;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.server.ops.SidecarServer;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.AttentionRanking;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.OptimizeNoiseResponse;
import dev.prenoise.v1.Output;
import dev.prenoise.v1.Prompt;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;

/**
 * What the service adds to a search: the same searches by the engine alone, and over gRPC on loopback, stored in SQLite and with every
 * candidate's noise streamed. They take turns within one run; the ratio is what to read.
 */
final class StreamBenchmark {
    private static final String PROMPT = "a red circle and a blue square";

    private final PrintStream out;

    StreamBenchmark(PrintStream out) {
        this.out = out;
    }

    /**
     * @param candidates of each search
     * @param data where the service stores its searches
     */
    void run(ModelCatalog catalog, Path data, int candidates, int rounds) throws Exception {
        SidecarServer server =
                new SidecarServer(SidecarConfig.DEFAULT.withPort(0).withDataDir(data), catalog);
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", server.start())
                .usePlaintext()
                .build();
        try {
            List<Double> engine = new ArrayList<>();
            List<Double> wire = new ArrayList<>();
            for (int round = -1; round < rounds; round++) {
                double a = engine(catalog, round + 2, candidates);
                double b = wire(channel, round + 2, candidates);
                if (round >= 0) {
                    engine.add(a);
                    wire.add(b);
                }
            }
            out.printf(
                    Locale.ROOT,
                    "%nsearch of %d candidates, medians of %d: engine alone %.1f ms, gRPC on loopback %.1f ms, ratio %.3f%n",
                    candidates,
                    rounds,
                    1e3 * median(engine),
                    1e3 * median(wire),
                    median(wire) / median(engine));
        } finally {
            channel.shutdownNow();
            server.close();
        }
    }

    /** Seconds. */
    private static double engine(ModelCatalog catalog, long seed, int candidates) {
        long start = System.nanoTime();
        try (PromptSession session = catalog.open(catalog.defaultId())
                .prepare(new PromptSpec(PROMPT, "", List.of()), SamplingSpec.DEFAULT, 0, 0)) {
            new BestOfN()
                    .search(
                            SeededCandidates.of(seed, NoiseSource.TORCH_CPU, session.noiseShape()),
                            session.attention(AttentionLosses.of("conform", LossForm.RANKING)),
                            Budget.ofLossEvaluations(candidates),
                            new SearchObserver() {
                                @Override
                                public void scored(Candidate candidate, boolean bestSoFar, Spend spent) {}

                                @Override
                                public boolean stopRequested() {
                                    return false;
                                }
                            });
        }
        return (System.nanoTime() - start) * 1e-9;
    }

    private static double wire(ManagedChannel channel, long seed, int candidates) {
        OptimizeNoiseRequest request = OptimizeNoiseRequest.newBuilder()
                .setPrompt(Prompt.newBuilder().setText(PROMPT))
                .setSeed(seed)
                .setNoiseSource(dev.prenoise.v1.NoiseSource.NOISE_SOURCE_TORCH_CPU)
                .setAttention(AttentionRanking.newBuilder().setLoss(AttentionLoss.ATTENTION_LOSS_CONFORM))
                .setBudget(dev.prenoise.v1.Budget.newBuilder().setLossEvaluations(candidates))
                .setOutput(Output.newBuilder().setNoise(Include.INCLUDE_ALL))
                .build();
        long start = System.nanoTime();
        Iterator<OptimizeNoiseResponse> responses =
                NoiseProviderGrpc.newBlockingStub(channel).optimizeNoise(request);
        int received = 0;
        while (responses.hasNext()) {
            received += responses.next().hasCandidate() ? 1 : 0;
        }
        if (received != candidates) {
            throw new IllegalStateException(received + " candidates arrived (expected: " + candidates + ")");
        }
        return (System.nanoTime() - start) * 1e-9;
    }

    private static double median(List<Double> values) {
        List<Double> sorted = new ArrayList<>(values);
        Collections.sort(sorted);
        return sorted.get(sorted.size() / 2);
    }
}
