"""Names of the same tensors in the two layouts that checkpoints come in: diffusers folders and LDM single files.

Written from the published layouts, apart from the mapping that the product has, so that one can be held against the other.
"""
import re

RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
          "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
UNET_EDGES = {"conv_in": "input_blocks.0.0", "time_embedding.linear_1": "time_embed.0",
              "time_embedding.linear_2": "time_embed.2", "add_embedding.linear_1": "label_emb.0.0",
              "add_embedding.linear_2": "label_emb.0.2", "conv_norm_out": "out.0", "conv_out": "out.2"}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
OPEN_CLIP = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
             "self_attn.out_proj": "attn.out_proj"}
OPEN_CLIP_EDGES = {"text_model.embeddings.token_embedding.weight": "token_embedding.weight",
                   "text_model.embeddings.position_embedding.weight": "positional_embedding",
                   "text_model.final_layer_norm.weight": "ln_final.weight",
                   "text_model.final_layer_norm.bias": "ln_final.bias"}


def unet(name, layers, attends_up):
    """diffusers' UNet name to LDM's, without prefix.

    layers: residual blocks of a down block. attends_up: by up block, whether it has attention (its upsampler then stands third).
    """
    module, last = name.rsplit(".", 1)
    if module in UNET_EDGES:
        return f"{UNET_EDGES[module]}.{last}"
    if match := re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.+)", module):
        kind, index, rest = match.groups()
        place = 2 * int(index) + (kind == "attentions")
        return f"middle_block.{place}.{RESNET.get(rest, rest) if kind == 'resnets' else rest}.{last}"
    side, block, kind, index, rest = re.fullmatch(
        r"(down|up)_blocks\.(\d)\.(resnets|attentions|downsamplers|upsamplers)\.(\d)\.(.+)", module).groups()
    block, index = int(block), int(index)
    if kind == "downsamplers":
        return f"input_blocks.{(layers + 1) * (block + 1)}.0.op.{last}"
    if kind == "upsamplers":
        return f"output_blocks.{(layers + 1) * block + layers}.{2 if attends_up[block] else 1}.conv.{last}"
    place = f"input_blocks.{(layers + 1) * block + 1 + index}" if side == "down" else f"output_blocks.{(layers + 1) * block + index}"
    return f"{place}.0.{RESNET[rest]}.{last}" if kind == "resnets" else f"{place}.1.{rest}.{last}"


def vae(name, levels):
    """diffusers' VAE name to LDM's without prefix, and how the tensor lies there: "conv" has two more dimensions of 1."""
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    name = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0\.conv", r"down.\1.downsample.conv", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{levels - 1 - int(m[1])}.block.{m[2]}", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0\.conv", lambda m: f"up.{levels - 1 - int(m[1])}.upsample.conv", name)
    if match := re.fullmatch(r"(.+)\.mid_block\.attentions\.0\.(.+)\.(weight|bias)", name):
        side, module, last = match.groups()
        return f"{side}.mid.attn_1.{VAE_ATTENTION[module]}.{last}", "conv" if last == "weight" and module != "group_norm" else ""
    return name, ""


def open_clip(name):
    """transformers' name to OpenCLIP's without prefix, and how the tensor lies there: part 0, 1 or 2 of three, or transposed."""
    if name in OPEN_CLIP_EDGES:
        return OPEN_CLIP_EDGES[name], ""
    if name == "text_projection.weight":
        return "text_projection", "transposed"
    layer, module, last = re.fullmatch(r"text_model\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name).groups()
    block = f"transformer.resblocks.{layer}"
    if match := re.fullmatch(r"self_attn\.([qkv])_proj", module):
        return f"{block}.attn.in_proj_{last}", f"part{'qkv'.index(match[1])}"
    return f"{block}.{OPEN_CLIP[module]}.{last}", ""


def to_ldm(tensors):
    """Puts tensors together as a single file has them: (name in the file, how it lies there, values) to a state dict."""
    import torch

    state, parts = {}, {}
    for name, how, values in tensors:
        if how.startswith("part"):
            parts.setdefault(name, [None] * 3)[int(how[4:])] = values
        else:
            state[name] = {"": lambda v: v, "conv": lambda v: v[..., None, None], "transposed": lambda v: v.T}[how](values)
    return {k: v.contiguous() for k, v in (state | {k: torch.cat(v) for k, v in parts.items()}).items()}
