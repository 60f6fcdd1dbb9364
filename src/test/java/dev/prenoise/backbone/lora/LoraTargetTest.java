package dev.prenoise.backbone.lora;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.backbone.checkpoint.KeyNames;
import dev.prenoise.backbone.unet.UNetConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Names as files on the web have them. */
class LoraTargetTest {
    private static final List<Long> ANY = List.of(1L, 1L);

    @TempDir
    static Path folder;

    /** SDXL, whose files by kohya's trainer have the names of single files and whose others have diffusers'. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q                       | down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q
            lora_unet_input_blocks_8_1_transformer_blocks_9_attn2_to_out_0                   | down_blocks.2.attentions.1.transformer_blocks.9.attn2.to_out.0
            lora_unet_middle_block_1_proj_in                                                 | mid_block.attentions.0.proj_in
            lora_unet_output_blocks_5_1_transformer_blocks_1_ff_net_0_proj                   | up_blocks.1.attentions.2.transformer_blocks.1.ff.net.0.proj
            lora_unet_input_blocks_3_0_op                                                    | down_blocks.0.downsamplers.0.conv
            lora_unet_output_blocks_2_2_conv                                                 | up_blocks.0.upsamplers.0.conv
            lora_unet_input_blocks_4_0_skip_connection                                       | down_blocks.1.resnets.0.conv_shortcut
            lora_unet_label_emb_0_2                                                          | add_embedding.linear_2
            lora_unet_out_2                                                                  | conv_out
            lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q             | down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q
            lycoris_up_blocks_0_resnets_1_time_emb_proj                                      | up_blocks.0.resnets.1.time_emb_proj
            unet.up_blocks.0.attentions.1.transformer_blocks.3.attn2.to_out.0                | up_blocks.0.attentions.1.transformer_blocks.3.attn2.to_out.0
            unet.mid_block.attentions.0.transformer_blocks.3.attn2.processor.to_out          | mid_block.attentions.0.transformer_blocks.3.attn2.to_out.0
            mid_block.attentions.0.transformer_blocks.3.attn1.processor.to_v                 | mid_block.attentions.0.transformer_blocks.3.attn1.to_v
            base_model.model.mid_block.resnets.1.conv2                                       | mid_block.resnets.1.conv2
            diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_k                   | mid_block.attentions.0.transformer_blocks.0.attn1.to_k
            """)
    void weight_ofSdxlsUnet_isFoundByEveryName(String name, String module) throws Exception {
        Path config = folder.resolve("config.json");
        Files.writeString(config, """
                {"block_out_channels": [320, 640, 1280], "cross_attention_dim": 2048, "attention_head_dim": [5, 10, 20],
                 "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
                 "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
                 "transformer_layers_per_block": [1, 2, 10], "use_linear_projection": true,
                 "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
                 "projection_class_embeddings_input_dim": 2816}""");
        KeyNames names = KeyNames.of(UNetConfig.read(config));
        Map<String, List<Long>> shapes = new HashMap<>();
        names.modules().forEach(known -> shapes.put(known + ".weight", ANY));
        assertThat(LoraTarget.unet(shapes, names).weight(name)).isEqualTo(module + ".weight");
        assertThat(LoraTarget.unet(shapes, names).bias(name))
                .as("there is none")
                .isNull();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            lora_te_text_model_encoder_layers_3_self_attn_q_proj                  | lora_te2_text_model_encoder_layers_3_self_attn_q_proj      | encoder.layers.3.self_attn.q_proj
            lora_te1_text_model_encoder_layers_3_mlp_fc1                          | lora_te2_text_model_encoder_layers_3_mlp_fc1               | encoder.layers.3.mlp.fc1
            text_encoder.text_model.encoder.layers.3.self_attn.out_proj           | text_encoder_2.text_model.encoder.layers.3.self_attn.out_proj | encoder.layers.3.self_attn.out_proj
            text_encoder.text_model.encoder.layers.3.self_attn.to_out             | text_encoder_2.text_model.encoder.layers.3.self_attn.to_out | encoder.layers.3.self_attn.out_proj
            text_encoders.clip_l.transformer.text_model.encoder.layers.3.mlp.fc1  | text_encoders.clip_g.transformer.text_model.encoder.layers.3.mlp.fc1 | encoder.layers.3.mlp.fc1
            """)
    void weight_ofATextEncoder_isFoundByEveryNameOfItsTower(String first, String second, String module) {
        for (String level : List.of("", "text_model.")) {
            Map<String, List<Long>> shapes = Map.of(level + module + ".weight", ANY);
            LoraTarget one = LoraTarget.textEncoder(0, shapes);
            LoraTarget two = LoraTarget.textEncoder(1, shapes);
            assertThat(one.weight(first)).isEqualTo(level + module + ".weight");
            assertThat(two.weight(second)).isEqualTo(level + module + ".weight");
            assertThat(one.weight(second)).isNull();
            assertThat(two.weight(first)).isNull();
            assertThat(LoraTarget.namesText(first) && LoraTarget.namesText(second))
                    .isTrue();
        }
    }

    @Test
    void weight_ofTheTextProjection_standsOutsideOfTheTextModel() {
        LoraTarget tower = LoraTarget.textEncoder(1, Map.of("text_projection.weight", ANY));
        assertThat(tower.weight("lora_te2_text_projection")).isEqualTo("text_projection.weight");
    }
}
