package dev.prenoise.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VerifierFilesTest {
    private static final String REPOSITORY = "facebook/dino-vitb16";
    private static final List<String> MODEL = List.of(VerifierFiles.MODEL);

    @TempDir
    Path root;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "dino-vitb16",
                "facebook/dino-vitb16",
                "models--facebook--dino-vitb16/snapshots/0123",
            })
    void find_repositoryInAFolder_isFound(String place) throws IOException {
        Path model = write(place + "/model.safetensors");
        VerifierFiles.Found found = new VerifierFiles(List.of(root)).find(REPOSITORY, MODEL);
        assertThat(found.problem()).isNull();
        assertThat(found.weights()).isEqualTo(model);
        assertThat(found.folder()).isEqualTo(model.getParent());
    }

    @Test
    void find_folderThatIsTheRepository_isFound() throws IOException {
        Path model = write("dino-vitb16/model.safetensors");
        VerifierFiles files = new VerifierFiles(List.of(root.resolve("dino-vitb16")));
        assertThat(files.find(REPOSITORY, MODEL).weights()).isEqualTo(model);
    }

    @Test
    void find_commonFileNameInTheFolderItself_isAnybodys() throws IOException {
        write("model.safetensors");
        assertThat(new VerifierFiles(List.of(root)).find(REPOSITORY, MODEL).problem())
                .isNotNull();
    }

    @Test
    void find_ownFileNameInTheFolderItself_isFound() throws IOException {
        Path file = write("ImageReward.safetensors");
        VerifierFiles files = new VerifierFiles(List.of(root));
        assertThat(files.find("THUDM/ImageReward", List.of("ImageReward.safetensors"))
                        .weights())
                .isEqualTo(file);
    }

    @Test
    void find_whatLiesBesideIsMissing_namesIt() throws IOException {
        Path model = write("dino-vitb16/model.safetensors");
        VerifierFiles.Found found = new VerifierFiles(List.of(root)).find(REPOSITORY, MODEL, "config.json");
        assertThat(found.problem())
                .isEqualTo(
                        model.resolveSibling("config.json") + ": missing (expected: it lies beside model.safetensors)");
    }

    @Test
    void find_pickleAlone_isRefusedWithTheWayOut() throws IOException {
        Path pickle = write("dino-vitb16/pytorch_model.bin");
        assertThat(new VerifierFiles(List.of(root)).find(REPOSITORY, MODEL).problem())
                .isEqualTo(pickle + " is a pickle, which can run code when it is read (expected: model.safetensors;"
                        + " src/tools/to_safetensors.py makes it of the pickle)");
    }

    @Test
    void find_nothing_saysWhatToPutWhere() {
        assertThat(new VerifierFiles(List.of(root))
                        .find(REPOSITORY, MODEL, "config.json")
                        .problem())
                .isEqualTo(
                        "its files are missing (expected: model.safetensors and config.json of facebook/dino-vitb16, in a folder"
                                + " dino-vitb16 of a --verifiers DIR; looked in " + root + ")");
        assertThat(new VerifierFiles(List.of()).find(REPOSITORY, MODEL).problem())
                .contains("none was given");
    }

    private Path write(String name) throws IOException {
        Path file = root.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, "");
    }
}
