package dev.prenoise.server.ops;

import dev.prenoise.engine.ModelCatalog;
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
import java.util.Locale;

/**
 * What the network costs a search: the same search over loopback against in-process, every candidate with its noise. The two take turns
 * within one run and the fastest of each counts, which a busy machine disturbs least; the number to read is the ratio.
 */
public final class StreamBenchmark {
    private final PrintStream out;

    public StreamBenchmark(PrintStream out) {
        this.out = out;
    }

    /**
     * Prints both times and their ratio, and returns the ratio.
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
                    double in = seconds(inner, request);
                    double over = seconds(outer, request);
                    if (round >= 0) {
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
                "search of %d loss evaluations, fastest of %d: in-process %.4f s, loopback %.4f s, ratio %.3f%n",
                lossEvaluations,
                rounds,
                fastest(inProcess),
                fastest(loopback),
                ratio);
        return ratio;
    }

    private static double seconds(ManagedChannel channel, OptimizeNoiseRequest request) {
        long start = System.nanoTime();
        NoiseProviderGrpc.newBlockingStub(channel).optimizeNoise(request).forEachRemaining(message -> {});
        return (System.nanoTime() - start) / 1e9;
    }

    private static double fastest(double[] values) {
        return Arrays.stream(values).min().orElse(Double.NaN);
    }
}
