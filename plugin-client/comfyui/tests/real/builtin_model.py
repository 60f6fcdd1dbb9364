"""For the runs in a real ComfyUI: a loader of Prenoise's built-in model, so that pictures mean something without any download.

The model lies in the diffusers layout with other widths than any that ComfyUI tells from a file, so it is put together here from ComfyUI's own
UNet, CLIP and VAE: what samples is ComfyUI's code on ComfyUI's ModelPatcher. PRENOISE_BUILTIN_MODEL names its folder.
"""

import json
import os
from pathlib import Path
from unittest import mock

import comfy.latent_formats
import comfy.ldm.modules.diffusionmodules.model as autoencoder_blocks
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.ops
import comfy.sd
import comfy.sd1_clip
import comfy.supported_models
import comfy.supported_models_base
import comfy.utils
import torch
from transformers import PreTrainedTokenizerFast

UNET_GROUPS = 16
VAE_GROUPS = 8
CLIP_WORDS = 49408


class UnetOperations(comfy.ops.disable_weight_init):
    """ComfyUI's layers, with as many groups as this small model has."""

    class GroupNorm(comfy.ops.disable_weight_init.GroupNorm):
        def __init__(self, num_groups, num_channels, **options):
            super().__init__(UNET_GROUPS, num_channels, **options)


class VaeGroupNorm(comfy.ops.disable_weight_init.GroupNorm):
    def __init__(self, num_groups, num_channels, **options):
        super().__init__(VAE_GROUPS, num_channels, **options)


class WordTokenizer:
    """The model's word list, unpadded as ComfyUI wants it."""

    @staticmethod
    def from_pretrained(path, **_):
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_file=str(Path(path) / "tokenizer.json"), bos_token="<bos>", eos_token="<eos>", unk_token="<unk>"
        )
        tokenizer.backend_tokenizer.no_padding()
        tokenizer.backend_tokenizer.no_truncation()
        return tokenizer


def folder():
    return Path(os.environ["PRENOISE_BUILTIN_MODEL"])


def unet():
    config = json.loads((folder() / "unet" / "config.json").read_text())
    weights = comfy.utils.load_torch_file(str(folder() / "unet" / "diffusion_pytorch_model.safetensors"))
    widths = config["block_out_channels"]
    layout = {
        "image_size": 32,
        "in_channels": config["in_channels"],
        "out_channels": config["out_channels"],
        "model_channels": widths[0],
        "num_res_blocks": [config["layers_per_block"]] * len(widths),
        "channel_mult": [width // widths[0] for width in widths],
        "transformer_depth": [1, 1, 0],
        "transformer_depth_output": [1, 1, 1, 1, 0, 0],
        "transformer_depth_middle": 1,
        "context_dim": config["cross_attention_dim"],
        "num_heads": config["attention_head_dim"],
        "num_head_channels": -1,
        "use_linear_in_transformer": False,
        "use_spatial_transformer": True,
        "use_temporal_attention": False,
        "adm_in_channels": None,
        "legacy": False,
        "dtype": torch.float32,
    }
    kind = comfy.supported_models.SD15(layout)
    kind.latent_format = comfy.latent_formats.SD15()
    kind.latent_format.scale_factor = json.loads((folder() / "vae" / "config.json").read_text())["scaling_factor"]
    kind.custom_operations = UnetOperations
    model = comfy.model_base.BaseModel(kind)
    names = comfy.utils.unet_to_diffusers(layout)
    missing, left = model.diffusion_model.load_state_dict({names[name]: value for name, value in weights.items()}, strict=False)
    assert not missing and not left, (missing, left)
    device = comfy.model_management.get_torch_device()
    return comfy.model_patcher.ModelPatcher(model, load_device=device, offload_device=comfy.model_management.unet_offload_device())


def clip():
    config = folder() / "text_encoder" / "config.json"

    class Tokenizer(comfy.sd1_clip.SDTokenizer):
        def __init__(self, embedding_directory=None, tokenizer_data=None):
            super().__init__(str(folder() / "tokenizer"), max_length=24, embedding_size=96, embedding_key="clip_words", tokenizer_class=WordTokenizer)

    class Words(comfy.sd1_clip.SD1Tokenizer):
        def __init__(self, embedding_directory=None, tokenizer_data=None):
            super().__init__(clip_name="words", tokenizer=Tokenizer)

    class Encoder(comfy.sd1_clip.SDClipModel):
        def __init__(self, device="cpu", dtype=None, model_options=None):
            special = {"start": 0, "end": 1, "pad": 1}
            super().__init__(
                device=device,
                max_length=24,
                textmodel_json_config=str(config),
                dtype=dtype,
                special_tokens=special,
                return_projected_pooled=False,
                model_options=model_options or {},
            )

    class Model(comfy.sd1_clip.SD1ClipModel):
        def __init__(self, device="cpu", dtype=None, model_options=None, **_):
            super().__init__(device=device, dtype=dtype, model_options=model_options or {}, clip_name="words", clip_model=Encoder)

    weights = comfy.utils.load_torch_file(str(folder() / "text_encoder" / "model.safetensors"))
    weights = {name if name.startswith("text_model.") else f"text_model.{name}": value for name, value in weights.items()}
    words = "text_model.embeddings.token_embedding.weight"
    # ComfyUI's embedding has CLIP's number of rows; those beyond this model's words are never looked up.
    weights[words] = torch.nn.functional.pad(weights[words], (0, 0, 0, CLIP_WORDS - weights[words].shape[0]))
    built = comfy.sd.CLIP(comfy.supported_models_base.ClipTarget(Words, Model), model_options={"dtype": torch.float32})
    missing, left = built.cond_stage_model.clip_words.transformer.load_state_dict(weights, strict=False)
    assert not [name for name in missing if "text_projection" not in name] and not left, (missing, left)
    return built


def vae():
    config = json.loads((folder() / "vae" / "config.json").read_text())
    widths = config["block_out_channels"]
    layers = {
        "double_z": True,
        "z_channels": config["latent_channels"],
        "resolution": 64,
        "in_channels": 3,
        "out_ch": 3,
        "ch": widths[0],
        "ch_mult": [width // widths[0] for width in widths],
        "num_res_blocks": config["layers_per_block"],
        "attn_resolutions": [],
        "dropout": 0.0,
    }
    weights = comfy.utils.load_torch_file(str(folder() / "vae" / "diffusion_pytorch_model.safetensors"))
    weights = {ldm_name(name, len(widths)): value for name, value in weights.items()}
    with mock.patch.object(autoencoder_blocks.ops, "GroupNorm", VaeGroupNorm):
        built = comfy.sd.VAE(sd=weights, config={"params": {"ddconfig": layers, "embed_dim": config["latent_channels"]}}, dtype=torch.float32)
    for half in (built.first_stage_model.encoder, built.first_stage_model.decoder):
        half.mid.attn_1 = torch.nn.Identity()  # this model has no attention there
    built.downscale_ratio = built.upscale_ratio = 2 ** (len(widths) - 1)
    return built


def ldm_name(name, levels):
    """A diffusers autoencoder's weight by the name that LDM gives it."""
    name = name.replace("mid_block.resnets.0.", "mid.block_1.").replace("mid_block.resnets.1.", "mid.block_2.")
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    for level in range(levels):
        for block in range(3):
            name = name.replace(f"down_blocks.{level}.resnets.{block}.", f"down.{level}.block.{block}.")
            name = name.replace(f"up_blocks.{level}.resnets.{block}.", f"up.{levels - 1 - level}.block.{block}.")
        name = name.replace(f"down_blocks.{level}.downsamplers.0.", f"down.{level}.downsample.")
        name = name.replace(f"up_blocks.{level}.upsamplers.0.", f"up.{levels - 1 - level}.upsample.")
    return name


class LoadBuiltinModel:
    """MODEL, CLIP and VAE of the built-in model, from ComfyUI's own parts."""

    CATEGORY = "prenoise tests"
    RETURN_TYPES = ("MODEL", "CLIP", "VAE")
    FUNCTION = "load"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    def load(self):
        return unet(), clip(), vae()


NODE_CLASS_MAPPINGS = {"PrenoiseTestLoadBuiltinModel": LoadBuiltinModel}
