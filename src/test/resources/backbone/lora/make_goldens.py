"""LoRA files of every format for the networks of ../tiny_sd2, and what the reference implementations make of them in float64.

Run with torch, diffusers, peft, transformers, and with lycoris-lora and a ComfyUI checkout on the path (of the latter only
comfy.weight_adapter is used):  PYTHONPATH=COMFYUI:LYCORIS python make_goldens.py FOLDER
"""
import json
import sys
import types
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.loaders import StableDiffusionLoraLoaderMixin, StableDiffusionXLLoraLoaderMixin
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

folder = Path(sys.argv[1]).resolve()
base = folder.parent / "tiny_sd2"
inputs = load_file(base / "golden.safetensors")
torch.manual_seed(5)
golden = {}


def network():
    config = json.loads((base / "unet/config.json").read_text())
    unet = UNet2DConditionModel.from_config(config)
    unet.load_state_dict(load_file(base / "unet/model.safetensors"))
    return unet.double().eval()


def text_network():
    text = CLIPTextModel(CLIPTextConfig(**json.loads((base / "text_encoder/config.json").read_text())))
    text.load_state_dict(load_file(base / "text_encoder/model.safetensors"), strict=False)
    return text.double().eval()


@torch.no_grad()
def eps(unet):
    return unet(inputs["latents"], 499.5, inputs["context"].expand(2, -1, -1)).sample


@torch.no_grad()
def embeddings(text):
    return text(torch.tensor([[1, 17, 5, 39, 2, 0, 0]])).last_hidden_state


def values(*shape, dtype=torch.float32):
    return (0.5 * torch.randn(*shape)).to(dtype)


def low_rank(state, name, out, down_shape, alpha, dtype, down=".lora_down.weight", up=".lora_up.weight"):
    rank = down_shape[0]
    state[name + down] = values(*down_shape, dtype=dtype)
    state[name + up] = values(out, rank, *[1] * (len(down_shape) - 2), dtype=dtype)
    if alpha is not None:
        state[name + ".alpha"] = torch.tensor(alpha).to(dtype)


def kohya(ldm):
    """A mixture of layers, ranks and types with the names of diffusers or of the original layout. All attention has one alpha,
    the most frequent one: diffusers 0.40 loses others' alphas (it warns that alpha_pattern matches nothing)."""
    down, middle, up, last = (("input_blocks_1", "middle_block", "output_blocks_0", "output_blocks_3") if ldm
                              else ("down_blocks_0", "mid_block", "up_blocks_0", "up_blocks_1"))
    attention = (lambda b: b + "_1") if ldm else (lambda b: b + "_attentions_0" if b != last else b + "_attentions_1")
    resnet = (lambda b: b + "_0") if ldm else (lambda b: b + "_resnets_0")
    conv1, shortcut, emb = (("in_layers_2", "skip_connection", "emb_layers_1") if ldm
                            else ("conv1", "conv_shortcut", "time_emb_proj"))
    state = {}
    half, brain = torch.float16, torch.bfloat16
    low_rank(state, f"lora_unet_{attention(down)}_transformer_blocks_0_attn1_to_q", 8, (4, 8), 2.0, half)
    low_rank(state, f"lora_unet_{attention(down)}_transformer_blocks_1_attn2_to_k", 8, (2, 12), 2.0, torch.float32)
    low_rank(state, f"lora_unet_{attention(middle)}_transformer_blocks_0_ff_net_0_proj", 128, (3, 16), 3.0, brain)
    low_rank(state, f"lora_unet_{attention(last)}_transformer_blocks_1_attn1_to_out_0", 8, (1, 8), 2.0, half)
    low_rank(state, f"lora_unet_{attention(up)}_proj_in", 16, (2, 16), 1.0, half)
    low_rank(state, f"lora_unet_{resnet(down)}_{conv1}", 8, (3, 8, 3, 3), 1.5, half)
    low_rank(state, f"lora_unet_{resnet(up)}_{shortcut}", 16, (2, 32, 1, 1), 2.0, half)
    low_rank(state, f"lora_unet_{resnet(up)}_{emb}", 16, (2, 32), 2.0, half)
    return state


def fused(state, mixin, scale):
    unet = network()
    if mixin is StableDiffusionXLLoraLoaderMixin:
        state, alphas, _ = mixin.lora_state_dict(dict(state), unet_config=unet.config, return_lora_metadata=True)
    else:
        state, alphas = mixin.lora_state_dict(dict(state))
    mixin.load_lora_into_unet(state, alphas, unet)
    unet.fuse_lora(lora_scale=scale)
    return unet


def write(name, state, metadata=None):
    save_file({key: value.contiguous() for key, value in state.items()}, folder / f"{name}.safetensors", metadata)


# kohya's files, by diffusers
state = kohya(False)
golden["kohya.eps"] = eps(fused(state, StableDiffusionLoraLoaderMixin, 0.75))
first = state
for layer in range(2):
    for module in ("self_attn_q_proj", "self_attn_out_proj", "mlp_fc2"):
        low_rank(state, f"lora_te_text_model_encoder_layers_{layer}_{module}", 12,
                 (2, 24 if module == "mlp_fc2" else 12), 1.0, torch.float16)
write("kohya", state)
merged = text_network()
for name, weight in merged.named_parameters():
    key = "lora_te_text_model_" + name.removeprefix("text_model.").removesuffix(".weight").replace(".", "_")
    if key + ".lora_up.weight" in state:
        weight.data += 0.5 * state[key + ".alpha"].double() / 2 * (
            state[key + ".lora_up.weight"].double() @ state[key + ".lora_down.weight"].double())
golden["kohya.embeddings"] = embeddings(merged)
state = kohya(True)
write("kohya_ldm", state)
golden["kohya_ldm.eps"] = eps(fused(state, StableDiffusionXLLoraLoaderMixin, 1.0))
# the two files after each other, at 0.75 and -0.5
both = fused(first, StableDiffusionLoraLoaderMixin, 0.75)
plain, second = network(), fused(state, StableDiffusionXLLoraLoaderMixin, -0.5)
names = {name: name.replace(".base_layer", "") for name in both.state_dict() if "lora_" not in name}
total = network()
own = plain.state_dict()
total.load_state_dict({
    clean: both.state_dict()[name] + {n.replace(".base_layer", ""): v for n, v in second.state_dict().items()
                                      if "lora_" not in n}[clean] - own[clean]
    for name, clean in names.items()})
golden["both.eps"] = eps(total)


# PEFT's own layers: saved as diffusers does, with and without the configuration in the header; the adapter itself computes
def adapted(**config):
    unet = network()
    unet.add_adapter(LoraConfig(r=4, init_lora_weights=False, target_modules=[
        "to_k", "to_out.0", "conv2", "conv_shortcut", "time_emb_proj", "ff.net.2", "proj_out"], **config))
    for name, weight in unet.named_parameters():
        if "lora_" in name:
            # half precision is what is saved
            weight.data = values(*weight.shape, dtype=torch.float16).double()
    state = {k: v.half() for k, v in get_peft_model_state_dict(unet).items()}
    return unet, state


unet, state = adapted(lora_alpha=4)
StableDiffusionPipeline.save_lora_weights(folder, unet_lora_layers=state, weight_name="peft.safetensors")
golden["peft.eps"] = eps(unet)
unet, state = adapted(lora_alpha=3, alpha_pattern={"mid_block.resnets.0.conv2": 8}, use_rslora=True)
config = unet.peft_config["default"].to_dict()
StableDiffusionPipeline.save_lora_weights(
    folder, unet_lora_layers=state, weight_name="peft_metadata.safetensors", unet_lora_adapter_metadata=config)
golden["peft_metadata.eps"] = eps(unet)

# diffusers' first format: attention processors
state = {}
for site, width in (("down_blocks.0.attentions.0", 8), ("mid_block.attentions.0", 16)):
    for layer, context in (("to_q", width), ("to_v", 12), ("to_out", width)):
        low_rank(state, f"unet.{site}.transformer_blocks.0.attn2.processor.{layer}", width, (2, context), None,
                 torch.float32, "_lora.down.weight", "_lora.up.weight")
write("processors", state)
golden["processors.eps"] = eps(fused(state, StableDiffusionLoraLoaderMixin, 1.0))

# LyCORIS's formats, by ComfyUI's weight_adapter at strengths 1 and 0.625, the plain ones also by LyCORIS's functions
management = types.ModuleType("comfy.model_management")
management.cast_to_device = lambda tensor, device, dtype, copy=False: tensor.to(dtype)
import comfy  # noqa: E402

comfy.model_management = management
sys.modules["comfy.model_management"] = management
from comfy.weight_adapter import LoHaAdapter, LoKrAdapter, LoRAAdapter  # noqa: E402
from lycoris.functional import locon, loha, lokr  # noqa: E402

# torch's own refuses the view that ComfyUI gives it for lokr_t2, and ComfyUI then leaves the weight as it was
kron = torch.kron
torch.kron = lambda a, b: kron(a, b.contiguous())

unet = network()
state, parameters = {}, dict(unet.named_parameters())
changes = {}


def lycoris(module, adapter, tensors, alpha=None, dora=None):
    name = "lora_unet_" + module.replace(".", "_")
    for ending, tensor in tensors.items():
        state[f"{name}.{ending}"] = tensor
    if alpha is not None:
        state[name + ".alpha"] = torch.tensor(alpha)
    if dora is not None:
        state[name + ".dora_scale"] = dora
    changes[module] = (adapter, alpha, dora)


def deep(*tensors):
    return [None if t is None else t.double() for t in tensors]


t = values
lycoris("down_blocks.0.resnets.0.conv1", LoRAAdapter,
        {"lora_up.weight": t(8, 3, 1, 1), "lora_down.weight": t(3, 8, 1, 1), "lora_mid.weight": t(3, 3, 3, 3)}, 1.5)
lycoris("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", LoHaAdapter,
        {"hada_w1_a": t(8, 2), "hada_w1_b": t(2, 8), "hada_w2_a": t(8, 2), "hada_w2_b": t(2, 8)}, 1.0)
lycoris("down_blocks.0.resnets.0.conv2", LoHaAdapter,
        {"hada_w1_a": t(8, 2), "hada_w1_b": t(2, 72), "hada_w2_a": t(8, 2), "hada_w2_b": t(2, 72)}, 3.0)
lycoris("mid_block.resnets.0.conv1", LoHaAdapter,
        {"hada_t1": t(2, 2, 3, 3), "hada_w1_a": t(2, 16), "hada_w1_b": t(2, 16),
         "hada_t2": t(2, 2, 3, 3), "hada_w2_a": t(2, 16), "hada_w2_b": t(2, 16)}, 1.0)
lycoris("mid_block.attentions.0.transformer_blocks.0.attn2.to_k", LoKrAdapter,
        {"lokr_w1": t(4, 3), "lokr_w2_a": t(4, 2), "lokr_w2_b": t(2, 4)}, 1.0)
lycoris("mid_block.attentions.0.transformer_blocks.0.attn2.to_v", LoKrAdapter,
        {"lokr_w1_a": t(4, 1), "lokr_w1_b": t(1, 3), "lokr_w2": t(4, 4)}, 0.5)
lycoris("mid_block.attentions.0.transformer_blocks.0.ff.net.0.proj", LoKrAdapter,
        {"lokr_w1_a": t(8, 2), "lokr_w1_b": t(2, 4), "lokr_w2_a": t(16, 2), "lokr_w2_b": t(2, 4)}, 1.0)
lycoris("mid_block.attentions.0.proj_in", LoKrAdapter, {"lokr_w1": t(4, 4), "lokr_w2": t(4, 4)}, 7.0)
lycoris("up_blocks.0.resnets.0.conv2", LoKrAdapter,
        {"lokr_w1": t(4, 4), "lokr_t2": t(2, 2, 3, 3), "lokr_w2_a": t(2, 4), "lokr_w2_b": t(2, 4)}, 1.0)
lycoris("up_blocks.0.resnets.1.conv2", LoKrAdapter, {"lokr_w1": t(2, 4), "lokr_w2": t(8, 4, 3, 3)}, 1.0)
lycoris("up_blocks.0.resnets.0.conv1", LoKrAdapter, {"lokr_w1": t(4, 4), "lokr_w2_a": t(4, 2), "lokr_w2_b": t(2, 72)})
lycoris("up_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k", LoRAAdapter,
        {"lora_up.weight": t(16, 2), "lora_down.weight": t(2, 12)}, 1.0, t(16, 1).abs() + 1)
lycoris("up_blocks.0.attentions.0.transformer_blocks.0.attn2.to_v", LoRAAdapter,
        {"lora_up.weight": t(16, 2), "lora_down.weight": t(2, 12)}, 1.0, t(1, 12).abs() + 1)
lycoris("up_blocks.0.upsamplers.0.conv", LoHaAdapter,
        {"hada_w1_a": t(16, 2), "hada_w1_b": t(2, 144), "hada_w2_a": t(16, 2), "hada_w2_b": t(2, 144)}, 1.0,
        t(1, 16, 1, 1).abs() + 1)
lycoris("up_blocks.0.attentions.0.proj_out", None, {"diff": t(16, 16), "diff_b": t(16)})
lycoris("up_blocks.0.resnets.0.norm2", None, {"w_norm": t(16), "b_norm": t(16)})
write("lycoris", state)


def by_lycoris(module, shape):
    """The difference, where LyCORIS has a function for it."""
    name = "lora_unet_" + module.replace(".", "_")
    get = lambda *endings: deep(*(state.get(f"{name}.{e}") for e in endings))
    adapter, alpha, _ = changes[module]
    if adapter is LoRAAdapter:
        down, up, mid = get("lora_down.weight", "lora_up.weight", "lora_mid.weight")
        if mid is None:
            return locon.diff_weight(down, up, None, gamma=alpha / down.shape[0]).reshape(shape)
        # the function misplaces the kernel's dimensions for 1x1 factors
        return alpha / down.shape[0] * torch.einsum("mnkl,om,ni->oikl", mid, up[:, :, 0, 0], down[:, :, 0, 0])
    if adapter is LoHaAdapter:
        weights = get("hada_w1_b", "hada_w1_a", "hada_w2_b", "hada_w2_a", "hada_t1", "hada_t2")
        return loha.diff_weight(*weights, gamma=torch.tensor(alpha / weights[0].shape[0])).reshape(shape)
    weights = get("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2")
    # without alpha the scale is 1, which the function knows as alpha = rank
    rank = next((w.shape[1] for w in (weights[1], weights[4]) if w is not None), 1)
    if weights[6] is not None:
        # the function takes the wrong side of a factor for the rank; LyCORIS's modules and ComfyUI divide by the rank
        alpha *= weights[4].shape[1] / weights[4].shape[0]
    return lokr.diff_weight(*weights, gamma=rank if alpha is None else alpha).reshape(shape)


for strength in (1.0, 0.625):
    for module, (adapter, alpha, dora) in changes.items():
        name = "lora_unet_" + module.replace(".", "_")
        weight = parameters[module + ".weight"].detach().clone()
        original = weight.clone()
        if adapter is None:
            for ending, kind in (("diff", "weight"), ("w_norm", "weight"), ("diff_b", "bias"), ("b_norm", "bias")):
                if f"{name}.{ending}" in state:
                    golden[f"lycoris.{strength}.{module}.{kind}"] = (
                        parameters[f"{module}.{kind}"].detach() + strength * state[f"{name}.{ending}"].double()).float()
            continue
        tensors = {key: value.double() for key, value in state.items()}
        change = adapter.load(name, tensors, alpha, None if dora is None else dora.double())
        weight = change.calculate_weight(weight, module, strength, 1.0, None, lambda x: x, torch.float64)
        assert not torch.equal(weight, original), module
        if dora is None:
            torch.testing.assert_close(weight, original + strength * by_lycoris(module, weight.shape))
        golden[f"lycoris.{strength}.{module}.weight"] = weight.float()

save_file({key: value.contiguous() for key, value in golden.items()}, folder / "golden.safetensors")
