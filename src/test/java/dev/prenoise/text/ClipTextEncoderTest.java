package dev.prenoise.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against transformers' numbers in float64, on tiny encoders of each kind. */
class ClipTextEncoderTest {
    private static final Path FOLDER = TestTokenizers.resource("encoder");
    private static final SafetensorsFile GOLDEN = SafetensorsFile.open(FOLDER.resolve("golden.safetensors"));
    private static final long[][] PADDED_WITH_END = {{38, 17, 5, 39, 39, 39, 39}, {38, 4, 4, 9, 30, 2, 39}};
    private static final long[][] PADDED_WITH_0 = {{38, 17, 5, 39, 0, 0, 0}, {38, 4, 4, 9, 30, 2, 39}};

    @ParameterizedTest
    @CsvSource({"clip_l,3,2,true", "open_clip_h,3,39,false", "open_clip_big_g,4,2,false"})
    void encode_everyHiddenStateAndPooled_equalsTransformers(String name, int layers, int eosId, boolean quickGelu) {
        long[][] ids = quickGelu ? PADDED_WITH_END : PADDED_WITH_0;
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                ClipTextEncoder encoder = encoder(name, layers, eosId, quickGelu)) {
            assertClose(encoder.encode(ids), name + ".last");
            for (int k = 0; k < layers; k++) {
                ClipTextEncoder.Output plain = encoder.encode(ids, k, false, true);
                assertClose(plain.hidden(), name + "." + k + "_earlier");
                assertClose(Objects.requireNonNull(plain.pooled()), name + ".pooled");

                ClipTextEncoder.Output normed = encoder.encode(ids, k, true, false);
                assertClose(normed.hidden(), name + "." + k + "_earlier_normed");
                assertThat(normed.pooled()).isNull();
            }
        }
    }

    @Test
    void encode_batch_equalsEachRowAlone() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                ClipTextEncoder encoder = encoder("open_clip_big_g", 4, 2, false)) {
            ClipTextEncoder.Output both = encoder.encode(PADDED_WITH_0, 1, false, true);
            for (int row = 0; row < 2; row++) {
                ClipTextEncoder.Output alone = encoder.encode(new long[][] {PADDED_WITH_0[row]}, 1, false, true);
                assertThat(both.hidden().narrow(0, row, 1).toDoubles())
                        .containsExactly(alone.hidden().toDoubles(), within(1e-12));
                assertThat(Objects.requireNonNull(both.pooled())
                                .narrow(0, row, 1)
                                .toDoubles())
                        .containsExactly(Objects.requireNonNull(alone.pooled()).toDoubles(), within(1e-12));
            }
        }
    }

    @Test
    void encode_earlierLayerWithoutPooled_leavesTheRestUnread() {
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                ClipTextEncoder part = encoder("open_clip_big_g", 4, 2, false);
                ClipTextEncoder whole = encoder("open_clip_big_g", 4, 2, false)) {
            part.encode(PADDED_WITH_0, 2, false, false);
            whole.encode(PADDED_WITH_0, 2, false, true);
            assertThat(part.weights().loadedBytes()).isLessThan(whole.weights().loadedBytes() * 2 / 3);
        }
    }

    @Test
    void encode_layerThatIsNotThere_isRefused() {
        try (ClipTextEncoder encoder = encoder("clip_l", 3, 2, true)) {
            assertThatThrownBy(() -> encoder.encode(PADDED_WITH_END, 3, true, false))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("layers_earlier: 3 (expected: 0 to 2)");
        }
    }

    static ClipTextEncoder encoder(String name, int layers, int eosId, boolean quickGelu) {
        ClipTextConfig config = new ClipTextConfig(40, 7, 16, 24, layers, 2, 1e-5, quickGelu, 38, eosId, 1);
        return new ClipTextEncoder(
                config, Weights.open(FOLDER.resolve(name + ".safetensors"), Compute.cpu(), DType.FLOAT64));
    }

    private static void assertClose(Tensor actual, String golden) {
        try (Tensor expected = GOLDEN.load(golden, Compute.cpu(), DType.FLOAT64)) {
            assertThat(actual.shape()).as(golden).containsExactly(expected.shape());
            assertThat(actual.toDoubles()).as(golden).containsExactly(expected.toDoubles(), within(1e-12));
        }
    }
}
