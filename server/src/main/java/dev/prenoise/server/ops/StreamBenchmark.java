package dev.prenoise.server.ops;

import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.LossForm;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.engine.SamplingSpec;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.search.BestOfN;
import dev.prenoise.search.Candidate;
import dev.prenoise.search.SearchObserver;
import dev.prenoise.search.SeededCandidates;
import dev.prenoise.search.Spend;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.AttentionRanking;
import dev.prenoise.v1.Budget;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Output;
import dev.prenoise.v1.Prompt;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * What the service costs a search: the same search by the engine alone, by the service in this process (stored, every candidate with its
 * noise), and by the service over loopback. They take turns within one run and the fastest of each counts, which a busy machine disturbs
 * least; the numbers to read are the ratios.
 */
public final class StreamBenchmark {
    private final PrintStream out;

    public StreamBenchmark(PrintStream out) {
        this.out = out;
    }

    /**
     * Prints the times and their ratios, and returns loopback's to in-process.
     *
     * @param prompt with subjects that the catalog's default backbone knows
     * @param lossEvaluations of each search
     * @param rounds searches of each kind that count; one more of each warms up
     */
    public double run(ModelCatalog catalog, String prompt, int lossEvaluations, int rounds) {
        OptimizeNoiseRequest request = OptimizeNoiseRequest.newBuilder()
                .setPrompt(Prompt.newBuilder().setText(prompt))
                .setAttention(AttentionRanking.newBuilder().setLoss(AttentionLoss.ATTENTION_LOSS_INITNO))
                .setBudget(Budget.newBuilder().setLossEvaluations(lossEvaluations))
                .setOutput(Output.newBuilder().setNoise(Include.INCLUDE_ALL))
                .build();
        SidecarConfig config = SidecarConfig.DEFAULT.withPort(0);
        double[] engine = new double[rounds];
        double[] inProcess = new double[rounds];
        double[] loopback = new double[rounds];
        try (SidecarServer inside = new SidecarServer(config, catalog);
                SidecarServer outside = new SidecarServer(config, catalog)) {
            ManagedChannel inner = inside.startInProcess();
            ManagedChannel outer = Grpc.newChannelBuilderForAddress(
                            config.host(), outside.start(), InsecureChannelCredentials.create())
                    .build();
            try {
                for (int round = -1; round < rounds; round++) {
                    double alone = seconds(catalog, prompt, lossEvaluations);
                    double in = seconds(inner, request);
                    double over = seconds(outer, request);
                    if (round >= 0) {
                        engine[round] = alone;
                        inProcess[round] = in;
                        loopback[round] = over;
                    }
                }
            } finally {
                outer.shutdownNow();
            }
        }
        double ratio = fastest(loopback) / fastest(inProcess);
        out.printf(
                Locale.ROOT,
                "search of %d loss evaluations, fastest of %d: engine alone %.4f s, in-process %.4f s, loopback %.4f s;"
                        + " loopback to engine %.3f, ratio %.3f%n",
                lossEvaluations,
                rounds,
                fastest(engine),
                fastest(inProcess),
                fastest(loopback),
                fastest(loopback) / fastest(engine),
                ratio);
        return ratio;
    }

    private static double seconds(ModelCatalog catalog, String prompt, int lossEvaluations) {
        long start = System.nanoTime();
        try (PromptSession session = catalog.open(catalog.defaultId())
                .prepare(new PromptSpec(prompt, "", List.of()), SamplingSpec.DEFAULT, 0, 0)) {
            new BestOfN()
                    .search(
                            SeededCandidates.of(0, NoiseSource.TORCH_CPU, session.noiseShape()),
                            session.attention(AttentionLosses.of("initno", LossForm.RANKING)),
                            dev.prenoise.search.Budget.ofLossEvaluations(lossEvaluations),
                            new Unobserved());
        }
        return (System.nanoTime() - start) / 1e9;
    }

    private static double seconds(ManagedChannel channel, OptimizeNoiseRequest request) {
        long start = System.nanoTime();
        NoiseProviderGrpc.newBlockingStub(channel).optimizeNoise(request).forEachRemaining(message -> {});
        return (System.nanoTime() - start) / 1e9;
    }

    private static double fastest(double[] values) {
        return Arrays.stream(values).min().orElse(Double.NaN);
    }

    private static final class Unobserved implements SearchObserver {
        @Override
        public void scored(Candidate candidate, boolean bestSoFar, Spend spent) {}

        @Override
        public boolean stopRequested() {
            return false;
        }
    }
}
