"""What diffusers' AutoencoderKL makes of large inputs tile by tile, with the network of ../tiny_sd2, in float64.

Run with torch and diffusers:  python make_goldens.py FOLDER
"""
import json
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save_file

folder = Path(sys.argv[1]).resolve()
base = folder.parent / "tiny_sd2/vae"
torch.manual_seed(7)
golden = {}
vae = AutoencoderKL.from_config(json.loads((base / "config.json").read_text()))
vae.load_state_dict(load_file(base / "model.safetensors"))
vae.double().eval().enable_tiling()
scale, shift = vae.config.scaling_factor, vae.config.shift_factor

with torch.no_grad():
    # 8 latent pixels are a tile: rows end in the middle of one, columns in a sliver that the tile before it covers
    vae.tile_latent_min_size, vae.tile_sample_min_size = 8, 16
    golden["latents"] = torch.randn(2, 4, 17, 14, dtype=torch.float64)
    golden["decoded"] = vae.decode(golden["latents"] / scale + shift).sample
    golden["picture"] = torch.rand(1, 3, 34, 28, dtype=torch.float64) * 2 - 1
    golden["encoded"] = (vae.encode(golden["picture"]).latent_dist.mean - shift) * scale
    # one row of tiles
    golden["flat"] = torch.randn(1, 4, 5, 20, dtype=torch.float64)
    golden["flat.decoded"] = vae.decode(golden["flat"] / scale + shift).sample

save_file({key: value.contiguous() for key, value in golden.items()}, folder / "golden.safetensors")
