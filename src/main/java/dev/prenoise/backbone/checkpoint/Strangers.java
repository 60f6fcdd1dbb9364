package dev.prenoise.backbone.checkpoint;

import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
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

    /** Those that may have a UNet's names beside their own. */
    private static final Sign[] WITH_UNET = {
        new Sign(
                ".*(\\.lora_(down|up|A|B|mid)(\\..*)?\\.weight|\\.lora\\.(down|up)\\.weight|_lora\\.(down|up)\\.weight"
                        + "|\\.hada_w[12]_[ab]|\\.lokr_w[12](_[ab])?|\\.oft_(blocks|diag)|\\.dora_scale|\\.lora_linear_layer.*)",
                "a LoRA, which changes a checkpoint (expected: a checkpoint); it belongs in a folder of LoRA files"),
        new Sign(
                "(control_model|input_hint_block|controlnet_cond_embedding|controlnet_down_blocks|zero_convs|lllite_unet.*)\\..*|lllite_unet.*",
                "a ControlNet, which guides a checkpoint" + CHECKPOINT),
        new Sign(".*motion_modules\\..*", "an AnimateDiff motion module" + CHECKPOINT),
        new Sign(".*(time_stack|time_mixer|temporal_transformer)\\..*", "a video model" + CHECKPOINT),
        new Sign("edm_mean", "Playground 2.5, which has a noise scale of its own" + CHECKPOINT),
        new Sign("edm_vpred\\.sigma_max", "a CosXL model, which has a noise scale of its own" + CHECKPOINT),
        new Sign(".*\\.(fuser|position_net)\\..*", "a GLIGEN model" + CHECKPOINT),
    };

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
        return find(WITH_UNET, names);
    }

    /** What a file without a UNet is. */
    static String withoutUnet(Set<String> names, Map<String, String> metadata) {
        String found = find(OTHERS, names);
        if (found != null) {
            return found;
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

    private static @Nullable String find(Sign[] signs, Set<String> names) {
        for (Sign sign : signs) {
            Predicate<String> matches = sign.pattern().asMatchPredicate();
            if (names.stream().anyMatch(matches)) {
                return sign.what();
            }
        }
        return null;
    }
}
