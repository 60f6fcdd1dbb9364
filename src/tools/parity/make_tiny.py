"""Tiny random models of every family, and what diffusers and transformers compute on them in float64.

    python make_tiny.py FOLDER [FAMILY ...]        with torch, diffusers, transformers

FOLDER (src/test/resources/parity) gets a folder for each family; README.md there says what is in it. No weights are written: each tensor
is drawn by a rule from its name (see `draw`), which the test follows as well.
"""
import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders import single_file_utils
from diffusers.models.attention_processor import AttnProcessor2_0
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

import layouts
import losses

VOCABULARY, BOS, EOS = 200, 198, 199
# "a red cat and a blue dog", one token a word
WORDS = [5, 17, 42, 8, 5, 23, 77]
GROUPS = [[2, 3], [6, 7]]
SD1_DOWN = ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",)
SD1_UP = ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3
SDXL_DOWN = ("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 2
SDXL_UP = ("CrossAttnUpBlock2D",) * 2 + ("UpBlock2D",)
SDXL = dict(down_block_types=SDXL_DOWN, up_block_types=SDXL_UP, use_linear_projection=True, cross_attention_dim=192,
            addition_embed_type="text_time", addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=128 + 6 * 256, sample_size=128)
CLIP_L = dict(kind="clip", width=64, layers=3, act="quick_gelu", pad=EOS, skip=1, norm=False)
BIG_G = dict(kind="open_clip", width=128, layers=4, act="gelu", pad=0, skip=1, norm=False, projection=128)
SDXL_TEXT = {"text_encoder": CLIP_L, "text_encoder_2": BIG_G}
SD2_TEXT = {"text_encoder": dict(kind="open_clip", width=128, layers=3, act="gelu", pad=0, skip=0, norm=True, left_out=True)}
SD2 = dict(down_block_types=SD1_DOWN, up_block_types=SD1_UP, use_linear_projection=True, cross_attention_dim=128,
           block_out_channels=(64, 64, 128, 128), attention_head_dim=[1, 1, 2, 2])

# latents: rows, columns; gains: how much wider than usual the query and key weights of self- and of cross-attention are drawn, and the
# last weights before each skip. Chosen so that maps are not flat, and that float32 alone moves a deep model no more than a shallow one.
FAMILIES = {
    "sd1": dict(
        unet=dict(down_block_types=SD1_DOWN, up_block_types=SD1_UP, block_out_channels=(32, 64, 96, 96),
                  attention_head_dim=8, cross_attention_dim=128, sample_size=64),
        text={"text_encoder": dict(kind="clip", width=128, layers=3, act="quick_gelu", pad=EOS, skip=0, norm=True)},
        gains=(1.6, 3, 0.25), latents=(48, 40), timestep=981, prediction="epsilon"),
    "sd2": dict(unet=SD2 | dict(sample_size=64), text=SD2_TEXT, gains=(1.6, 3, 0.25), latents=(72, 48), timestep=981, prediction="epsilon"),
    "sd2_v": dict(unet=SD2 | dict(sample_size=96, upcast_attention=True), text=SD2_TEXT, gains=(1.6, 3, 0.25), latents=(26, 34), timestep=999,
                  prediction="v_prediction"),
    "sdxl": dict(
        unet=SDXL | dict(block_out_channels=(32, 64, 128), attention_head_dim=[1, 1, 2],
                         transformer_layers_per_block=[1, 2, 3]),
        text=SDXL_TEXT, gains=(1.6, 4, 0.12), latents=(37, 50), timestep=999, prediction="epsilon"),
    "ssd_1b": dict(
        unet=SDXL | dict(block_out_channels=(64, 64, 64), attention_head_dim=[1, 1, 1], mid_block_type="UNetMidBlock2D",
                         transformer_layers_per_block=[1, [2, 2], [4, 4]],
                         reverse_transformer_layers_per_block=[[4, 4, 10], [2, 1, 1], 1]),
        text=SDXL_TEXT, gains=(1.6, 4, 0.12), latents=(40, 40), timestep=999, prediction="epsilon"),
    "vega": dict(
        unet=SDXL | dict(block_out_channels=(32, 64, 64), attention_head_dim=[1, 1, 1], mid_block_type="UNetMidBlock2D",
                         transformer_layers_per_block=[1, [1, 1], [2, 2]],
                         reverse_transformer_layers_per_block=[[2, 2, 2], [1, 1, 1], 1]),
        text=SDXL_TEXT, gains=(1.6, 3, 0.25), latents=(32, 48), timestep=999, prediction="epsilon"),
}


# ---- weights


def draw(key, shape, bits, exponent, offset):
    """offset + k * 2^exponent with whole k of so many bits, drawn from the key's FNV-1a hash by SplitMix64.

    Every value has at most 8 significant bits and is 0 or at least 2^-14, so float32, float16 and bfloat16 all hold it exactly.
    """
    state = 0xCBF29CE484222325
    for byte in key.encode():
        state = (state ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(state) + np.arange(1, math.prod(shape) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    k = (z.view(np.int64) >> (64 - bits)).astype(np.float64)
    values = torch.from_numpy(offset + k * 2.0**exponent).reshape(shape)
    for narrow in (torch.float16, torch.bfloat16):
        assert torch.equal(values.to(narrow).double(), values), key
    assert exponent >= -14, (key, exponent)
    return values


def is_scale(name, shape):
    """Whether it multiplies a norm's output, and so is near 1."""
    return len(shape) == 1 and name.endswith("weight")


def spread(name, shape, spec):
    """Standard deviation of a tensor's values: far from the initialisation, in which many layers do nothing."""
    if len(shape) == 1:
        # a host tells v-prediction of SD 2 by this bias: above 0.09 (v) or below
        is_norm1 = "transformer_blocks" in name and name.endswith("norm1.bias")
        return (0.2 if spec["prediction"] == "v_prediction" else 0.03) if is_norm1 else 0.06
    if "embedding.weight" in name:
        return 0.5
    own, cross, out = spec["gains"]
    gain = 1
    if name.endswith(("attn1.to_q.weight", "attn1.to_k.weight")):
        gain = own
    elif name.endswith(("attn2.to_q.weight", "attn2.to_k.weight")):
        gain = cross
    elif name.endswith(("to_out.0.weight", "ff.net.2.weight", "conv2.weight", "proj_out.weight", "out_proj.weight", "fc2.weight")):
        gain = out
    return gain / math.sqrt(math.prod(shape[1:]))


def rule(name, shape, spec):
    """Bits, exponent and offset for `draw`."""
    if is_scale(name, shape):
        return 7, -7, 1
    return 8, round(math.log2(spread(name, shape, spec) * math.sqrt(3) / 128)), 0


class Model:
    """A network of diffusers or transformers with drawn weights, and its lines of the table."""

    def __init__(self, network, family, spec, part, to_ldm, left_out=()):
        """left_out: (name, shape) of tensors that only the single file has."""
        self.network, self.part, self.lines, self.ldm = network.double().eval().requires_grad_(False), part, [], []
        state = {}
        named = [(n, tuple(v.shape)) for n, v in network.state_dict().items() if v.is_floating_point()]
        for name, shape in named + [(n, s) for n, s in left_out]:
            full = name if part in ("unet", "vae") or name.startswith("text_") else "text_model." + name
            drawn = rule(full, shape, spec)
            values = draw(f"{family}/{part}/{full}", shape, *drawn)
            ldm, how = to_ldm(full)
            if (name, shape) in named:
                state[name] = values
            place = "" if (name, shape) in named else "-"
            self.lines.append("\t".join([part, place + full, ",".join(map(str, shape)), *map(str, drawn), ldm, how]))
            self.ldm.append((ldm, how, values))
        missing, unexpected = network.load_state_dict(state, strict=False)
        assert not unexpected and all("position_ids" in m for m in missing), (missing, unexpected)


def unet_model(spec, family):
    config = dict(layers_per_block=2, norm_num_groups=32, **spec["unet"])
    network = UNet2DConditionModel(**config)
    attends = [kind.startswith("CrossAttn") for kind in config["up_block_types"]]
    return Model(network, family, spec, "unet",
                 lambda name: ("model.diffusion_model." + layouts.unet(name, 2, attends), ""))


def vae_model(spec, family):
    sdxl = spec["unet"].get("addition_embed_type") is not None
    network = AutoencoderKL(
        block_out_channels=(32, 32, 32, 64), layers_per_block=2, norm_num_groups=32, latent_channels=4,
        scaling_factor=0.13025 if sdxl else 0.18215, down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, sample_size=1024 if sdxl else 512)

    def to_ldm(name):
        ldm, how = layouts.vae(name, 4)
        return "first_stage_model." + ldm, how

    return Model(network, family, spec, "vae", to_ldm)


def text_model(spec, family, part, tower):
    width = tower["width"]
    config = CLIPTextConfig(
        vocab_size=VOCABULARY, hidden_size=width, intermediate_size=4 * width, num_hidden_layers=tower["layers"],
        num_attention_heads=width // 64, max_position_embeddings=77, hidden_act=tower["act"], bos_token_id=BOS,
        eos_token_id=EOS, pad_token_id=tower["pad"], projection_dim=tower.get("projection", width))
    network = (CLIPTextModelWithProjection if "projection" in tower else CLIPTextModel)(config)
    prefix = ("conditioner.embedders." + ("1" if part.endswith("2") else "0")) if len(spec["text"]) > 1 else "cond_stage_model"

    def to_ldm(name):
        if tower["kind"] == "clip":
            return f"{prefix}.transformer.{name}", ""
        ldm, how = layouts.open_clip(name)
        return f"{prefix}.model.{ldm}", how

    left_out = []
    if tower.get("left_out"):
        # OpenCLIP-H's last layer and projection, which Stable Diffusion 2 does not read
        last = f"text_model.encoder.layers.{tower['layers']}."
        like = "encoder.layers.0."
        left_out = [(last + n.split(like)[1], tuple(v.shape)) for n, v in network.state_dict().items() if like in n]
        left_out.append(("text_projection.weight", (width, width)))
    return Model(network, family, spec, part, to_ldm, left_out)


# ---- what the reference computes


class Attend:
    """Attention by its formula where a module's queries lie on the grid, its probabilities kept."""

    def __init__(self, patches, kept, own):
        self.patches, self.kept, self.own, self.plain = patches, kept, own, AttnProcessor2_0()

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None):
        if hidden_states.shape[1] != self.patches:
            return self.plain(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = (attn.head_to_batch_dim(x) for x in (attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context)))
        p = torch.softmax(q @ k.transpose(1, 2) * attn.scale, dim=-1)
        self.keep(p)
        return attn.to_out[1](attn.to_out[0](attn.batch_to_head_dim(p @ v)))

    def keep(self, p):
        """Sums up probabilities [heads, P, T] over heads and modules."""
        kept = self.kept["self" if self.own else "cross"]
        kept.append(p.sum(0) + (kept.pop() if kept else 0))
        if not self.own:
            self.kept["heads"] += len(p)


def run_unet(unet, spec, inputs, attend=Attend):
    """eps, the head-averaged maps [P, T] and [P, P] on the grid ceil(px / 32), and that grid."""
    rows, columns = (math.ceil(side / 4) for side in inputs["latents"].shape[-2:])
    kept = {"cross": [], "self": [], "heads": 0}
    unet.set_attn_processor({name: attend(rows * columns, kept, ".attn1." in name) for name in unet.attn_processors})
    added = {"text_embeds": inputs["pooled"], "time_ids": inputs["time_ids"]} if "pooled" in inputs else None
    eps = unet(inputs["latents"], spec["timestep"], inputs["context"], added_cond_kwargs=added).sample
    return eps, kept["cross"][0] / kept["heads"], kept["self"][0] / kept["heads"], rows, columns


def text_like(width, generator):
    """[1, 77, width]: few distinct rows, near-identical padding, the subjects' rows large."""
    base = torch.randn(width, generator=generator)
    rows = 0.4 * base + torch.randn(77, width, generator=generator)
    rows[1:8] *= 0.7
    for token in (3, 7):
        rows[token] *= 3
    rows[9:] = rows[8] + 0.05 * torch.randn(68, width, generator=generator)
    return rows[None]


def ids(tower):
    return torch.tensor([[BOS, *WORDS, EOS] + [tower["pad"]] * (77 - len(WORDS) - 2)])


def share(actual, expected):
    """The largest difference as a share of the largest value."""
    return ((actual - expected).abs().max() / expected.abs().max()).item()


def golden_of(spec, unet, vae, towers, seed):
    """float32 tensors by name, and numbers."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = spec["latents"]
    context = spec["unet"]["cross_attention_dim"]
    inputs = {"latents": torch.randn(1, 4, rows, columns, generator=generator), "context": text_like(context, generator)}
    if "addition_embed_type" in spec["unet"]:
        inputs["pooled"] = torch.randn(1, 128, generator=generator)
        inputs["time_ids"] = torch.tensor([[8.0 * rows, 8.0 * columns, 16, 0, 8.0 * rows, 8.0 * columns]])
    inputs["picture"] = torch.rand(1, 3, 40, 56, generator=generator) * 2 - 1
    golden, numbers = dict(inputs), {}

    exact = {k: v.double() for k, v in inputs.items()}
    exact["latents"].requires_grad_()
    eps, cross, self_map, grid_rows, grid_columns = run_unet(unet, spec, exact)
    golden |= {"eps": eps, "cross": cross, "self": self_map}
    values, terms = losses.all_losses(cross, self_map, grid_rows, grid_columns, GROUPS)
    for name, loss in values.items():
        golden[f"{name}.dlatents"] = torch.autograd.grad(loss, exact["latents"], retain_graph=True)[0]
    numbers = {k: v.item() for k, v in (values | terms).items()} | {"rows": grid_rows, "columns": grid_columns}

    unet.float()
    try:
        latents = inputs["latents"].clone().requires_grad_()
        single = run_unet(unet, spec, inputs | {"latents": latents})
        apart = {n: share(a, b) for n, a, b in zip(("eps", "cross", "self"), single, (eps, cross, self_map))}
        single, _ = losses.all_losses(single[1].double(), single[2].double(), grid_rows, grid_columns, GROUPS)
        for name, loss in single.items():
            gradient = torch.autograd.grad(loss, latents, retain_graph=True)[0]
            apart |= {name: abs(loss - values[name]).item(), name + "'": share(gradient, golden[f"{name}.dlatents"])}
        print("  diffusers' own float32:", ", ".join(f"{k} {v:.1e}" for k, v in apart.items()))
    finally:
        unet.double()

    with torch.no_grad():
        scale = vae.config.scaling_factor
        golden["encoded"] = vae.encode(exact["picture"]).latent_dist.mean * scale
        golden["decoded"] = vae.decode(golden["encoded"].float().double() / scale).sample
        contexts = []
        for part, (tower, network) in towers.items():
            golden[f"{part}.ids"] = ids(tower).float()
            out = network(ids(tower), output_hidden_states=True)
            # SD 1 and 2 take the final norm, SDXL the bare hidden state before the last layer
            contexts.append(out.last_hidden_state if tower["norm"] else out.hidden_states[-1 - tower["skip"]])
            # the hidden state one layer earlier, as "clip skip" counts, with the final norm on it
            final = network.text_model.final_layer_norm if hasattr(network, "text_model") else network.final_layer_norm
            golden[f"{part}.skip"] = final(out.hidden_states[-2]) if tower["norm"] else out.hidden_states[-2 - tower["skip"]]
            golden[f"{part}.hidden"] = contexts[-1]
            if "projection" in tower:
                golden["text.pooled"] = out.text_embeds
        golden["text.context"] = torch.cat(contexts, dim=-1)
    return {k: v.detach().float().contiguous() for k, v in golden.items()}, numbers


def describe(cross, numbers):
    shares = torch.softmax(100 * cross[:, 1:-1], dim=-1)
    return ", ".join(f"{k} {numbers[k]:.4f}" for k in (
        "initno", "initno.cross", "initno.self", "initno.clean", "self-cross", "self-cross.self_cross", "conform",
        "conform.ranking")) + f"; largest share of the subjects {shares[:, 2].max():.3f} {shares[:, 6].max():.3f}"


# ---- the converters of diffusers, where they know these widths


def cross_check(spec, unet, vae, towers, models):
    ldm = layouts.to_ldm([t for m in models for t in m.ldm])
    pairs = [(single_file_utils.convert_ldm_unet_checkpoint(dict(ldm), dict(unet.config)), unet),
             (single_file_utils.convert_ldm_vae_checkpoint(dict(ldm), dict(vae.config)), vae)]
    for part, (tower, network) in towers.items():
        prefix = ("conditioner.embedders." + ("1" if part.endswith("2") else "0")) if len(towers) > 1 else "cond_stage_model"
        if tower["kind"] == "open_clip":
            # its list of tensors to leave out counts to 23; here one layer fewer is read
            pairs.append((single_file_utils.convert_open_clip_checkpoint(network, dict(ldm), prefix + ".model."), network))
        else:
            pairs.append((single_file_utils.convert_ldm_clip_checkpoint(
                dict(ldm), remove_prefix=prefix + ".transformer."), network))
    for converted, network in pairs:
        expected = {k: v for k, v in network.state_dict().items() if v.is_floating_point()}
        named = {k if k in expected else k.removeprefix("text_model."): v for k, v in converted.items()}
        for name, values in expected.items():
            assert torch.equal(named[name].reshape(values.shape), values), name
    print("  diffusers' converters make the same of the single file:", sum(len(n.state_dict()) for _, n in pairs), "tensors")
    return ldm


# ---- configs


def scheduler(spec):
    sdxl = "addition_embed_type" in spec["unet"]
    return {"_class_name": "EulerDiscreteScheduler" if sdxl else "DDIMScheduler", "beta_end": 0.012,
            "beta_schedule": "scaled_linear", "beta_start": 0.00085, "num_train_timesteps": 1000,
            "prediction_type": spec["prediction"], "steps_offset": 1, "timestep_spacing": "leading"}


def model_index(spec):
    sdxl = "addition_embed_type" in spec["unet"]
    index = {"_class_name": "StableDiffusionXLPipeline" if sdxl else "StableDiffusionPipeline",
             "scheduler": ["diffusers", scheduler(spec)["_class_name"]], "unet": ["diffusers", "UNet2DConditionModel"],
             "vae": ["diffusers", "AutoencoderKL"]}
    for part, tower in spec["text"].items():
        index[part] = ["transformers", "CLIPTextModelWithProjection" if "projection" in tower else "CLIPTextModel"]
    return index


def config_of(network):
    values = network.config.to_dict() if hasattr(network.config, "to_dict") else dict(network.config)
    kept = {k: v for k, v in values.items() if k not in ("_name_or_path", "_use_default_values", "_diffusers_version",
                                                         "transformers_version", "id2label", "label2id")}
    return {"_class_name": type(network).__name__} | kept if not hasattr(network.config, "to_dict") else kept


def write_json(file, value):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=1, default=str) + "\n")


def main():
    folder, chosen = Path(sys.argv[1]), sys.argv[2:] or list(FAMILIES)
    for index, (family, spec) in enumerate(FAMILIES.items()):
        if family not in chosen:
            continue
        print(family)
        unet, vae = unet_model(spec, family), vae_model(spec, family)
        texts = {part: text_model(spec, family, part, tower) for part, tower in spec["text"].items()}
        towers = {part: (spec["text"][part], model.network) for part, model in texts.items()}
        models = [unet, vae, *texts.values()]
        cross_check(spec, unet.network, vae.network, towers, models)
        golden, numbers = golden_of(spec, unet.network, vae.network, towers, 100 + index)
        print(" ", describe(golden["cross"], numbers))
        place = folder / family
        for model in models:
            write_json(place / model.part / "config.json", config_of(model.network))
        write_json(place / "scheduler/scheduler_config.json", scheduler(spec))
        write_json(place / "model_index.json", model_index(spec))
        notes = {"numbers": json.dumps(numbers), "groups": json.dumps(GROUPS), "timestep": str(spec["timestep"])}
        save_file(golden, place / "golden.safetensors", notes)
        lines = [line for model in models for line in model.lines]
        (place / "tensors.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
