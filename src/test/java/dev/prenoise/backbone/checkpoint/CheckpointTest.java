package dev.prenoise.backbone.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import dev.prenoise.backbone.Conditioning;
import dev.prenoise.backbone.checkpoint.TextTower.Kind;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.unet.UNetConfig.Added;
import dev.prenoise.backbone.unet.UNetConfig.Level;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.StoredTensors;
import dev.prenoise.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointTest {
    private static final Path SHAPES = Path.of("main/resources/dev/prenoise/shapes/model");
    private static final Path SD1 = Path.of("test/resources/backbone/tiny_sd1");
    private static final Path SD1_WEIGHTS = SD1.resolve("diffusion_pytorch_model.safetensors");
    private static final Path SD2 = Path.of("test/resources/backbone/tiny_sd2");
    private static final KeyNames SD1_NAMES = KeyNames.of(UNetConfig.read(SD1.resolve("config.json")));

    @TempDir
    Path folder;

    @Test
    void open_ofTheBuiltInModelsFolder_readsItsConfigsAndCard() {
        Checkpoint checkpoint = Checkpoint.open(SHAPES);
        assertThat(checkpoint.family()).isEqualTo(Family.SHAPES);
        assertThat(checkpoint.nativeSize()).isEqualTo(64);
        assertThat(checkpoint.prediction()).isEqualTo("eps");
        assertThat(checkpoint.zeroTerminalSnr()).isFalse();
        assertThat(checkpoint.textTowers()).extracting(TextTower::kind).containsExactly(Kind.OTHER);
        assertThat(checkpoint.vaeConfig()).isNotNull();
        assertThat(checkpoint.card()).isEqualTo(new ModelCard(1, 20, 3, 4));
        assertThat(checkpoint.schedulerConfig()).exists();
        assertThat(checkpoint.tokenizerFolder()).isDirectory();
        assertThat(checkpoint.files()).hasSize(3).allMatch(Path::isAbsolute);
        assertThat(checkpoint.bytes()).isGreaterThan(1_000_000);
    }

    @Test
    void open_ofAUNetsFolder_readsItsConfig() {
        Checkpoint checkpoint = Checkpoint.open(SD1);
        assertThat(checkpoint.family()).isEqualTo(Family.SD1);
        assertThat(checkpoint.nativeSize()).isEqualTo(512);
        assertThat(checkpoint.unetConfig()).isEqualTo(UNetConfig.read(SD1.resolve("config.json")));
        assertThat(checkpoint.textTowers()).isEmpty();
        assertThat(checkpoint.vaeConfig()).isNull();
        assertThat(checkpoint.card().attentionStride()).isEqualTo(4);
    }

    @ParameterizedTest
    @ValueSource(strings = {"diffusers", "bare", "ldm", "ema", "both"})
    void open_ofAFileWithACard_givesTheNumbersOfTheFolder(String layout) throws IOException {
        Path file = TestFiles.renamed(SD1_WEIGHTS, folder.resolve("model.safetensors"), name -> named(layout, name));
        if (layout.equals("both")) {
            // the averaged weights of another model beside it, which must not be read
            both(file);
        }
        card("{\"heads\": 2}");
        Checkpoint checkpoint = Checkpoint.open(file);
        assertThat(checkpoint.family()).isEqualTo(Family.SD1);
        assertThat(checkpoint.unetConfig()).isEqualTo(UNetConfig.read(SD1.resolve("config.json")));
        assertThat(predicted(checkpoint)).isCloseTo(0, within(2e-7));
    }

    private static String named(String layout, String tensor) {
        int dot = tensor.lastIndexOf('.');
        String ldm = SD1_NAMES.ldm(tensor.substring(0, dot)) + tensor.substring(dot);
        return switch (layout) {
            case "diffusers" -> tensor;
            case "bare" -> ldm;
            case "ema" -> "model_ema.diffusion_model" + ldm.replace(".", "");
            default -> "model.diffusion_model." + ldm;
        };
    }

    private static void both(Path file) throws IOException {
        SafetensorsFile stored = SafetensorsFile.open(file);
        byte[] bytes = Files.readAllBytes(file);
        com.google.gson.JsonObject header = new com.google.gson.JsonObject();
        long start = 8
                + java.nio.ByteBuffer.wrap(bytes)
                        .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                        .getLong();
        long data = bytes.length - start;
        for (String name : stored.names()) {
            SafetensorsFile.Entry entry = stored.entry(name);
            long[] shape = entry.shape().stream().mapToLong(Long::longValue).toArray();
            long from = entry.offset() - start;
            header.add(name, TestFiles.entry("F32", shape, from, from + entry.length()));
            String flat = "model_ema." + name.substring("model.".length()).replace(".", "");
            header.add(flat, TestFiles.entry("F32", shape, data + from, data + from + entry.length()));
        }
        byte[] twice = new byte[Math.toIntExact(2 * data)];
        System.arraycopy(bytes, (int) start, twice, 0, (int) data);
        TestFiles.write(file, header, ByteBuffer.wrap(twice));
    }

    /** Largest difference from the reference's prediction. */
    private static double predicted(Checkpoint checkpoint) {
        SafetensorsFile golden = SafetensorsFile.open(SD1.resolve("golden.safetensors"));
        Compute cpu = Compute.cpu();
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                UNet unet = new UNet(checkpoint.unetConfig(), checkpoint.unetWeights(cpu, DType.FLOAT64))) {
            Tensor eps = unet.predict(
                    golden.load("latents", cpu, DType.FLOAT64),
                    981,
                    Conditioning.of(golden.load("context", cpu, DType.FLOAT64)));
            double[] a = eps.toDoubles();
            double[] b = golden.load("eps", cpu, DType.FLOAT64).toDoubles();
            double worst = 0;
            for (int i = 0; i < b.length; i++) {
                worst = Math.max(worst, Math.abs(a[i] - b[i]));
            }
            return worst;
        }
    }

    @Test
    void open_ofAFileWithoutACard_takesTheFamilysHeads() throws IOException {
        Path file = TestFiles.renamed(SD1_WEIGHTS, folder.resolve("model.safetensors"), name -> named("ldm", name));
        assertThat(Checkpoint.open(file).unetConfig().levels())
                .allMatch(level -> level.channels() == level.heads() * (level.channels() / 8)
                        || level.downDepths().get(0) == 0);
    }

    @Test
    void open_ofLinearProjectionsNotInHeads_asksForTheCard() throws IOException {
        Path file = TestFiles.renamed(
                SD2.resolve("unet/model.safetensors"), folder.resolve("model.safetensors"), name -> name);
        assertThatThrownBy(() -> Checkpoint.open(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(file + ": heads: a level of 8 channels has none 64 wide"
                        + " (expected: \"heads\" in the model's card, NAME.prenoise.json beside NAME.safetensors)");
        card(
                "{\"heads\": [2, 4], \"norm_groups\": 4, \"prediction\": \"v\", \"zero_terminal_snr\": true, \"steps\": 7}");
        Checkpoint checkpoint = Checkpoint.open(file);
        assertThat(checkpoint.family()).isEqualTo(Family.SD2);
        assertThat(checkpoint.unetConfig()).isEqualTo(UNetConfig.read(SD2.resolve("unet/config.json")));
        assertThat(checkpoint.prediction()).isEqualTo("v");
        assertThat(checkpoint.nativeSize()).isEqualTo(768);
        assertThat(checkpoint.zeroTerminalSnr()).isTrue();
        assertThat(checkpoint.card().steps()).isEqualTo(7);
    }

    @Test
    void open_withTheYamlOfA1111_takesHeadsAndPrediction() throws IOException {
        Path file = TestFiles.renamed(SD1_WEIGHTS, folder.resolve("model.safetensors"), name -> named("ldm", name));
        Files.writeString(folder.resolve("model.yaml"), """
                model:
                  target: ldm.models.diffusion.ddpm.LatentDiffusion
                  params:
                    parameterization: "v"
                    unet_config:
                      params:
                        num_heads: 2
                """);
        Checkpoint checkpoint = Checkpoint.open(file);
        assertThat(checkpoint.prediction()).isEqualTo("v");
        assertThat(checkpoint.unetConfig().levels().get(0).heads()).isEqualTo(2);
        Files.writeString(folder.resolve("model.yaml"), "[".repeat(100_000));
        assertThatThrownBy(() -> Checkpoint.open(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("model.yaml: cannot be read as YAML");
    }

    @ParameterizedTest
    @CsvSource({
        "modelspec.prediction_type, v, v",
        "modelspec.prediction_type, epsilon, eps",
        "modelspec.architecture, stable-diffusion-v2-768-v, v",
        "modelspec.architecture, stable-diffusion-v1, eps"
    })
    void open_withModelspec_takesThePrediction(String key, String value, String prediction) {
        assertThat(Hints.of(null, folder.resolve("none.yaml"), Map.of(key, value))
                        .prediction())
                .isEqualTo(value.equals("stable-diffusion-v1") ? null : prediction);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight | a LoRA",
                "unet.down_blocks.0.attentions.0.proj_in.lora_A.weight | a LoRA",
                "lora_unet_mid_block_attentions_0_proj_in.hada_w1_a | a LoRA",
                "control_model.input_blocks.0.0.weight | a ControlNet",
                "model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight | a Stable Diffusion 3 model",
                "double_blocks.0.img_attn.qkv.weight | a FLUX model",
                "model.diffusion_model.double_blocks.0.img_attn.qkv.weight | a FLUX model",
                "adaln_single.emb.timestep_embedder.linear_1.weight | a PixArt model",
                "decoder.conv_in.weight | a VAE alone",
                "first_stage_model.decoder.conv_in.weight | a VAE alone",
                "text_model.encoder.layers.0.mlp.fc1.weight | a text encoder alone",
                "encoder.block.0.layer.0.SelfAttention.q.weight | a text encoder alone",
                "emb_params | a textual inversion embedding",
                "edm_mean | Playground 2.5",
                "something.else | no model that this program knows; it has 1 tensors, among them \"something.else\""
            })
    void open_ofAnotherKindOfFile_namesIt(String tensor, String what) throws IOException {
        Path file = TestFiles.named(folder.resolve("model.safetensors"), Map.of(), List.of(tensor));
        assertThatThrownBy(() -> Checkpoint.open(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file + ": " + what)
                .hasMessageContaining("(expected: ");
    }

    @ParameterizedTest
    @ValueSource(strings = {".fp16.safetensors", "shards", "variant of shards"})
    void open_ofAFoldersOtherFiles_findsThem(String files) throws IOException {
        Path unet = Files.createDirectories(folder.resolve("model/unet"));
        Files.copy(SD1.resolve("config.json"), unet.resolve("config.json"));
        if (files.startsWith(".")) {
            Files.copy(SD1_WEIGHTS, unet.resolve("diffusion_pytorch_model" + files));
        } else {
            String variant = files.equals("shards") ? "" : ".fp16";
            JsonObject map = new JsonObject();
            for (int shard = 1; shard <= 2; shard++) {
                String name = "diffusion_pytorch_model-0000" + shard + "-of-00002" + variant + ".safetensors";
                int odd = shard % 2;
                Path file = TestFiles.renamed(
                        SD1_WEIGHTS,
                        unet.resolve(name),
                        tensor -> (tensor.hashCode() & 1) == odd ? tensor : "no." + tensor);
                SafetensorsFile.open(file).names().stream()
                        .filter(tensor -> !tensor.startsWith("no."))
                        .forEach(tensor -> map.addProperty(tensor, name));
            }
            JsonObject index = new JsonObject();
            index.add("weight_map", map);
            Files.writeString(
                    unet.resolve("diffusion_pytorch_model.safetensors.index" + variant + ".json"), index.toString());
        }
        Checkpoint checkpoint = Checkpoint.open(folder.resolve("model"));
        assertThat(checkpoint.files()).hasSize(files.startsWith(".") ? 1 : 2);
        assertThat(predicted(checkpoint)).isCloseTo(0, within(2e-7));
    }

    @Test
    void open_ofAnIndexThatLeavesItsFolder_isRefused() throws IOException {
        Path unet = Files.createDirectories(folder.resolve("model/unet"));
        Files.copy(SD1.resolve("config.json"), unet.resolve("config.json"));
        Path index = Files.writeString(
                unet.resolve("diffusion_pytorch_model.safetensors.index.json"),
                "{\"weight_map\": {\"conv_in.weight\": \"../../secret.safetensors\"}}");
        assertThatThrownBy(() -> Checkpoint.open(folder.resolve("model")))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(index + ": weight_map: \"../../secret.safetensors\""
                        + " (expected: names of safetensors files of this folder)");
    }

    @ParameterizedTest
    @CsvSource({
        "diffusion_pytorch_model.bin, 'diffusion_pytorch_model.bin: a pickle, and a pickle can run any program'",
        "readme.md, 'no weights (expected: diffusion_pytorch_model.safetensors, a variant of it, or its index)'"
    })
    void open_ofAFolderWithoutSafetensors_saysWhy(String file, String message) throws IOException {
        Path unet = Files.createDirectories(folder.resolve("model/unet"));
        Files.copy(SD1.resolve("config.json"), unet.resolve("config.json"));
        Files.writeString(unet.resolve(file), "any");
        assertThatThrownBy(() -> Checkpoint.open(folder.resolve("model")))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(unet.toString())
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource({
        "model_index.json, StableDiffusion3Pipeline, a model of StableDiffusion3Pipeline",
        "config.json, FluxTransformer2DModel, FluxTransformer2DModel alone",
        "readme.json, none, no model folder"
    })
    void open_ofAnotherFolder_namesIt(String file, String kind, String message) throws IOException {
        Files.writeString(folder.resolve(file), "{\"_class_name\": \"" + kind + "\"}");
        assertThatThrownBy(() -> Checkpoint.open(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(folder + ": " + message);
    }

    /** Structure tells: SD 1's with something beside the text is unCLIP, without attention at both ends it is the refiner. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "1 | 1 | 0 | 4 | Stable Diffusion 2.1 unCLIP",
                "0 | 1 | 0 | 4 | the SDXL refiner",
                "0 | 1 | 1 | 9 | an inpainting model of Stable Diffusion XL: its UNet takes 9 channels and gives 4",
                "0 | 1 | 1 | 8 | a model that edits a picture (pix2pix) of Stable Diffusion XL",
                "0 | 1 | 1 | 5 | a depth-to-image model of Stable Diffusion XL"
            })
    void family_ofARelative_isRefusedByName(int outer, int middle, int inner, int in, String what) {
        assertThatThrownBy(() -> Family.of(
                        new UNetConfig(
                                in,
                                4,
                                List.of(
                                        Level.even(32, 1, outer, 2),
                                        Level.even(64, 1, middle, 2),
                                        Level.even(64, 1, inner, 2)),
                                64,
                                32,
                                1e-5,
                                1,
                                new Added(1600, 256),
                                true,
                                0),
                        true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(what);
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.ckpt", "model.pt", "diffusion_pytorch_model.bin"})
    void open_ofAPickle_saysWhyNot(String name) throws IOException {
        Path file = Files.writeString(folder.resolve(name), "any");
        assertThatThrownBy(() -> Checkpoint.open(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(file + ": a pickle, and a pickle can run any program when it is opened");
    }

    @Test
    void open_ofAMissingFile_saysSo() {
        Path file = folder.resolve("none.safetensors");
        assertThatThrownBy(() -> Checkpoint.open(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(file + ": missing (expected: a .safetensors file or a model folder)");
    }

    @ParameterizedTest
    @CsvSource({"text_encoder, CLIPTextModel alone", "vae, AutoencoderKL alone"})
    void open_ofOneOfAModelsFolders_namesIt(String part, String message) {
        Path path = SHAPES.resolve(part).toAbsolutePath();
        assertThatThrownBy(() -> Checkpoint.open(path))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(path + ": " + message + " (expected: a model folder with a UNet)");
    }

    @ParameterizedTest
    @CsvSource({
        "SD1, cond_stage_model.transformer., CLIP_L",
        "SD2, cond_stage_model.model., OPEN_CLIP_H",
        "SD2, cond_stage_model.transformer., OPEN_CLIP_H",
        "SDXL, conditioner.embedders.0.transformer., CLIP_L",
        "SDXL, conditioner.embedders.1.model., OPEN_CLIP_BIG_G",
        "VEGA, conditioner.embedders.1.transformer., OPEN_CLIP_BIG_G"
    })
    void kind_ofATextEncoder_isThatOfItsPlace(Family family, String prefix, Kind kind) {
        assertThat(SingleFile.kind(family, prefix)).isEqualTo(kind);
    }

    /** 24 layers are all that OpenCLIP's H has, 23 what diffusers keeps of them; SD 1's and a smaller one of diffusers' are whole. */
    @ParameterizedTest
    @CsvSource({
        "OPEN_CLIP, OPEN_CLIP_H, 24, false, 23",
        "OPEN_CLIP, OPEN_CLIP_H, 24, true, 23",
        "OPEN_CLIP, OPEN_CLIP_H, 23, false, 23",
        "OPEN_CLIP, OPEN_CLIP_H, 23, true, 23",
        "OPEN_CLIP, OPEN_CLIP_H, 3, true, 2",
        "OPEN_CLIP, OPEN_CLIP_H, 3, false, 3",
        "HUGGING_FACE, OPEN_CLIP_H, 24, false, 23",
        "HUGGING_FACE, OPEN_CLIP_H, 23, false, 23",
        "HUGGING_FACE, CLIP_L, 12, false, 12",
        "OPEN_CLIP, OPEN_CLIP_BIG_G, 32, true, 32"
    })
    void tower_ofATextEncoder_hasTheLayersThatAreRead(
            TextLayout layout, Kind kind, int layers, boolean projection, int read) throws IOException {
        boolean openClip = layout == TextLayout.OPEN_CLIP;
        JsonObject header = new JsonObject();
        long end = matrix(header, openClip ? "token_embedding.weight" : "embeddings.token_embedding.weight", 3, 64, 0);
        end = matrix(header, openClip ? "positional_embedding" : "embeddings.position_embedding.weight", 2, 64, end);
        for (int i = 0; i < layers; i++) {
            String feedIn = openClip ? "transformer.resblocks." + i + ".mlp.c_fc" : "encoder.layers." + i + ".mlp.fc1";
            end = matrix(header, feedIn + ".weight", 4, 64, end);
        }
        if (projection) {
            end = matrix(header, "text_projection", 64, 64, end);
        }
        Path file = TestFiles.write(folder.resolve("text.safetensors"), header, ByteBuffer.allocate((int) end));
        StoredTensors tensors = StoredTensors.under(SafetensorsFile.open(file), "");
        Hints hints = Hints.of(null, folder.resolve("none.yaml"), Map.of());
        assertThat(TextLayout.of(tensors)).isEqualTo(layout);
        assertThat(layout.tower(tensors, kind, hints, 0).config().layers()).isEqualTo(read);
    }

    private static long matrix(JsonObject header, String name, int rows, int columns, long from) {
        long to = from + 4L * rows * columns;
        header.add(name, TestFiles.entry("F32", new long[] {rows, columns}, from, to));
        return to;
    }

    @ParameterizedTest
    @CsvSource({
        "EDMEulerScheduler, sigma_data, 0.5",
        "EDMDPMSolverMultistepScheduler, sigma_max, 80.0",
        "UnCLIPScheduler, variance_type, 1"
    })
    void open_ofAFolderTrainedWithOtherNoise_isRefusedByItsScheduler(String name, String key, String value)
            throws IOException {
        Path scheduler = withScheduler("{\"_class_name\": \"" + name + "\", \"" + key + "\": " + value
                + ", \"num_train_timesteps\": 1000, \"prediction_type\": \"epsilon\"}");
        assertThatThrownBy(() -> Checkpoint.open(folder.resolve("model")))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(scheduler + ": _class_name: \"" + name
                        + "\" (expected: a scheduler with beta_schedule, beta_start and beta_end)");
    }

    @Test
    void open_withoutSignalAtTheLastStep_isRefusedWhereNoiseIsPredicted() throws IOException {
        String wrong = ": zero_terminal_snr: true with prediction eps"
                + " (expected: false, or prediction v: pure noise says nothing of the picture)";
        Path file = TestFiles.renamed(SD1_WEIGHTS, folder.resolve("model.safetensors"), name -> named("ldm", name));
        card("{\"zero_terminal_snr\": true}");
        assertThatThrownBy(() -> Checkpoint.open(file)).hasMessage(file + wrong);
        card("{\"zero_terminal_snr\": true, \"prediction\": \"v\"}");
        assertThat(Checkpoint.open(file).zeroTerminalSnr()).isTrue();

        withScheduler("{\"beta_schedule\": \"scaled_linear\", \"rescale_betas_zero_snr\": true}");
        Path model = folder.resolve("model");
        assertThatThrownBy(() -> Checkpoint.open(model)).hasMessage(model + wrong);
        withScheduler("{\"beta_schedule\": \"scaled_linear\"}");
        assertThat(Checkpoint.open(model).zeroTerminalSnr()).isFalse();
        Files.writeString(model.resolve(ModelCard.FILE), "{\"zero_terminal_snr\": true}");
        assertThatThrownBy(() -> Checkpoint.open(model)).hasMessage(model + wrong);
        Files.delete(model.resolve("scheduler/scheduler_config.json"));
        assertThatThrownBy(() -> Checkpoint.open(model)).hasMessage(model + wrong);
    }

    /** Of a model whose folder is made where it is missing; returns the scheduler's config. */
    private Path withScheduler(String json) throws IOException {
        Path unet = Files.createDirectories(folder.resolve("model/unet"));
        for (String name : List.of("config.json", "diffusion_pytorch_model.safetensors")) {
            Files.copy(SD1.resolve(name), unet.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
        Path scheduler = Files.createDirectories(folder.resolve("model/scheduler"));
        return Files.writeString(scheduler.resolve("scheduler_config.json"), json);
    }

    @Test
    void open_withSgmsYaml_takesThePrediction() throws IOException {
        Path yaml = Files.writeString(folder.resolve("model.yaml"), """
                model:
                  params:
                    denoiser_config:
                      params:
                        scaling_config:
                          target: sgm.modules.diffusionmodules.denoiser_scaling.VScaling
                    network_config:
                      params:
                        num_head_channels: 32
                """);
        Hints hints = Hints.of(null, yaml, Map.of());
        assertThat(hints.prediction()).isEqualTo("v");
        assertThat(hints.headWidth()).isEqualTo(32);
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.yaml", "model.prenoise.json"})
    void open_besideADamagedFile_opensOrNamesIt(String name) throws IOException {
        Path file = TestFiles.renamed(SD1_WEIGHTS, folder.resolve("model.safetensors"), tensor -> named("ldm", tensor));
        byte[] whole = (name.endsWith("yaml")
                        ? "model:\n  params:\n    parameterization: \"v\"\n    unet_config: &a\n      params: {num_heads: 2}\n"
                        : "{\"heads\": [2, 2, 2, 2], \"norm_groups\": 16, \"family\": \"sd1\", \"prediction\": \"v\", \"steps\": 20}")
                .getBytes(java.nio.charset.StandardCharsets.UTF_8);
        java.util.Random random = new java.util.Random(7);
        int opened = 0;
        for (int i = 0; i < 500; i++) {
            byte[] damaged = whole.clone();
            damaged[random.nextInt(whole.length)] = (byte) random.nextInt(256);
            Files.write(folder.resolve(name), damaged);
            try {
                opened += Checkpoint.open(file).files().size();
            } catch (CheckpointException e) {
                assertThat(e).hasMessageStartingWith(folder.resolve("model").toString());
            }
        }
        assertThat(opened).isBetween(1, 499);
    }

    private void card(String json) throws IOException {
        Files.writeString(folder.resolve("model.prenoise.json"), json);
    }
}
