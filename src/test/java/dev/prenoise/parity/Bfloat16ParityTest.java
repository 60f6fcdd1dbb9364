package dev.prenoise.parity;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.attention.AttentionLoss;
import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.AttentionMaps;
import dev.prenoise.attention.LossForm;
import dev.prenoise.backbone.Conditioning;
import dev.prenoise.backbone.MapCollector;
import dev.prenoise.backbone.checkpoint.Checkpoint;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.parity.TinyModel.Layout;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.SafetensorsType;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What bfloat16 costs here, held to what it costs torch and diffusers on the same tiny models: prediction, maps, and what slopes of the maps come
 * to at the latents. How torch's numbers were made, and where the bounds come from, stands in {@code test/resources/parity/README.md}.
 *
 * <p>The way back is taken from the float32 maps' slope: a loss that picks a peak, a threshold or a pair picks another where maps are rounded,
 * and its gradient says more of that than of the network.
 */
class Bfloat16ParityTest {
    private static final List<String> LOSSES = List.of("initno", "self-cross", "conform");
    private static final double OF_ONE_FAMILY = 2.00;
    private static final double OF_ALL = 1.33;

    /** Gradients are amplified roundings, which other kernels draw anew; predictions and maps hardly depend on them. */
    private static final boolean SAME_KERNELS = sameKernels();

    @TempDir
    private static Path temp;

    /**
     * A line of bfloat16.tsv.
     *
     * @param sign of the golden's noise
     * @param apart by what is compared, see {@link #apart}
     */
    private record Torch(String family, int sign, Map<String, Double> apart) {
        static List<Torch> read() throws IOException {
            List<String> lines = Files.readAllLines(TinyModel.RESOURCES.resolve("bfloat16.tsv"));
            String[] head = lines.get(0).split("\t", -1);
            List<Torch> all = new ArrayList<>();
            for (String line : lines.subList(1, lines.size())) {
                String[] cells = line.split("\t", -1);
                Map<String, Double> apart = new LinkedHashMap<>();
                for (int i = 2; i < cells.length; i++) {
                    apart.put(head[i], Double.valueOf(cells[i]));
                }
                all.add(new Torch(cells[0], Integer.parseInt(cells[1]), apart));
            }
            return all;
        }
    }

    /**
     * What a UNet makes of a noise.
     *
     * @param values by what is compared; a loss's are its gradient with respect to the latents
     * @param slopes of the maps, by loss
     */
    private record Computed(Map<String, double[]> values, Map<String, AttentionMaps> slopes) {}

    @Test
    void unet_inBfloat16_liesAboutAsNearToItsFloat32AsTorchsDoes() throws IOException {
        SoftAssertions softly = new SoftAssertions();
        List<Torch> torch = Torch.read();
        // logarithms of our distance over torch's
        Map<String, List<Double>> ofAll = new LinkedHashMap<>();
        for (String family : TinyModel.FAMILIES) {
            Map<String, List<Double>> ratios = new LinkedHashMap<>();
            List<Torch> lines =
                    torch.stream().filter(line -> line.family.equals(family)).toList();
            ratios(family, lines).forEach((what, each) -> {
                ratios.computeIfAbsent(what, key -> new ArrayList<>()).addAll(each);
                ofAll.computeIfAbsent(what, key -> new ArrayList<>()).addAll(each);
            });
            System.out.println("bfloat16, ours over torch's, " + family + told(ratios));
            ratios.keySet().removeIf(what -> !judged(what));
            ratios.forEach((what, each) ->
                    softly.assertThat(mean(each)).as(family + ", " + what).isLessThanOrEqualTo(OF_ONE_FAMILY));
        }
        System.out.println("bfloat16, ours over torch's, all" + told(ofAll)
                + (SAME_KERNELS ? "" : "; gradients not judged: torch's were made with AVX-512 BF16 and without AMX"));
        ofAll.keySet().removeIf(what -> !judged(what));
        ofAll.forEach(
                (what, each) -> softly.assertThat(mean(each)).as("all, " + what).isLessThanOrEqualTo(OF_ALL));
        softly.assertAll();
    }

    private static boolean judged(String what) {
        return SAME_KERNELS || !LOSSES.contains(what);
    }

    private static boolean sameKernels() {
        try {
            String processor = Files.readString(Path.of("/proc/cpuinfo"));
            return processor.contains("avx512_bf16") && !processor.contains("amx_bf16");
        } catch (IOException e) {
            return false;
        }
    }

    private static Map<String, List<Double>> ratios(String family, List<Torch> lines) throws IOException {
        assertThat(lines).as(family).isNotEmpty();
        Golden golden = new Golden(family, DType.FLOAT32);
        Checkpoint checkpoint =
                Checkpoint.open(TinyModel.of(family).write(temp, Layout.SINGLE_FILE, SafetensorsType.BF16));
        Map<String, List<Double>> ratios = new LinkedHashMap<>();
        try (UNet wide = new UNet(checkpoint.unetConfig(), checkpoint.unetWeights(Compute.cpu(), DType.FLOAT32));
                UNet narrow =
                        new UNet(checkpoint.unetConfig(), checkpoint.unetWeights(Compute.cpu(), DType.BFLOAT16))) {
            for (Torch line : lines) {
                Computed exact = computed(wide, DType.FLOAT32, golden, line.sign, Map.of());
                Computed rounded = computed(narrow, DType.BFLOAT16, golden, line.sign, exact.slopes);
                assertThat(exact.values.keySet()).containsExactlyElementsOf(line.apart.keySet());
                line.apart.forEach((what, theirs) -> ratios.computeIfAbsent(what, key -> new ArrayList<>())
                        .add(Math.log(apart(value(rounded, what), value(exact, what)) / theirs)));
            }
        }
        return ratios;
    }

    private static double[] value(Computed computed, String what) {
        return computed.values.getOrDefault(what, new double[0]);
    }

    /**
     * @param slopes to take back to the latents; where there are none those of these maps
     */
    private static Computed computed(
            UNet unet, DType type, Golden golden, int sign, Map<String, AttentionMaps> slopes) {
        Computed computed = new Computed(new LinkedHashMap<>(), new LinkedHashMap<>());
        for (String name : LOSSES) {
            AttentionLoss loss = AttentionLosses.of(name, LossForm.RANKING);
            try (GradMode on = GradMode.on();
                    Scope scope = new Scope();
                    MapCollector maps = ParityTest.collector(unet, golden)) {
                Conditioning exact = golden.conditioning();
                Tensor context = exact.context().to(type);
                Tensor pooled = exact.pooled() == null ? null : exact.pooled().to(type);
                Tensor latents = golden.tensor("latents").mul(sign).requireGradient();
                boolean first = computed.values.isEmpty();
                Tensor prediction = unet.run(
                        latents.like(context),
                        golden.timestep(),
                        new Conditioning(context, pooled, exact.timeIds()),
                        first ? maps.toTheEnd() : maps);
                Tensor cross = maps.cross();
                Tensor self = maps.self();
                if (prediction != null) {
                    computed.values.put("eps", prediction.toDoubles());
                    computed.values.put("cross", cross.toDoubles());
                    computed.values.put("self", self.toDoubles());
                }
                AttentionMaps slope = slopes.getOrDefault(
                        name,
                        loss.evaluate(ParityTest.arrays(golden, cross, self), golden.groups(), true)
                                .gradient());
                computed.slopes.put(name, slope);
                Tensor sum = ParityTest.weighted(cross, slope.cross());
                (slope.self() == null ? sum : sum.add(ParityTest.weighted(self, slope.self()))).backward();
                assertThat(List.of(cross.dtype(), latents.gradient().dtype()))
                        .as("maps and gradients")
                        .containsOnly(DType.FLOAT32);
                computed.values.put(name, latents.gradient().toDoubles());
            }
        }
        return computed;
    }

    /** The error as a share of what is left of the exact values: {@code |a - e| |e| / (a . e)}; infinite where nothing is left. */
    private static double apart(double[] actual, double[] exact) {
        double error = 0;
        double square = 0;
        double kept = 0;
        for (int i = 0; i < exact.length; i++) {
            error += (actual[i] - exact[i]) * (actual[i] - exact[i]);
            square += exact[i] * exact[i];
            kept += actual[i] * exact[i];
        }
        return kept > 0 ? Math.sqrt(error * square) / kept : Double.POSITIVE_INFINITY;
    }

    /** The geometric mean of what these are logarithms of. */
    private static double mean(List<Double> logarithms) {
        return Math.exp(
                logarithms.stream().mapToDouble(Double::doubleValue).average().orElseThrow());
    }

    private static String told(Map<String, List<Double>> ratios) {
        StringBuilder text = new StringBuilder();
        ratios.forEach((what, each) -> text.append(String.format(Locale.ROOT, " %s %.2f", what, mean(each))));
        return text.toString();
    }
}
