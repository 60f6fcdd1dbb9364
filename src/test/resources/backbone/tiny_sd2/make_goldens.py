"""Random networks in the layout of Stable Diffusion 2, and what diffusers and transformers compute on them in float64.

Run with torch, diffusers and transformers:  python make_goldens.py FOLDER
"""
import json
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

folder = Path(sys.argv[1])
torch.manual_seed(2)
golden = {}


def save(model, name):
    """Values far from the initialisation, in which many layers do nothing."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    (folder / name).mkdir(exist_ok=True)
    state = {key: value.detach().clone().contiguous() for key, value in model.state_dict().items()}
    save_file({k: v for k, v in state.items() if v.is_floating_point()}, folder / name / "model.safetensors")
    config = {k: v for k, v in dict(model.config.to_dict() if hasattr(model.config, "to_dict") else model.config).items()
              if v is not None and not k.startswith("_") and k != "id2label" and k != "label2id"}
    (folder / name / "config.json").write_text(json.dumps(config, indent=1, default=str) + "\n")
    return model.double().eval()


with torch.no_grad():
    unet = save(UNet2DConditionModel(
        block_out_channels=(8, 16), layers_per_block=1, attention_head_dim=[2, 4], cross_attention_dim=12,
        transformer_layers_per_block=2, use_linear_projection=True, norm_num_groups=4, sample_size=12,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D")), "unet")
    golden["latents"] = torch.randn(2, 4, 13, 10, dtype=torch.float64)
    golden["context"] = torch.randn(1, 7, 12, dtype=torch.float64)
    golden["eps"] = unet(golden["latents"], 499.5, golden["context"].expand(2, -1, -1)).sample

    vae = save(AutoencoderKL(
        block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, latent_channels=4, scaling_factor=0.5,
        shift_factor=0.25, down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2), "vae")
    golden["picture"] = torch.rand(1, 3, 12, 20, dtype=torch.float64) * 2 - 1
    golden["encoded"] = (vae.encode(golden["picture"]).latent_dist.mean - 0.25) * 0.5
    golden["decoded"] = vae.decode(golden["encoded"] / 0.5 + 0.25).sample

    text = save(CLIPTextModel(CLIPTextConfig(
        vocab_size=40, hidden_size=12, intermediate_size=24, num_hidden_layers=2, num_attention_heads=3,
        max_position_embeddings=7, hidden_act="gelu", bos_token_id=1, eos_token_id=2, pad_token_id=0)), "text_encoder")
    golden["embeddings"] = text(torch.tensor([[1, 17, 5, 39, 2, 0, 0]])).last_hidden_state

save_file(golden, folder / "golden.safetensors")
