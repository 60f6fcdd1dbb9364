package dev.prenoise.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerFinderTest {
    private static final Path TINY = TestTokenizers.resource("clip-tiny");

    @TempDir
    private Path disk;

    private Path home;

    @BeforeEach
    void realPath() throws IOException {
        disk = disk.toRealPath();
        home = Files.createDirectories(disk.resolve("home"));
    }

    @Test
    void find_inTheHostAboveTheModels_isFoundAndTokenizes() throws IOException {
        Path checkpoint = file("ai/ComfyUI/models/checkpoints/sd15/model.safetensors");
        Path files = tokenizer("ai/ComfyUI/comfy/sd1_tokenizer");

        Path found = finder().find(checkpoint);

        assertThat(found).isEqualTo(files);
        assertTokenizes(found);
    }

    @Test
    void find_inHostsOfOtherKindsAndBesideTheModels_isFound() throws IOException {
        Path forge = tokenizer("forge/backend/huggingface/stabilityai/stable-diffusion-xl-base-1.0/tokenizer");
        assertThat(finder().find(file("forge/models/Stable-diffusion/xl.safetensors")))
                .isEqualTo(forge);

        Path beside = tokenizer("shared/ComfyUI/comfy/sd1_tokenizer");
        assertThat(finder().find(file("shared/models/xl.safetensors"))).isEqualTo(beside);

        Path package1 = tokenizer("matrix/Packages/MyComfy/comfy/sd1_tokenizer");
        assertThat(finder().find(file("matrix/Models/StableDiffusion/a.safetensors")))
                .isEqualTo(package1);
    }

    @Test
    void find_inA1111sPython_readsTheListOfMerges() throws IOException {
        Path checkpoint = file("webui/models/Stable-diffusion/model.safetensors");
        Path merges = disk.resolve("webui/venv/lib/python3.10/site-packages/open_clip/bpe_simple_vocab_16e6.txt.gz");
        Files.createDirectories(merges.getParent());
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(merges))) {
            Files.copy(TINY.resolve("merges.txt"), out);
        }

        Path found = finder().find(checkpoint);

        assertThat(found).isEqualTo(merges);
        assertTokenizes(found);
        try (Tokenizer tokenizer = Tokenizer.load(found)) {
            assertThat(tokenizer.maxLength()).isEqualTo(77);
        }
    }

    @Test
    void load_brokenListOfMerges_namesTheFile() throws IOException {
        Path merges = disk.resolve("bpe_simple_vocab_16e6.txt.gz");
        Files.writeString(merges, "no gzip");

        assertThatThrownBy(() -> Tokenizer.load(merges))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining(merges.toString())
                .hasMessageContaining("expected: CLIP's list of merges, packed by gzip");
    }

    @Test
    void find_throughLinks_looksAboveTheLinkAndAboveWhereItLeads() throws IOException {
        Path target = Files.createDirectories(disk.resolve("big/checkpoints"));
        file("big/checkpoints/model.safetensors");
        Path models = Files.createDirectories(disk.resolve("ai/ComfyUI/models"));
        Path link = Files.createSymbolicLink(models.resolve("checkpoints"), target);
        Path files = tokenizer("ai/ComfyUI/comfy/sd1_tokenizer");
        assertThat(finder().find(link.resolve("model.safetensors"))).isEqualTo(files);

        Path checkpoint = file("ai/ComfyUI/models/own/model.safetensors");
        Path elsewhere = Files.createDirectories(disk.resolve("elsewhere"));
        Path single = Files.createSymbolicLink(elsewhere.resolve("linked.safetensors"), checkpoint);
        assertThat(finder().find(single)).isEqualTo(files);

        Path broken = Files.createSymbolicLink(elsewhere.resolve("broken.safetensors"), disk.resolve("gone"));
        assertThatThrownBy(() -> finder().find(broken)).isInstanceOf(TokenizerException.class);
    }

    @Test
    void find_inHuggingFacesCache_isFoundInItsOrder() throws IOException {
        Path checkpoint = file("models/model.safetensors");
        String snapshot = "models--openai--clip-vit-large-patch14/snapshots/32bd64288804d66eefd0ccbe215aa642df71cc41";
        Path inHome = tokenizer("home/.cache/huggingface/hub/" + snapshot);
        assertThat(finder().find(checkpoint)).isEqualTo(inHome);

        Path moved = tokenizer("cache/hub/" + snapshot);
        Map<String, String> environment =
                Map.of("HF_HOME", disk.resolve("cache").toString());
        assertThat(new TokenizerFinder(List.of(), List.of(), environment, home).find(checkpoint))
                .isEqualTo(moved);
    }

    @Test
    void find_ofAFolderWithItsOwn_isItsOwnWhateverIsGiven() throws IOException {
        Path model = Files.createDirectories(disk.resolve("models/sdxl"));
        Path own = tokenizer("models/sdxl/tokenizer");
        Path given = tokenizer("given");

        assertThat(finder(given).find(model)).isEqualTo(own);
        assertThat(finder(given).find(file("models/other.safetensors"))).isEqualTo(given);
    }

    @Test
    void find_atAGivenPlace_takesModelsAndHostsAndRefusesOthers() throws IOException {
        Path checkpoint = file("models/model.safetensors");
        Path inModel = tokenizer("some-model/tokenizer_2");
        Path inHost = tokenizer("host/comfy/sd1_tokenizer");
        assertThat(finder(disk.resolve("some-model")).find(checkpoint)).isEqualTo(inModel);
        assertThat(finder(disk.resolve("host")).find(checkpoint)).isEqualTo(inHost);
        assertThat(finder(disk.resolve("nothing"), disk.resolve("host")).find(checkpoint))
                .isEqualTo(inHost);

        tokenizer("models/ComfyUI/comfy/sd1_tokenizer");
        assertThatThrownBy(() -> finder(disk.resolve("nothing")).find(checkpoint))
                .isInstanceOf(TokenizerException.class)
                .hasMessageStartingWith(disk.resolve("nothing") + ": no tokenizer files (expected: CLIP's vocab.json");
    }

    @Test
    void find_nowhere_saysWhereItLookedAndWhatToDo() throws IOException {
        Path checkpoint = file("models/model.safetensors");
        Files.createDirectories(disk.resolve("models/ComfyUI/comfy/sd1_tokenizer"));
        Files.writeString(disk.resolve("models/ComfyUI/comfy/sd1_tokenizer/vocab.json"), "{}");

        assertThatThrownBy(() ->
                        new TokenizerFinder(List.of(), List.of(disk.resolve("home")), Map.of(), home).find(checkpoint))
                .isInstanceOf(TokenizerException.class)
                .hasMessageStartingWith("no tokenizer for " + checkpoint + " (expected: ")
                .hasMessageContaining("--tokenizer DIR")
                .hasMessageContaining(disk.resolve("models") + ", " + disk)
                .hasMessageContaining(", " + home + " and")
                .hasMessageContaining("comfy/sd1_tokenizer")
                .hasMessageContaining("backend/huggingface/runwayml/stable-diffusion-v1-5/tokenizer")
                .hasMessageContaining(
                        home.resolve(".cache/huggingface/hub") + " for models--openai--clip-vit-large-patch14");
    }

    private TokenizerFinder finder(Path... given) {
        return new TokenizerFinder(List.of(given), List.of(), Map.of(), home);
    }

    private Path file(String name) throws IOException {
        Path file = disk.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.writeString(file, "");
    }

    private Path tokenizer(String name) throws IOException {
        Path folder = Files.createDirectories(disk.resolve(name));
        for (String file : List.of("vocab.json", "merges.txt")) {
            Files.copy(TINY.resolve(file), folder.resolve(file));
        }
        return folder;
    }

    private static void assertTokenizes(Path place) {
        try (Tokenizer tokenizer = Tokenizer.load(place);
                Tokenizer tiny = Tokenizer.load(TINY)) {
            String text = "an old fisherman wearing a yellow raincoat, na\u00efve";
            assertThat(tokenizer.encode(text, 64, 0).ids())
                    .isEqualTo(tiny.encode(text, 64, 0).ids());
        }
    }
}
