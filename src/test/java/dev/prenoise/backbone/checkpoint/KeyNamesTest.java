package dev.prenoise.backbone.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.unet.UNetConfig.Added;
import dev.prenoise.backbone.unet.UNetConfig.Level;
import dev.prenoise.tensor.SafetensorsFile;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KeyNamesTest {
    private static final Path TINY = Path.of("test/resources/backbone/tiny_sd1");
    private static final KeyNames SD1 = KeyNames.of(UNetConfig.read(TINY.resolve("config.json")));
    private static final KeyNames SDXL = KeyNames.of(xl(10, List.of(10, 10), List.of(10, 10, 10)));
    private static final KeyNames SSD_1B = KeyNames.of(xl(UNetConfig.NO_ATTENTION, List.of(4, 4), List.of(4, 4, 10)));

    private static UNetConfig xl(int midDepth, List<Integer> down, List<Integer> up) {
        return new UNetConfig(
                4,
                4,
                List.of(Level.even(320, 5, 0, 2), Level.even(640, 10, 2, 2), new Level(1280, 20, down, up)),
                2048,
                32,
                1e-5,
                midDepth,
                new Added(2816, 256),
                true,
                0);
    }

    @ParameterizedTest
    @CsvSource({
        "conv_in, input_blocks.0.0",
        "time_embedding.linear_2, time_embed.2",
        "down_blocks.0.resnets.1.time_emb_proj, input_blocks.2.0.emb_layers.1",
        "down_blocks.2.downsamplers.0.conv, input_blocks.9.0.op",
        "down_blocks.3.resnets.1.conv2, input_blocks.11.0.out_layers.3",
        "mid_block.attentions.0.proj_in, middle_block.1.proj_in",
        "mid_block.resnets.1.norm1, middle_block.2.in_layers.0",
        "up_blocks.0.upsamplers.0.conv, output_blocks.2.1.conv",
        "up_blocks.1.upsamplers.0.conv, output_blocks.5.2.conv",
        "up_blocks.1.attentions.2.transformer_blocks.0.attn2.to_k, output_blocks.5.1.transformer_blocks.0.attn2.to_k",
        "up_blocks.3.resnets.2.conv_shortcut, output_blocks.11.0.skip_connection",
        "conv_norm_out, out.0"
    })
    void sd1_hasBothNamesOfAModule(String module, String ldm) {
        assertThat(SD1.ldm(module)).isEqualTo(ldm);
        assertThat(SD1.diffusers(ldm)).isEqualTo(module);
    }

    @ParameterizedTest
    @CsvSource({
        "add_embedding.linear_2, label_emb.0.2",
        "down_blocks.1.attentions.0.norm, input_blocks.4.1.norm",
        "down_blocks.2.attentions.1.transformer_blocks.9.ff.net.0.proj, input_blocks.8.1.transformer_blocks.9.ff.net.0.proj",
        "up_blocks.0.upsamplers.0.conv, output_blocks.2.2.conv",
        "up_blocks.2.resnets.0.conv1, output_blocks.6.0.in_layers.2"
    })
    void sdxl_hasBothNamesOfAModule(String module, String ldm) {
        assertThat(SDXL.ldm(module)).isEqualTo(ldm);
        assertThat(SDXL.diffusers(ldm)).isEqualTo(module);
    }

    @Test
    void ssd1b_hasItsOwnDepthsAndOneBlockInTheMiddle() {
        assertThat(SSD_1B.ldm("up_blocks.0.attentions.2.transformer_blocks.9.norm3"))
                .isEqualTo("output_blocks.2.1.transformer_blocks.9.norm3");
        assertThat(SSD_1B.ldm("up_blocks.0.attentions.1.transformer_blocks.4.norm3"))
                .isNull();
        assertThat(SSD_1B.ldm("mid_block.resnets.0.conv1")).isEqualTo("middle_block.0.in_layers.2");
        assertThat(SSD_1B.ldm("mid_block.attentions.0.norm")).isNull();
        assertThat(SSD_1B.ldm("mid_block.resnets.1.conv1")).isNull();
    }

    @Test
    void modules_areThoseOfTheFileAndHaveNamesOfTheirOwn() {
        List<String> stored = SafetensorsFile.open(TINY.resolve("diffusion_pytorch_model.safetensors")).names().stream()
                .map(name -> name.substring(0, name.lastIndexOf('.')))
                .distinct()
                .toList();
        assertThat(SD1.modules()).containsAll(stored);
        assertThat(SD1.modules().stream().filter(module -> !stored.contains(module)))
                .allMatch(module -> module.endsWith("conv_shortcut"));
        assertThat(SD1.modules().stream().map(SD1::ldm)).doesNotHaveDuplicates().doesNotContainNull();
    }
}
