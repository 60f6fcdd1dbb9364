"""Tiny models with random weights in a real ComfyUI, one of each kind whose attention Prenoise reads."""

from __future__ import annotations

from typing import Any

import comfy.model_base
import comfy.model_patcher
import comfy.supported_models
import torch
from comfy.ldm.flux.model import FluxParams

TEXT = 24  # width of the random text embeddings
KINDS = ("sd15", "sdxl", "sd3", "flux")


def model(kind: str, seed: int = 0) -> Any:
    """A ModelPatcher on the processor, made in inference mode as ComfyUI's loaders make theirs."""
    config, base = _configs()[kind]
    with torch.inference_mode():
        config.set_inference_dtype(torch.float32, None)
        network = base(config, device="cpu")
        generator = torch.Generator().manual_seed(seed)
        for name, weight in network.diffusion_model.named_parameters():
            weight.copy_(_values(name, weight, generator))
        for name, values in network.diffusion_model.named_buffers():
            if name == "pos_embed":
                values.copy_(torch.randn(values.shape, generator=generator) * 0.3)
    network.eval()
    return comfy.model_patcher.ModelPatcher(network, torch.device("cpu"), torch.device("cpu"))


def conditioning(kind: str, tokens: int, seed: int) -> Any:
    """CONDITIONING with random embeddings, text-like: the first positions differ, the padding hardly does."""
    generator = torch.Generator().manual_seed(1000 + seed)
    embeddings = torch.randn([1, tokens, TEXT], generator=generator) * 0.2
    embeddings[:, 1:8] += torch.randn([1, 7, TEXT], generator=generator)
    pooled = {"sd15": 0, "sdxl": 1280, "sd3": 2048, "flux": TEXT}[kind]
    extra = {"pooled_output": torch.randn([1, pooled], generator=generator)} if pooled else {}
    return [[embeddings, extra]]


def latent_channels(kind: str) -> int:
    """Of the kind's latents."""
    return 16 if kind in ("sd3", "flux") else 4


def _values(name: str, weight: Any, generator: Any) -> Any:
    if weight.ndim < 2:
        scale = name.endswith(("norm.weight", "scale")) or "norm" in name or ".0.weight" in name
        return torch.ones(weight.shape) if name.endswith(("weight", "scale")) and scale else torch.zeros(weight.shape)
    values = torch.randn(weight.shape, generator=generator) / weight[0].numel() ** 0.5
    louder = 2.0 if any(part in name for part in ("to_q", "to_k", "qkv", "linear1")) else 1.0
    return values * (0.3 if name == "out.2.weight" else louder)


def _configs() -> Any:
    unet = {
        "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 32, "use_spatial_transformer": True, "legacy": False,
        "context_dim": TEXT, "dtype": torch.float32, "use_temporal_attention": False, "num_head_channels": -1, "num_heads": 2,
    }  # fmt: skip
    sd15 = comfy.supported_models.SD15(
        {
            **unet, "num_res_blocks": [1, 1, 1, 1], "channel_mult": [1, 1, 1, 1], "transformer_depth": [1, 1, 1, 0],
            "transformer_depth_output": [1, 1, 1, 1, 1, 1, 0, 0], "transformer_depth_middle": 1, "use_linear_in_transformer": False,
            "adm_in_channels": None,
        }
    )  # fmt: skip
    sd15.unet_config["num_heads"] = 2  # ComfyUI's own is for 320 channels and more
    sdxl = comfy.supported_models.SDXL(
        {
            **unet, "num_res_blocks": [1, 1, 1], "channel_mult": [1, 1, 1], "transformer_depth": [0, 1, 2],
            "transformer_depth_output": [2, 2, 1, 1, 0, 0], "transformer_depth_middle": 2, "use_linear_in_transformer": True,
            "num_classes": "sequential", "adm_in_channels": 2816,
        }
    )  # fmt: skip
    sdxl.unet_config["num_head_channels"] = 16
    sd3 = comfy.supported_models.SD3(
        {
            "in_channels": 16, "out_channels": 16, "patch_size": 2, "depth": 2, "input_size": None, "adm_in_channels": 2048,
            "context_embedder_config": {"target": "torch.nn.Linear", "params": {"in_features": TEXT, "out_features": 128}},
            "num_patches": 1024, "pos_embed_max_size": 32, "pos_embed_scaling_factor": None, "dtype": torch.float32,
        }
    )  # fmt: skip
    flux = comfy.supported_models.Flux(
        {
            "image_model": "flux", "in_channels": 16, "out_channels": 16, "vec_in_dim": TEXT, "context_in_dim": TEXT, "hidden_size": 64,
            "mlp_ratio": 2.0, "num_heads": 2, "depth": 3, "depth_single_blocks": 4, "axes_dim": [8, 12, 12], "theta": 10000, "patch_size": 2,
            "qkv_bias": True, "guidance_embed": True, "dtype": torch.float32,
            **({"txt_ids_dims": []} if "txt_ids_dims" in FluxParams.__dataclass_fields__ else {}),
        }
    )  # fmt: skip
    base = comfy.model_base
    return {"sd15": (sd15, base.BaseModel), "sdxl": (sdxl, base.SDXL), "sd3": (sd3, base.SD3), "flux": (flux, base.Flux)}
