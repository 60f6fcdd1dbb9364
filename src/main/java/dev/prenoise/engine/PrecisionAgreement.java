package dev.prenoise.engine;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.LossForm;
import dev.prenoise.attention.TokenGroup;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.shapes.PromptSuite;
import dev.prenoise.tensor.Compute;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/**
 * Whether a precision ranks noises as float32 does: the same noises of the same prompts are scored by every loss in both, and the orders
 * compared. Noise k is drawn by seed k as {@code torch.randn} draws it.
 */
public final class PrecisionAgreement {
    /** Candidates of a small search: the many are cut into such groups as well. */
    private static final int GROUP = 16;

    private final PrintStream out;
    private final Precision precision;
    private final int candidates;
    private final List<Compared> losses;

    /** One loss's scores of the prompt at hand, and what came of those before. */
    private record Compared(
            AttentionLoss loss,
            double[] exact,
            double[] other,
            List<RankAgreement> ofAll,
            List<RankAgreement> ofGroups) {
        void close() {
            ofAll.add(RankAgreement.of(exact, other));
            for (int from = 0; from + GROUP <= exact.length; from += GROUP) {
                ofGroups.add(RankAgreement.of(
                        Arrays.copyOfRange(exact, from, from + GROUP), Arrays.copyOfRange(other, from, from + GROUP)));
            }
        }
    }

    /**
     * @param precision to hold against float32
     * @param candidates of each prompt, at least 2
     */
    public PrecisionAgreement(PrintStream out, Precision precision, int candidates) {
        this.out = out;
        this.precision = precision;
        this.candidates = candidates;
        this.losses = AttentionLosses.names().stream()
                .map(name -> new Compared(
                        AttentionLosses.of(name, LossForm.RANKING),
                        new double[candidates],
                        new double[candidates],
                        new ArrayList<>(),
                        new ArrayList<>()))
                .toList();
    }

    /**
     * The built-in model on prompts of two coloured objects.
     *
     * @param options whose precision does not count
     */
    public void builtIn(CatalogOptions options, int prompts) {
        try (ModelCatalog exact =
                        Catalogs.create(options.withEngine(options.engine().withPrecision(Precision.FP32)));
                ModelCatalog other =
                        Catalogs.create(options.withEngine(options.engine().withPrecision(precision)))) {
            for (int i = 0; i < prompts; i++) {
                PromptSpec prompt = new PromptSpec(PromptSuite.TWO_OBJECTS.prompt(1, i), "", List.of());
                try (PromptSession reference = exact.open("shapes").prepare(prompt, SamplingSpec.DEFAULT, 0, 0);
                        PromptSession tried = other.open("shapes").prepare(prompt, SamplingSpec.DEFAULT, 0, 0)) {
                    List<TokenGroup> subjects = reference.subjects().stream()
                            .map(subject -> new TokenGroup(subject.tokenIndices()))
                            .toList();
                    add(reference::maps, tried::maps, reference.noiseShape(), loss -> subjects);
                }
            }
        }
        print("shapes, 64 px", prompts);
    }

    /**
     * The UNet of a checkpoint at one size, on embeddings as {@link LossBenchmark} draws them.
     *
     * @param side of the picture in pixels; 0 for the size that the model was trained on
     * @throws IllegalArgumentException as {@link LossBenchmark#checkpoint}
     */
    public void unet(Path checkpoint, int side, Compute compute) {
        try (LossBenchmark exact = LossBenchmark.checkpoint(checkpoint, side, compute, Precision.FP32);
                LossBenchmark other = LossBenchmark.checkpoint(checkpoint, side, compute, precision)) {
            add(exact::maps, other::maps, exact.noiseShape(), LossBenchmark::subjects);
            print(exact.title(), 1);
        }
    }

    /** One prompt. */
    private void add(
            Function<Noise, AttentionMaps> exact,
            Function<Noise, AttentionMaps> other,
            long[] shape,
            Function<String, List<TokenGroup>> subjects) {
        for (int i = 0; i < candidates; i++) {
            Noise noise = NoiseGenerator.generate(NoiseSource.TORCH_CPU, i, shape);
            AttentionMaps reference = exact.apply(noise);
            AttentionMaps tried = other.apply(noise);
            for (Compared compared : losses) {
                List<TokenGroup> groups = subjects.apply(compared.loss().name());
                compared.exact()[i] = score(compared.loss(), reference, groups);
                compared.other()[i] = score(compared.loss(), tried, groups);
            }
        }
        losses.forEach(Compared::close);
    }

    private static double score(AttentionLoss loss, AttentionMaps maps, List<TokenGroup> subjects) {
        return loss.evaluate(maps, subjects, false).loss();
    }

    private void print(String title, int prompts) {
        out.printf(
                Locale.ROOT,
                "%n%s, %s beside fp32, %d noises of %d prompt%s%n",
                title,
                precision.name().toLowerCase(Locale.ROOT),
                candidates,
                prompts,
                prompts == 1 ? "" : "s");
        out.printf(
                Locale.ROOT,
                "%-20s %22s   %-32s %s%n",
                "",
                "Kendall's tau",
                "best of " + candidates + ": the same",
                candidates < GROUP ? "" : "best of " + GROUP + ": the same");
        for (Compared compared : losses) {
            out.printf(
                    Locale.ROOT,
                    "%-20s %22s   %-32s %s%n",
                    compared.loss().name(),
                    spread(compared.ofAll()),
                    choice(compared.ofAll()),
                    choice(compared.ofGroups()));
        }
        out.printf("(regret: what is lost of the best candidate's gain over the mean candidate; mean, largest)%n");
        out.flush();
    }

    private static String spread(List<RankAgreement> all) {
        double[] sorted = all.stream().mapToDouble(RankAgreement::tau).sorted().toArray();
        int n = sorted.length;
        double median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
        return n == 1
                ? String.format(Locale.ROOT, "%.3f", median)
                : String.format(Locale.ROOT, "%.3f [%.3f, %.3f]", median, sorted[0], sorted[n - 1]);
    }

    private static String choice(List<RankAgreement> all) {
        if (all.isEmpty()) {
            return "";
        }
        long same = all.stream().filter(RankAgreement::sameChosen).count();
        double mean = all.stream().mapToDouble(RankAgreement::regret).average().orElse(0);
        double largest = all.stream().mapToDouble(RankAgreement::regret).max().orElse(0);
        return String.format(Locale.ROOT, "%d of %d, regret %.3f, %.2f", same, all.size(), mean, largest);
    }
}
