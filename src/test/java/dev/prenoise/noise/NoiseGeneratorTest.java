package dev.prenoise.noise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;

class NoiseGeneratorTest {
    @Test
    void generate_torchCpu_equalsTorchBitForBit() throws IOException {
        List<Golden> goldens = goldens("torch_cpu.csv");
        assertThat(goldens).hasSizeGreaterThan(150);
        assertEqual(NoiseSource.TORCH_CPU, goldens);
    }

    @Test
    void generate_nvPhilox_equalsTheFormulaBitForBit() throws IOException {
        List<Golden> goldens = goldens("nv_philox.csv");
        assertThat(goldens).hasSize(60);
        assertEqual(NoiseSource.NV_PHILOX, goldens);
    }

    /** The well-known first values of {@code torch.manual_seed(0); torch.randn(4)}. */
    @Test
    void generate_torchCpuSeedZero_startsAsEveryoneHasSeenIt() {
        assertThat(NoiseGenerator.generate(NoiseSource.TORCH_CPU, 0, new long[] {4})
                        .data())
                .containsExactly(1.5409960746765137f, -0.293428897857666f, -2.1787893772125244f, 0.5684312582015991f);
    }

    @Test
    void generate_torchCpu_readsTheLow32BitsOfTheSeedOnly() {
        long[] shape = {1, 4, 8, 8};
        Noise noise = NoiseGenerator.generate(NoiseSource.TORCH_CPU, 42, shape);
        assertThat(NoiseGenerator.generate(NoiseSource.TORCH_CPU, 42 + (7L << 32), shape))
                .isEqualTo(noise);
        assertThat(NoiseGenerator.generate(NoiseSource.TORCH_CPU, 43, shape)).isNotEqualTo(noise);
    }

    @Test
    void generate_nvPhilox_readsAllBitsOfTheSeed() {
        long[] shape = {1, 4, 8, 8};
        assertThat(NoiseGenerator.generate(NoiseSource.NV_PHILOX, 42 + (7L << 32), shape))
                .isNotEqualTo(NoiseGenerator.generate(NoiseSource.NV_PHILOX, 42, shape));
    }

    @Test
    void generate_nvPhilox_valueDependsOnItsPlaceAlone() {
        float[] few = NoiseGenerator.generate(NoiseSource.NV_PHILOX, 5, new long[] {10})
                .data();
        float[] many = NoiseGenerator.generate(NoiseSource.NV_PHILOX, 5, new long[] {1000})
                .data();
        assertThat(Arrays.copyOf(many, 10)).containsExactly(few);
    }

    @Test
    void generate_fromEightThreadsAtOnce_everyoneGetsTheSameBits() throws Exception {
        List<String> alone = digests(40);
        assertThat(Together.call(8, () -> digests(40))).hasSize(8).containsOnly(alone);
    }

    @Test
    void generate_negativeDimension_isRejected() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NoiseGenerator.generate(NoiseSource.TORCH_CPU, 0, new long[] {1, -4}))
                .withMessage("shape: [1, -4] (expected: no negative dimension)");
    }

    @Test
    void generate_tooManyValues_isRejected() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NoiseGenerator.generate(NoiseSource.TORCH_CPU, 0, new long[] {1 << 16, 1 << 15}))
                .withMessage("shape: 2147483648 values (expected: at most 2147483647)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> NoiseGenerator.generate(NoiseSource.NV_PHILOX, 0, new long[] {1L << 40, 1L << 40}))
                .withMessage("shape: [1099511627776, 1099511627776] (expected: fewer than 2^63 values)");
    }

    private static List<String> digests(int draws) {
        List<String> digests = new ArrayList<>();
        for (int i = 0; i < draws; i++) {
            NoiseSource source = NoiseSource.values()[i % 2];
            digests.add(NoiseGenerator.generate(source, i, new long[] {1, 4, 32, 31 + i % 3})
                    .sha256());
        }
        return digests;
    }

    private static void assertEqual(NoiseSource source, List<Golden> goldens) {
        SoftAssertions.assertSoftly(softly -> {
            for (Golden golden : goldens) {
                Noise noise = NoiseGenerator.generate(source, golden.seed, golden.shape);
                float[] data = noise.data();
                softly.assertThat(data.length == 0 ? "" : bits(data[0]))
                        .as("first value of %s", golden)
                        .isEqualTo(golden.first);
                softly.assertThat(data.length == 0 ? "" : bits(data[data.length - 1]))
                        .as("last value of %s", golden)
                        .isEqualTo(golden.last);
                softly.assertThat(noise.sha256()).as("digest of %s", golden).isEqualTo(golden.sha256);
            }
        });
    }

    private static String bits(float value) {
        return String.format("%08x", Float.floatToRawIntBits(value));
    }

    private static List<Golden> goldens(String name) throws IOException {
        try (InputStream in = NoiseGeneratorTest.class.getResourceAsStream("/noise/" + name)) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            return text.lines().skip(1).map(Golden::parse).toList();
        }
    }

    private record Golden(long seed, long[] shape, String sha256, String first, String last) {
        static Golden parse(String line) {
            String[] fields = line.split(",", -1);
            long[] shape = fields[1].isEmpty()
                    ? new long[0]
                    : Arrays.stream(fields[1].split("x"))
                            .mapToLong(Long::parseLong)
                            .toArray();
            return new Golden(Long.parseUnsignedLong(fields[0]), shape, fields[2], fields[3], fields[4]);
        }

        @Override
        public String toString() {
            return "seed " + Long.toUnsignedString(seed) + ", shape " + Arrays.toString(shape);
        }
    }
}
