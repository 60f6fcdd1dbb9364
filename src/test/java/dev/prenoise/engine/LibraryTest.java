package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.engine.Library.Item;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Of a library whose files hold text: "bad" cannot be used, "huge" and "deep" fill the heap and the stack. */
class LibraryTest {
    @TempDir
    private Path root;

    @TempDir
    private Path elsewhere;

    private final List<String> read = new ArrayList<>();
    private Sha256Cache hashes;

    @BeforeEach
    void openCache() {
        hashes = cache();
    }

    @AfterEach
    void closeCache() {
        hashes.close();
    }

    private Sha256Cache cache() {
        return new Sha256Cache(elsewhere.resolve("cache/sha256.tsv"));
    }

    private Library<String> library(boolean hash, Path... roots) {
        return new Library<>(List.of(roots), true, Set.of("shapes"), this::text, hashes, hash);
    }

    private String text(Path path) {
        read.add(path.getFileName().toString());
        try {
            Path index = path.resolve("model_index.json");
            String text = Files.isDirectory(path) && !Files.exists(index)
                    ? "a folder"
                    : Files.readString(Files.isDirectory(path) ? index : path);
            if (text.equals("bad")) {
                throw new IllegalArgumentException(path + ": no model");
            }
            if (text.equals("huge")) {
                throw new OutOfMemoryError("Java heap space");
            }
            if (text.equals("deep")) {
                throw new StackOverflowError();
            }
            return text;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Path write(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    private static List<String> ids(Library<String> library) {
        return library.list().stream().map(Item::id).toList();
    }

    @Test
    void list_ofWhatHostsHave_hasFilesFoldersAndReasons() throws Exception {
        write(root.resolve("a.safetensors"), "A");
        write(root.resolve("sd15/B.SAFETENSORS"), "B");
        write(root.resolve("sd15/old.ckpt"), "pickled");
        write(root.resolve("sd15/notes.txt"), "");
        write(root.resolve("torn.safetensors"), "bad");
        write(root.resolve("folder/model_index.json"), "{}");
        write(root.resolve("folder/unet/diffusion_pytorch_model.safetensors"), "1234");
        write(root.resolve("folder/unet/diffusion_pytorch_model.bin"), "123");
        write(root.resolve(".hidden/c.safetensors"), "C");
        Library<String> library = library(false, root);

        assertThat(ids(library))
                .containsExactly("a.safetensors", "folder", "sd15/B.SAFETENSORS", "sd15/old.ckpt", "torn.safetensors");
        assertThat(library.get("folder").bytes()).isEqualTo(4);
        assertThat(library.get("a.safetensors").problem()).isNull();
        assertThat(library.get("sd15/old.ckpt").problem())
                .startsWith("a pickle, which can run ")
                .contains(".safetensors");
        assertThat(library.get("torn.safetensors").problem()).isEqualTo("no model");
    }

    /** As docs/checkpoints.md has it; a bare file would go without what its config says of heads. */
    @Test
    void list_ofAUNetsFolder_hasItAsOne() throws Exception {
        String unet = "{\"_class_name\": \"UNet2DConditionModel\"}";
        network("own", unet);
        write(root.resolve("own/diffusion_pytorch_model.fp16.safetensors"), "12");
        write(root.resolve("own/diffusion_pytorch_model.bin"), "pickled");
        network("old", "{\"cross_attention_dim\": 768}");
        network("torn", "{\"_class");
        network("model/unet", unet);
        network("model/vae", "{\"_class_name\": \"AutoencoderKL\"}");
        write(root.resolve("model/readme.md"), "");
        Library<String> library = library(false, root);
        assertThat(ids(library)).containsExactly("model", "old", "own", "torn");
        assertThat(library.get("own").bytes()).isEqualTo(3);
        assertThat(library.get("model").bytes()).isEqualTo(2);
        assertThat(library.get("model").files()).hasSize(4);
        assertThat(library.get("own").problem()).isNull();
    }

    @Test
    void list_ofOtherNetworksFolders_hasTheirFiles() throws Exception {
        network("vae", "{\"_class_name\": \"AutoencoderKL\"}");
        network("controlnet", "{\"_class_name\": \"ControlNetModel\", \"cross_attention_dim\": 768}");
        write(root.resolve("text/config.json"), "{\"architectures\": [\"CLIPTextModel\"]}");
        write(root.resolve("text/model.safetensors"), "1");
        assertThat(ids(library(false, root)))
                .containsExactly(
                        "controlnet/diffusion_pytorch_model.safetensors",
                        "text/model.safetensors",
                        "vae/diffusion_pytorch_model.safetensors");
    }

    /** Where a host keeps UNets, someone has left one with its config. */
    @Test
    void list_ofAHostsFolderOfUNets_hasWhatElseIsThere() throws Exception {
        network("unet", "{\"_class_name\": \"UNet2DConditionModel\"}");
        write(root.resolve("unet/another.safetensors"), "1234");
        write(root.resolve("unet/sub/third.safetensors"), "1");
        write(root.resolve("checkpoints/a.safetensors"), "1");
        Library<String> library = library(false, root);
        assertThat(ids(library))
                .containsExactly(
                        "checkpoints/a.safetensors", "unet", "unet/another.safetensors", "unet/sub/third.safetensors");
        assertThat(library.get("unet").bytes()).isEqualTo(1);
    }

    private void network(String folder, String config) throws IOException {
        write(root.resolve(folder + "/config.json"), config);
        write(root.resolve(folder + "/diffusion_pytorch_model.safetensors"), "1");
    }

    @Test
    void list_withFilesThatFillTheMemory_hasTheOthers() throws Exception {
        write(root.resolve("a.safetensors"), "A");
        write(root.resolve("b.safetensors"), "huge");
        write(root.resolve("c.safetensors"), "deep");
        Library<String> library = library(false, root);
        assertThat(ids(library)).containsExactly("a.safetensors", "b.safetensors", "c.safetensors");
        assertThat(library.get("a.safetensors").problem()).isNull();
        assertThat(library.get("b.safetensors").problem())
                .isEqualTo("asks for more memory than there is when it is looked at"
                        + " (java.lang.OutOfMemoryError: Java heap space)");
        assertThat(library.get("c.safetensors").problem()).contains("java.lang.StackOverflowError");
    }

    @Test
    void list_againAndAgain_readsOnlyWhatCameOrChanged() throws Exception {
        Path first = write(root.resolve("sub/first.safetensors"), "A");
        Library<String> library = library(false, root);
        assertThat(ids(library)).containsExactly("sub/first.safetensors");
        write(root.resolve("sub/deeper/second.safetensors"), "B");
        assertThat(ids(library)).containsExactly("sub/deeper/second.safetensors", "sub/first.safetensors");
        Files.writeString(first, "A longer one");
        assertThat(library.get("sub/first.safetensors").content()).isEqualTo("A longer one");
        Files.delete(root.resolve("sub/deeper/second.safetensors"));
        assertThat(ids(library)).containsExactly("sub/first.safetensors");
        assertThat(read).containsExactly("first.safetensors", "second.safetensors", "first.safetensors");
    }

    /** Then only the directories' times and the files' are looked at. */
    @Test
    void outdated_whenNothingCameOrWent_isFalse() throws Exception {
        write(root.resolve("sub/a.safetensors"), "A");
        FileTime past = FileTime.from(Instant.now().minus(Duration.ofMinutes(1)));
        Files.setLastModifiedTime(root, past);
        Files.setLastModifiedTime(root.resolve("sub"), past);
        FolderScan scan = new FolderScan(List.of(root), true, Set.of());
        assertThat(scan.scan()).hasSize(1);
        assertThat(scan.outdated()).isFalse();
        write(root.resolve("sub/b.safetensors"), "B");
        assertThat(scan.outdated()).isTrue();
    }

    @Test
    void list_withLinks_followsEachDirectoryOnce() throws Exception {
        write(elsewhere.resolve("store/x.safetensors"), "X");
        Files.createDirectories(root.resolve("real"));
        Files.createSymbolicLink(root.resolve("real/round"), root);
        Files.createSymbolicLink(root.resolve("linked"), elsewhere.resolve("store"));
        Files.createSymbolicLink(root.resolve("again"), elsewhere.resolve("store"));
        Files.createSymbolicLink(root.resolve("file.safetensors"), elsewhere.resolve("store/x.safetensors"));
        Files.createSymbolicLink(root.resolve("nowhere.safetensors"), elsewhere.resolve("gone"));
        assertThat(ids(library(false, root))).containsExactly("again/x.safetensors", "file.safetensors");
    }

    @Test
    void list_ofSeveralFolders_givesEachFileAnIdOfItsOwn() throws Exception {
        write(root.resolve("one/x.safetensors"), "1");
        write(root.resolve("two/x.safetensors"), "2");
        write(root.resolve("two/shapes/model_index.json"), "{}");
        Library<String> library = library(false, root.resolve("one"), root.resolve("two"), root.resolve("one"), root);
        assertThat(ids(library)).containsExactly("two/shapes", "two/x.safetensors", "x.safetensors");
        assertThat(library.get("two/x.safetensors").content()).isEqualTo("2");
    }

    @Test
    void find_byWhatHostsCallAFile_findsItWhereThatIsClear() throws Exception {
        write(root.resolve("a/dream.safetensors"), "1");
        write(root.resolve("a/twin.safetensors"), "2");
        write(root.resolve("b/twin.safetensors"), "3");
        write(root.resolve("b/copy.safetensors"), "1");
        Library<String> library = library(true, root);
        String one = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b";
        library.list();
        awaitHash(library, "a/dream.safetensors");
        awaitHash(library, "b/copy.safetensors");

        for (String name : List.of("a/dream.safetensors", "a/dream", "dream.safetensors", "dream")) {
            assertThat(library.find(name)).extracting(Item::id).containsExactly("a/dream.safetensors");
        }
        assertThat(library.find("twin"))
                .extracting(Item::id)
                .containsExactly("a/twin.safetensors", "b/twin.safetensors");
        assertThat(library.find(one)).extracting(Item::id).containsExactly("a/dream.safetensors");
        assertThat(library.find("6b86b273ff")).extracting(Item::id).containsExactly("a/dream.safetensors");
        assertThat(library.find("6b86b273f")).isEmpty();
    }

    @Test
    void find_byAPath_findsNothing() throws Exception {
        Path outside = write(elsewhere.resolve("secret.safetensors"), "S");
        Path inside = write(root.resolve("sub/in.safetensors"), "I");
        Library<String> library = library(false, root);
        assertThat(ids(library)).containsExactly("sub/in.safetensors");
        for (String name : List.of(
                outside.toString(),
                inside.toString(),
                root.relativize(outside).toString(),
                "../" + elsewhere.getFileName() + "/secret.safetensors",
                "sub/../sub/in.safetensors",
                "./sub/in.safetensors",
                "sub//in.safetensors",
                "sub%2Fin.safetensors",
                "sub\\in.safetensors",
                "file:" + inside,
                "~",
                ".",
                "\0",
                "")) {
            assertThat(library.find(name)).as(name).isEmpty();
        }
        assertThat(read).containsExactly("in.safetensors");
    }

    @Test
    void sha256_onceMade_isKeptUntilTheFileChanges() throws Exception {
        Path file = write(root.resolve("a.safetensors"), "1");
        Library<String> library = library(true, root);
        library.list();
        awaitHash(library, "a.safetensors");
        WeightsPin before = library.pin(library.get("a.safetensors"), "FLOAT32");
        hashes.close();
        hashes = cache();
        Library<String> later = library(false, root);
        assertThat(later.pin(later.get("a.safetensors"), "FLOAT32")).isEqualTo(before);

        Files.setLastModifiedTime(file, FileTime.from(Instant.EPOCH));
        assertThat(later.sha256(later.get("a.safetensors"))).isNull();
        assertThat(later.pin(later.get("a.safetensors"), "FLOAT32").sameWeights(before))
                .as("touched, and not hashed again")
                .isFalse();
        Library<String> hashing = library(true, root);
        hashing.list();
        awaitHash(hashing, "a.safetensors");
        assertThat(hashing.pin(hashing.get("a.safetensors"), "FLOAT32").sameWeights(before))
                .as("touched")
                .isTrue();
        Files.writeString(file, "2");
        assertThat(hashing.pin(hashing.get("a.safetensors"), "FLOAT32").sameWeights(before))
                .as("changed")
                .isFalse();
    }

    @Test
    void hash_whereNobodyHashes_makesItNow() throws Exception {
        write(root.resolve("a.safetensors"), "1");
        Library<String> library = library(false, root);
        library.hash(library.get("a.safetensors"));

        // printf 1 | sha256sum
        assertThat(library.sha256(library.get("a.safetensors")))
                .isEqualTo("6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b");
    }

    @Test
    void get_afterItsCardCameOrChanged_readsItAgain() throws Exception {
        write(root.resolve("torn.safetensors"), "bad");
        write(root.resolve("folder/model_index.json"), "{}");
        write(root.resolve("folder/unet/diffusion_pytorch_model.safetensors"), "1234");
        Library<String> library = library(false, root);
        Item<String> file = library.get("torn.safetensors");
        Item<String> folder = library.get("folder");
        assertThat(library.get("torn.safetensors")).isSameAs(file);
        assertThat(library.get("folder")).isSameAs(folder);
        for (String name : List.of("torn.prenoise.json", "torn.yaml", "torn.yaml")) {
            write(root.resolve(name), read.toString());
            assertThat(library.get("torn.safetensors")).as(name).isNotSameAs(file);
            file = library.get("torn.safetensors");
        }
        for (String name : List.of("prenoise.yaml", "prenoise.json", "unet/config.json", "tokenizer/merges.txt")) {
            write(root.resolve("folder").resolve(name), "{}");
            assertThat(library.get("folder")).as(name).isNotSameAs(folder);
            folder = library.get("folder");
        }
    }

    @Test
    void pin_ofTheSameWeightsUnderAnotherCardOrPrecision_hasOtherSettings() throws Exception {
        write(root.resolve("a.safetensors"), "1");
        Path config = write(root.resolve("folder/unet/config.json"), "{}");
        write(root.resolve("folder/model_index.json"), "{}");
        write(root.resolve("folder/unet/diffusion_pytorch_model.safetensors"), "1234");
        Library<String> library = library(true, root);
        library.list();
        awaitHash(library, "a.safetensors");
        awaitHash(library, "folder");
        WeightsPin file = library.pin(library.get("a.safetensors"), "FLOAT32");
        WeightsPin folder = library.pin(library.get("folder"), "FLOAT32");
        assertThat(library.pin(library.get("folder"), "FLOAT16").sameSettings(folder))
                .isFalse();

        Files.setLastModifiedTime(config, FileTime.from(Instant.EPOCH));
        assertThat(library.pin(library.get("folder"), "FLOAT32")).as("touched").isEqualTo(folder);
        write(config, "{\"sample_size\": 8}");
        write(root.resolve("a.prenoise.json"), "{}");
        WeightsPin fileNow = library.pin(library.get("a.safetensors"), "FLOAT32");
        WeightsPin folderNow = library.pin(library.get("folder"), "FLOAT32");
        assertThat(fileNow.sameWeights(file)).isTrue();
        assertThat(folderNow.sameWeights(folder)).isTrue();
        assertThat(fileNow.sameSettings(file)).isFalse();
        assertThat(folderNow.sameSettings(folder)).isFalse();
        WeightsPin old = new WeightsPin(file.name(), file.bytes(), file.stamp(), file.sha256(), null);
        assertThat(fileNow.sameSettings(old)).as("stored by an older version").isTrue();
    }

    /** {@code (cd folder; sha256sum unet/a.safetensors vae/b.safetensors) | sha256sum}. */
    @Test
    void sha256_ofAFolder_isThatOfTheListOfItsWeights() throws Exception {
        write(root.resolve("folder/model_index.json"), "{}");
        write(root.resolve("folder/vae/b.safetensors"), "2");
        write(root.resolve("folder/unet/a.safetensors"), "1");
        Library<String> library = library(true, root);
        library.list();
        awaitHash(library, "folder");
        assertThat(library.sha256(library.get("folder")))
                .isEqualTo("637383276eeac8acf8f6c7627753442fc23800671c4cb134500f2034b32a240e");
    }

    private static void awaitHash(Library<String> library, String id) throws InterruptedException {
        for (int i = 0; i < 2000 && library.sha256(library.get(id)) == null; i++) {
            Thread.sleep(5);
        }
        assertThat(library.sha256(library.get(id))).as("hash of " + id).isNotNull();
    }
}
