package dev.prenoise.backbone.checkpoint;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Names what a safetensors file is that is no checkpoint of the Stable Diffusion family. */
final class Strangers {
    private static final String CHECKPOINT = " (expected: a checkpoint of Stable Diffusion 1, 2 or XL)";

    private record Sign(Pattern pattern, String what) {
        Sign(String pattern, String what) {
            this(Pattern.compile(pattern), what);
        }
    }

    /** Those that may have a UNet's names beside their own: parts of names; a name that begins so after {@code ^}. */
    private static final Map<String, List<String>> WITH_UNET = Map.of(
            "a LoRA, which changes a checkpoint (expected: a checkpoint); it belongs in a folder of LoRA files",
            List.of(
                    ".lora_down.",
                    ".lora_up.",
                    ".lora_mid.",
                    ".lora_A.",
                    ".lora_B.",
                    ".lora.down.",
                    ".lora.up.",
                    "_lora.down.",
                    "_lora.up.",
                    ".lora_linear_layer.",
                    ".hada_w1_",
                    ".lokr_w1",
                    ".oft_",
                    ".dora_scale"),
            "a ControlNet, which guides a checkpoint" + CHECKPOINT,
            List.of("^control_model.", "^input_hint_block.", "^controlnet_", "^zero_convs.", "^lllite_unet"),
            "an AnimateDiff motion module" + CHECKPOINT,
            List.of("motion_modules."),
            "a video model" + CHECKPOINT,
            List.of("time_stack.", "time_mixer.", "temporal_transformer."),
            "Playground 2.5, which has a noise scale of its own" + CHECKPOINT,
            List.of("^edm_mean"),
            "a CosXL model, which has a noise scale of its own" + CHECKPOINT,
            List.of("^edm_vpred.sigma_max"),
            "a GLIGEN model" + CHECKPOINT,
            List.of(".fuser.", "position_net."));

    private static final Sign[] OTHERS = {
        new Sign(".*joint_blocks\\.\\d.*", "a Stable Diffusion 3 model" + CHECKPOINT),
        new Sign(
                "(.*\\.)?(double_blocks|single_blocks|single_transformer_blocks)\\.\\d.*", "a FLUX model" + CHECKPOINT),
        new Sign("(.*\\.)?(adaln_single|t_block|caption_projection|y_embedder)\\..*", "a PixArt model" + CHECKPOINT),
        new Sign("(.*\\.)?double_layers\\..*", "an AuraFlow model" + CHECKPOINT),
        new Sign(
                "clip_txt_mapper\\..*|clip_img_mapper\\..*|.*\\.channelwise\\.\\d.*",
                "a Stable Cascade model" + CHECKPOINT),
        new Sign("(.*\\.)?(patchify_proj|vace_blocks|head\\.modulation).*", "a video model" + CHECKPOINT),
        new Sign("(.*\\.)?cap_embedder\\..*", "a Lumina model" + CHECKPOINT),
        new Sign("(ip_adapter|image_proj)\\..*", "an IP-Adapter" + CHECKPOINT),
        new Sign("(adapter\\.)?body\\.\\d.*", "a T2I-Adapter" + CHECKPOINT),
        new Sign("emb_params|clip_[lg]|string_to_param.*", "a textual inversion embedding" + CHECKPOINT),
        new Sign(
                "(encoder|decoder)\\.(block\\.\\d.*|embed_tokens.*)|(.*\\.)?text_model\\..*|(.*\\.)?transformer\\.resblocks\\..*"
                        + "|token_embedding\\..*|shared\\.weight|(text_model\\.)?embeddings\\.token_embedding\\..*",
                "a text encoder alone" + CHECKPOINT),
        new Sign(
                "(first_stage_model\\.|vae\\.)?(encoder|decoder)\\.(conv_in|mid|mid_block|up_blocks|down_blocks)\\..*|"
                        + "(decoder\\.)?layers\\.\\d.*|taesd_.*",
                "a VAE alone" + CHECKPOINT),
    };

    private Strangers() {}

    /** What a file is whose other tensors may be a UNet's; null when there is no such sign. */
    static @Nullable String withUnet(Set<String> names) {
        for (Map.Entry<String, List<String>> kind : WITH_UNET.entrySet()) {
            for (String part : kind.getValue()) {
                boolean begins = part.startsWith("^");
                String text = begins ? part.substring(1) : part;
                if (names.stream().anyMatch(name -> begins ? name.startsWith(text) : name.contains(text))) {
                    return kind.getKey();
                }
            }
        }
        return null;
    }

    /** What a file without a UNet is. */
    static String withoutUnet(Set<String> names, Map<String, String> metadata) {
        for (Sign sign : OTHERS) {
            if (names.stream().anyMatch(sign.pattern().asMatchPredicate())) {
                return sign.what();
            }
        }
        if (names.isEmpty()) {
            return "a safetensors file without tensors" + CHECKPOINT;
        }
        String architecture = metadata.get("modelspec.architecture");
        return (architecture == null
                        ? "no model that this program knows"
                        : "a model of the kind \"" + architecture + "\"")
                + "; it has " + names.size() + " tensors, among them \""
                + names.iterator().next() + "\"" + CHECKPOINT;
    }
}
