package dev.prenoise.engine;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.LossForm;
import dev.prenoise.attention.TokenGroup;
import dev.prenoise.backbone.Conditioning;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.unet.UNetConfig.Level;
import dev.prenoise.engine.UNetFootprint.Sizes;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/** Prints the estimate beside what the process was seen to take, on random weights. Linux only. Arguments: names of cases; none = all. */
final class UNetFootprintReport {
    private UNetFootprintReport() {}

    public static void main(String[] args) throws IOException {
        List<String> wanted = List.of(args);
        UNetConfig quarter = new UNetConfig(
                4,
                4,
                List.of(
                        Level.even(96, 4, 1, 2),
                        Level.even(160, 4, 1, 2),
                        Level.even(320, 4, 1, 2),
                        Level.even(320, 4, 0, 2)),
                768,
                32,
                1e-5,
                1,
                null,
                true,
                0);
        UNetConfig deep = new UNetConfig(
                4,
                4,
                List.of(Level.even(96, 4, 0, 2), Level.even(160, 4, 2, 2), Level.even(320, 8, 6, 2)),
                768,
                32,
                1e-5,
                6,
                null,
                true,
                0);
        for (int side : new int[] {32, 64, 96}) {
            report(wanted, "quarter of SD1.5's width", quarter, side);
            report(wanted, "a narrow SDXL", deep, side);
        }
        report(wanted, "SD1.5", UNetFootprintTest.SD15, 64);
    }

    private static void report(List<String> wanted, String name, UNetConfig config, int side) throws IOException {
        if (!wanted.isEmpty() && !wanted.contains(name)) {
            return;
        }
        int grid = side / 4;
        Compute compute = Compute.cpu();
        UNetFootprint footprint = UNetFootprint.ofLosses(config, new Sizes(side, side, 77, 4), grid, grid);
        AttentionLoss loss = AttentionLosses.of("initno", LossForm.RANKING);
        List<Noise> noises = IntStream.range(0, 4)
                .mapToObj(i -> NoiseGenerator.generate(NoiseSource.TORCH_CPU, i, new long[] {1, 4, side, side}))
                .toList();
        try (UNet unet = new UNet(config, Weights.synthetic(compute, DType.FLOAT32, 1));
                Scope scope = new Scope()) {
            Tensor context = Tensor.of(compute, new float[77 * config.contextWidth()], 1, 77, config.contextWidth());
            FirstStep step = new FirstStep(unet, Conditioning.of(context), 981, 1, grid, grid);
            List<TokenGroup> subjects = List.of(TokenGroup.of(2), TokenGroup.of(5));
            AttentionEvaluator one = new AttentionEvaluator(step, loss, loss, subjects, 1);
            AttentionEvaluator four = new AttentionEvaluator(step, loss, loss, subjects, 4);
            List<Noise> first = noises.subList(0, 1);
            one.evaluate(first);
            System.out.printf(
                    "%s, %d px: weights %.1f MB, estimated %.1f%n",
                    name, 8 * side, unet.weights().loadedBytes() / 1e6, footprint.parameters() * 4 / 1e6);
            print("batch 4", peak(() -> four.evaluate(noises)), 4 * footprint.activations());
            print("gradient", peak(() -> one.evaluateWithGradient(first)), footprint.graph());
        }
    }

    private static void print(String what, double measured, double estimated) {
        System.out.printf(
                "  %-10s measured %8.1f MB, estimated %8.1f MB: %.2f%n",
                what, measured / 1e6, estimated / 1e6, estimated / measured);
    }

    /** How far resident memory rose above where it was. */
    private static double peak(Runnable work) throws IOException {
        work.run();
        System.gc();
        Files.writeString(Path.of("/proc/self/clear_refs"), "5");
        long before = status("VmRSS");
        work.run();
        return 1024.0 * (status("VmHWM") - before);
    }

    private static long status(String key) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith(key + ":"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
                .findFirst()
                .orElseThrow();
    }
}
