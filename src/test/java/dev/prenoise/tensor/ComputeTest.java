package dev.prenoise.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;

class ComputeTest {
    @Test
    void of_theSameDevice_isTheSameObject() {
        assertThat(Compute.of("cpu")).isSameAs(Compute.cpu());
        assertThat(Compute.of("auto")).isSameAs(Compute.best());
    }

    @Test
    void of_aDeviceThatIsNotThere_saysWhatIs() {
        assumeTrue(
                Compute.cudaDevices() == 0 && !System.getProperty("os.name").startsWith("Mac"), "a machine with a GPU");
        assertThat(Compute.best()).isSameAs(Compute.cpu());
        assertThatThrownBy(() -> Compute.of("mps"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "device: \"mps\" (expected: a device of this machine; MPS is Apple's: macOS on Apple silicon has it)");
        for (String name : new String[] {"cuda", "cuda:0"}) {
            assertThatThrownBy(() -> Compute.of(name))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("device: \"cuda:0\" (expected: a device of this machine; libtorch ")
                    .hasMessageEndingWith(" sees 0 CUDA devices)");
        }
    }

    @Test
    void of_noDevice_listsWhatThereIs() {
        assertThatThrownBy(() -> Compute.of("gpu"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("device: \"gpu\" (expected: auto, cpu, mps, cuda or cuda:N)");
    }

    @Test
    void nameOf_aDeviceOfAnotherMachine_isAsThere() {
        assertThat(Compute.nameOf("cuda")).isEqualTo("cuda:0");
        assertThat(Compute.nameOf("cuda:3")).isEqualTo("cuda:3");
        assertThat(Compute.nameOf("mps")).isEqualTo("mps");
        assertThat(Compute.nameOf("cpu")).isEqualTo(Compute.cpu().name());
        assertThat(Compute.computesHalf("cuda:3")).isTrue();
        assertThat(Compute.computesHalf("cpu")).isEqualTo(Compute.cpu().computesHalf());
    }
}
