package dev.prenoise.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.engine.ModelException;
import dev.prenoise.engine.Parity;
import dev.prenoise.engine.Parity.Difference;
import dev.prenoise.engine.Precision;
import dev.prenoise.parity.TinyModel.Layout;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.SafetensorsType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code prenoise parity} prints. */
class ParityCommandTest {
    @TempDir
    private Path folder;

    private void put(String family, String expectedOf) throws IOException {
        Files.move(
                TinyModel.of(family).write(folder, Layout.SINGLE_FILE, SafetensorsType.F16),
                folder.resolve("checkpoint.safetensors"));
        Files.copy(
                TinyModel.RESOURCES.resolve(expectedOf + "/golden.safetensors"),
                folder.resolve("expected.safetensors"));
    }

    @Test
    void of_aFolder_comparesEveryNetwork() throws IOException {
        put("sdxl", "sdxl");

        assertThat(Parity.of(folder, Compute.cpu(), Precision.AUTO))
                .allSatisfy(difference -> {
                    assertThat(difference.largest() / difference.scale()).isBetween(1e-9, 2e-5);
                    assertThat(difference.mean()).isGreaterThan(0).isLessThan(difference.largest());
                })
                .extracting(Difference::what)
                .containsExactly("eps", "cross", "self", "text.pooled", "text.context", "decoded");
    }

    @Test
    void of_anotherModelsResults_showsHowFarTheyLie() throws IOException {
        put("sd2", "sd2_v");

        assertThat(Parity.of(folder, Compute.cpu(), Precision.AUTO))
                .allSatisfy(difference ->
                        assertThat(difference.largest() / difference.scale()).isGreaterThan(1e-2));
    }

    @Test
    void of_aFolderWithoutCheckpoint_namesTheFile() throws IOException {
        Files.copy(TinyModel.RESOURCES.resolve("sd1/golden.safetensors"), folder.resolve("expected.safetensors"));

        assertThatThrownBy(() -> Parity.of(folder, Compute.cpu(), Precision.AUTO))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("checkpoint.safetensors: missing");
    }
}
