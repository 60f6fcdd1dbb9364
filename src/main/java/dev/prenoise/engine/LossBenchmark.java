package dev.prenoise.engine;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.LossForm;
import dev.prenoise.attention.TokenGroup;
import dev.prenoise.backbone.AttentionSite;
import dev.prenoise.backbone.AttentionTap;
import dev.prenoise.backbone.Conditioning;
import dev.prenoise.backbone.MapCollector;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.unet.UNetConfig.Level;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Loss evaluations per second, side by side: truncated forward against full, batch 1 against 4, with gradient and without. The variants
 * take turns within one run, so that a busy machine slows all of them alike; the numbers to read are the ratios.
 */
public final class LossBenchmark {
    private final PrintStream out;

    public LossBenchmark(PrintStream out) {
        this.out = out;
    }

    private record Variant(String name, int noises, Runnable body) {}

    /** On a random UNet of Stable Diffusion 1.5's shape (3.4 GB of memory), at 512 x 512 pixels. */
    public void stableDiffusion(Compute compute, int rounds) {
        UNetConfig config = new UNetConfig(
                4,
                4,
                List.of(
                        Level.even(320, 8, 1, 2),
                        Level.even(640, 8, 1, 2),
                        Level.even(1280, 8, 1, 2),
                        Level.even(1280, 8, 0, 2)),
                768,
                32,
                1e-5,
                1,
                null,
                true,
                0);
        try (UNet unet = new UNet(config, Weights.synthetic(compute, DType.FLOAT32, 1))) {
            measure("SD1.5 shape, 512 px", unet, 77, 4, 64, 64, rounds);
        }
    }

    /** On the built-in model's UNet shape and size, 64 x 64 pixels. */
    public void shapes(Compute compute, int rounds) {
        UNetConfig config = new UNetConfig(
                4,
                4,
                List.of(Level.even(48, 4, 1, 1), Level.even(96, 4, 1, 1), Level.even(96, 4, 0, 1)),
                96,
                16,
                1e-5,
                1,
                null,
                true,
                0);
        try (UNet unet = new UNet(config, Weights.synthetic(compute, DType.FLOAT32, 1))) {
            measure("shapes, 64 px", unet, 24, 1, 16, 16, rounds);
        }
    }

    private void measure(String title, UNet unet, int tokens, int stride, int rows, int columns, int rounds) {
        Compute compute = unet.weights().compute();
        AttentionLoss loss = AttentionLosses.of("initno", LossForm.RANKING);
        List<TokenGroup> subjects = List.of(TokenGroup.of(2), TokenGroup.of(5));
        try (Scope scope = new Scope()) {
            float[] text = NoiseGenerator.generate(NoiseSource.TORCH_CPU, 1, new long[] {
                        1, tokens, unet.config().contextWidth()
                    })
                    .data();
            Tensor context = Tensor.of(compute, text, 1, tokens, unet.config().contextWidth());
            FirstStep step = new FirstStep(unet, Conditioning.of(context), 981, 1, rows / stride, columns / stride);
            List<Noise> noises = IntStream.range(0, 4)
                    .mapToObj(i -> NoiseGenerator.generate(NoiseSource.TORCH_CPU, i, new long[] {
                        1, unet.config().inChannels(), rows, columns
                    }))
                    .toList();
            List<Noise> one = noises.subList(0, 1);
            AttentionEvaluator single = new AttentionEvaluator(step, loss, loss, subjects, 1);
            AttentionEvaluator four = new AttentionEvaluator(step, loss, loss, subjects, 4);
            List<Variant> variants = List.of(
                    new Variant("truncated, batch 1", 1, () -> single.evaluate(one)),
                    new Variant("truncated, batch 4", 4, () -> four.evaluate(noises)),
                    new Variant("full, batch 1", 1, () -> full(step, one, loss, subjects)),
                    new Variant("full, batch 4", 4, () -> full(step, noises, loss, subjects)),
                    new Variant("truncated with gradient", 1, () -> single.evaluateWithGradient(one)));
            report(title, variants, rounds);
        }
    }

    /** The same maps from a forward pass that goes on to the prediction. */
    private static void full(FirstStep step, List<Noise> noises, AttentionLoss loss, List<TokenGroup> subjects) {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                MapCollector maps = new MapCollector(
                        step.unet()
                                .sites(
                                        Math.toIntExact(noises.get(0).shape()[2]),
                                        Math.toIntExact(noises.get(0).shape()[3])),
                        step.rows(),
                        step.columns(),
                        true)) {
            step.unet().run(Noises.stack(step.compute(), noises), step.timestep(), step.conditioning(), endless(maps));
            new FirstStep.Maps(maps, maps.cross(), maps.self(), step.rows(), step.columns())
                    .toArrays(noises.size())
                    .forEach(one -> loss.evaluate(one, subjects, false));
        }
    }

    private static AttentionTap endless(AttentionTap tap) {
        return new AttentionTap() {
            @Override
            public boolean wants(AttentionSite site) {
                return tap.wants(site);
            }

            @Override
            public boolean last(AttentionSite site) {
                return false;
            }

            @Override
            public void accept(AttentionSite site, Tensor maps) {
                tap.accept(site, maps);
            }
        };
    }

    private void report(String title, List<Variant> variants, int rounds) {
        List<List<Double>> seconds = new ArrayList<>();
        variants.forEach(v -> {
            v.body().run();
            seconds.add(new ArrayList<>());
        });
        NativeShare share = new NativeShare();
        for (int round = 0; round < rounds; round++) {
            for (int i = 0; i < variants.size(); i++) {
                long start = System.nanoTime();
                if (i == 0) {
                    share.during(variants.get(i).body());
                } else {
                    variants.get(i).body().run();
                }
                seconds.get(i)
                        .add((System.nanoTime() - start)
                                * 1e-9
                                / variants.get(i).noises());
            }
        }
        double base = median(seconds.get(0));
        out.printf(Locale.ROOT, "%n%s, %d threads, median of %d rounds%n", title, Compute.threads(), rounds);
        out.printf(Locale.ROOT, "%-34s %16s %22s%n", "", "evaluations/s", "time to the first row");
        for (int i = 0; i < variants.size(); i++) {
            double time = median(seconds.get(i));
            out.printf(Locale.ROOT, "%-34s %16.2f %21.2fx%n", variants.get(i).name(), 1 / time, time / base);
        }
        out.printf(
                Locale.ROOT,
                "time outside libtorch in the first row: %.1f %% (%d samples)%n",
                100 * (1 - share.inside()),
                share.samples());
    }

    private static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int n = sorted.size();
        return (sorted.get((n - 1) / 2) + sorted.get(n / 2)) / 2;
    }
}
