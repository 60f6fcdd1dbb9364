package dev.prenoise.shapes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShapesModelTest {
    private static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";

    @TempDir
    Path cache;

    @Test
    void files_areADiffusersFolder() {
        assertThat(ShapesModel.SHAPES.files())
                .contains(
                        "model_index.json",
                        WEIGHTS,
                        "vae/config.json",
                        "tokenizer/tokenizer.json",
                        "text_encoder/config.json");
    }

    @Test
    void extractTo_emptyCache_writesEveryFile() throws Exception {
        Path folder = ShapesModel.SHAPES.extractTo(cache.resolve("not/there/yet"));

        for (String file : ShapesModel.SHAPES.files()) {
            try (InputStream in = ShapesModel.SHAPES.open(file)) {
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
