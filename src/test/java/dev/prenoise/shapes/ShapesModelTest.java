package dev.prenoise.shapes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ShapesModelTest {
    private static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";

    @TempDir
    Path cache;

    @ParameterizedTest
    @EnumSource
    void files_areADiffusersFolder(ShapesModel model) {
        assertThat(model.files())
                .contains(
                        "model_index.json",
                        WEIGHTS,
                        "vae/config.json",
                        "tokenizer/tokenizer.json",
                        "text_encoder/config.json");
    }

    @Test
    void shapesV_hasAUNetOfItsOwn_andSharesTheRest() {
        List<String> other = ShapesModel.SHAPES.files().stream()
                .filter(file -> !Objects.equals(ShapesModel.SHAPES.sha256Of(file), ShapesModel.SHAPES_V.sha256Of(file)))
                .toList();
        assertThat(other).containsExactly("scheduler/scheduler_config.json", "unet/config.json", WEIGHTS);
        assertThat(ShapesModel.SHAPES_V.files()).isEqualTo(ShapesModel.SHAPES.files());
        assertThat(ShapesModel.of("shapes-v")).isEqualTo(ShapesModel.SHAPES_V);
        assertThat(ShapesModel.of("shapes-w")).isNull();
    }

    @ParameterizedTest
    @EnumSource
    void extractTo_emptyCache_writesEveryFile(ShapesModel model) throws Exception {
        Path folder = model.extractTo(cache.resolve("not/there/yet"));

        for (String file : model.files()) {
            try (InputStream in = model.open(file)) {
                assertThat(folder.resolve(file)).hasBinaryContent(in.readAllBytes());
            }
        }
    }

    @Test
    void extractTo_again_touchesNothing() throws Exception {
        Path folder = ShapesModel.SHAPES.extractTo(cache);
        FileTime before = FileTime.fromMillis(1_000_000);
        Files.setLastModifiedTime(folder.resolve(WEIGHTS), before);

        assertThat(ShapesModel.SHAPES.extractTo(cache)).isEqualTo(folder);
        assertThat(Files.getLastModifiedTime(folder.resolve(WEIGHTS))).isEqualTo(before);
    }

    @Test
    void extractTo_damagedFile_isReplacedAndNothingElseIsLeft() throws Exception {
        Path folder = ShapesModel.SHAPES.extractTo(cache);
        Files.writeString(folder.resolve(WEIGHTS), "short");
        Files.delete(folder.resolve("vae/config.json"));

        ShapesModel.SHAPES.extractTo(cache);

        assertThat(Files.size(folder.resolve(WEIGHTS))).isGreaterThan(6_000_000);
        assertThat(folder.resolve("vae/config.json")).isRegularFile();
        try (Stream<Path> entries = Files.list(cache)) {
            assertThat(entries).containsExactly(folder);
        }
    }

    @Test
    void extractTo_manyAtOnce_allGetTheOneFolder() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            Callable<Path> extraction = () -> ShapesModel.SHAPES.extractTo(cache);
            List<Future<Path>> folders = threads.invokeAll(List.of(extraction, extraction, extraction, extraction));
            for (Future<Path> folder : folders) {
                assertThat(folder.get()).isEqualTo(folders.get(0).get());
            }
        } finally {
            threads.shutdown();
        }
        try (Stream<Path> entries = Files.list(cache)) {
            assertThat(entries).hasSize(1);
        }
    }

    @Test
    void open_unknownFile_saysWhichThereAre() {
        assertThatThrownBy(() -> ShapesModel.SHAPES.open("../secret"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("file: \"../secret\" (expected: one of [model_index.json");
    }
}
