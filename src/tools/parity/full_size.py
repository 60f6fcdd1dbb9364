"""A checkpoint of full size with random weights, and what diffusers and transformers compute on it, for `./prenoise parity`.

    python full_size.py FOLDER sd1|sd2|sdxl [PIXELS]        with torch, diffusers, transformers

Writes FOLDER/checkpoint.safetensors (one file with LDM's names: float32, or float16 for SDXL) and FOLDER/expected.safetensors. Takes
3.5 GB of memory and 4.3 GB of disk for sd1, 5.2 GB for sd2, 11 GB and 7 GB for sdxl.
"""
import json
import struct
import sys
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

import layouts
import make_tiny as tiny

BOS, EOS = 49406, 49407
# "a red cat and a blue dog"; any ids would do
WORDS = [320, 736, 2368, 537, 320, 1746, 1929]
CLIP_L = dict(kind="clip", width=768, heads=12, layers=12, act="quick_gelu", pad=EOS, norm=True)
OPEN_CLIP_H = dict(kind="open_clip", width=1024, heads=16, layers=23, act="gelu", pad=0, norm=True, left_out=True)
BIG_G = dict(kind="open_clip", width=1280, heads=20, layers=32, act="gelu", pad=0, norm=False, projection=1280)
WIDTHS = dict(block_out_channels=(320, 640, 1280, 1280), down_block_types=tiny.SD1_DOWN, up_block_types=tiny.SD1_UP)
MODELS = {
    "sd1": dict(unet=WIDTHS | dict(attention_head_dim=8, cross_attention_dim=768), text={"text_encoder": CLIP_L},
                gains=(1.6, 3, 0.25), prediction="epsilon", pixels=512, timestep=981, type=torch.float32),
    "sd2": dict(unet=WIDTHS | dict(attention_head_dim=[5, 10, 20, 20], cross_attention_dim=1024, use_linear_projection=True),
                text={"text_encoder": OPEN_CLIP_H}, gains=(1.6, 3, 0.25), prediction="v_prediction", pixels=768,
                timestep=981, type=torch.float32),
    "sdxl": dict(
        unet=dict(block_out_channels=(320, 640, 1280), down_block_types=tiny.SDXL_DOWN, up_block_types=tiny.SDXL_UP,
                  attention_head_dim=[5, 10, 20], cross_attention_dim=2048, transformer_layers_per_block=[1, 2, 10],
                  use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=256,
                  projection_class_embeddings_input_dim=2816),
        text={"text_encoder": CLIP_L | dict(norm=False), "text_encoder_2": BIG_G}, gains=(1.6, 4, 0.12),
        prediction="epsilon", pixels=1024, timestep=999, type=torch.float16),
}


class Part:
    """One network: where its tensors lie in the file, and the network itself, built when it is needed and not before."""

    def __init__(self, name, build, to_ldm, left_out=0):
        self.name, self.build, self.to_ldm = name, build, to_ldm
        with torch.device("meta"):
            state = build(left_out).state_dict()
        self.shapes = {k: tuple(v.shape) for k, v in state.items() if v.is_floating_point()}

    def full(self, name):
        return name if self.name in ("unet", "vae") or name.startswith("text_") else "text_model." + name


def parts(spec):
    unet = dict(layers_per_block=2, norm_num_groups=32, **spec["unet"])
    attends = [kind.startswith("CrossAttn") for kind in unet["up_block_types"]]
    sdxl = "addition_embed_type" in unet
    vae = dict(block_out_channels=(128, 256, 512, 512), layers_per_block=2, norm_num_groups=32, latent_channels=4,
               scaling_factor=0.13025 if sdxl else 0.18215, down_block_types=("DownEncoderBlock2D",) * 4,
               up_block_types=("UpDecoderBlock2D",) * 4)
    yield Part("unet", lambda more: UNet2DConditionModel(**unet),
               lambda n: ("model.diffusion_model." + layouts.unet(n, 2, attends), ""))
    yield Part("vae", lambda more: AutoencoderKL(**vae),
               lambda n: ("first_stage_model." + layouts.vae(n, 4)[0], layouts.vae(n, 4)[1]))
    for name, tower in spec["text"].items():
        prefix = f"conditioner.embedders.{int(name[-1] == '2')}" if sdxl else "cond_stage_model"

        def build(more, tower=tower):
            config = CLIPTextConfig(
                vocab_size=49408, hidden_size=tower["width"], intermediate_size=4 * tower["width"],
                num_hidden_layers=tower["layers"] + more, num_attention_heads=tower["heads"], hidden_act=tower["act"],
                max_position_embeddings=77, bos_token_id=BOS, eos_token_id=EOS, pad_token_id=tower["pad"],
                projection_dim=tower.get("projection", tower["width"]))
            return (CLIPTextModelWithProjection if "projection" in tower else CLIPTextModel)(config)

        def to_ldm(n, tower=tower, prefix=prefix):
            if tower["kind"] == "clip":
                return f"{prefix}.transformer.{n}", ""
            ldm, how = layouts.open_clip(n)
            return f"{prefix}.model.{ldm}", how

        yield Part(name, build, to_ldm, 1 if tower.get("left_out") else 0)


class File:
    """A safetensors file whose tensors are written one after another, so that no second copy of a model is in memory."""

    NAMES = {torch.float32: "F32", torch.float16: "F16"}

    def __init__(self, path, networks, kind):
        self.kind, self.places, header, offset = kind, {}, {}, 0
        for part in networks:
            for name, shape in part.shapes.items():
                ldm, how = part.to_ldm(part.full(name))
                size = int(np.prod(shape)) * kind.itemsize
                if ldm in header:
                    continue
                whole = {"conv": [*shape, 1, 1], "transposed": list(shape[::-1])}.get(how, list(shape))
                if how.startswith("part"):
                    whole[0], size = 3 * whole[0], 3 * size
                header[ldm] = {"dtype": self.NAMES[kind], "shape": whole, "data_offsets": [offset, offset + size]}
                offset += size
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        self.places = {name: 8 + len(text) + entry["data_offsets"][0] for name, entry in header.items()}
        self.out = open(path, "wb")
        self.out.write(struct.pack("<Q", len(text)) + text)
        self.out.truncate(8 + len(text) + offset)

    def put(self, ldm, how, values):
        data = (values.T if how == "transposed" else values).contiguous().to(self.kind)
        self.out.seek(self.places[ldm] + (int(how[4:]) * data.nbytes if how.startswith("part") else 0))
        self.out.write(memoryview(data.view(torch.uint8).numpy().reshape(-1)))


def fill(part, file, spec, generator):
    """The network with random weights, each of which goes to the file as well."""
    with torch.device("meta"):
        network = part.build(0)
    network.to_empty(device="cpu")
    state = network.state_dict()
    for name, shape in part.shapes.items():
        full = part.full(name)
        values = torch.randn(shape, generator=generator) * tiny.spread(full, shape, spec)
        if tiny.is_scale(full, shape):
            values = 1 + 2 * values
        if name in state:
            state[name].copy_(values.to(file.kind))
        file.put(*part.to_ldm(full), values)
    for module in network.modules():
        # a buffer that no file has
        if hasattr(module, "position_ids"):
            module.position_ids = torch.arange(77)[None]
    return network.eval()


@torch.no_grad()
def main():
    folder, name = Path(sys.argv[1]), sys.argv[2]
    spec = MODELS[name]
    pixels = int(sys.argv[3]) if len(sys.argv) > 3 else spec["pixels"]
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(7)
    networks = list(parts(spec))
    file = File(folder / "checkpoint.safetensors", networks, spec["type"])
    side = pixels // 8
    golden = {"latents": torch.randn(1, 4, side, side, generator=generator),
              "context": tiny.text_like(spec["unet"]["cross_attention_dim"], generator)}
    if "addition_embed_type" in spec["unet"]:
        golden["pooled"] = torch.randn(1, 1280, generator=generator)
        golden["time_ids"] = torch.tensor([[pixels, pixels, 0, 0, pixels, pixels]], dtype=torch.float32)
    contexts = []
    for part in networks:
        started = time.time()
        network = fill(part, file, spec, generator)
        print(f"{part.name}: {sum(p.numel() for p in network.parameters()) / 1e6:.0f} M, drawn and written in {time.time() - started:.0f} s")
        started = time.time()
        if part.name == "unet":
            golden["eps"], golden["cross"], golden["self"], *_ = tiny.run_unet(network, spec, golden)
        elif part.name == "vae":
            golden["encoded"] = torch.randn(1, 4, 16, 16, generator=generator)
            golden["decoded"] = network.decode(golden["encoded"] / network.config.scaling_factor).sample
        else:
            tower = spec["text"][part.name]
            ids = torch.tensor([[BOS, *WORDS, EOS] + [tower["pad"]] * (77 - len(WORDS) - 2)])
            out = network(ids, output_hidden_states=True)
            golden[f"{part.name}.ids"] = ids.float()
            contexts.append(out.last_hidden_state if tower["norm"] else out.hidden_states[-2])
            if "projection" in tower:
                golden["text.pooled"] = out.text_embeds
        print(f"  computed in {time.time() - started:.0f} s")
        del network
    golden["text.context"] = torch.cat(contexts, dim=-1)
    file.out.close()
    save_file({k: v.float().contiguous() for k, v in golden.items()}, folder / "expected.safetensors",
              {"timestep": str(spec["timestep"]), "model": name, "pixels": str(pixels)})


if __name__ == "__main__":
    main()
