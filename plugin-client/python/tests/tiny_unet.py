"""The tiny UNet golden in plain torch: Stable Diffusion 1's layout under diffusers' names, and a host that searches are evaluated on.

Written from the layout's description alone, so that the sidecar's network has an independent one to agree with.
"""

import json
import math
import struct
from pathlib import Path

import torch
import torch.nn.functional as functional
from prenoise import arrays, torch_host
from torch.utils.checkpoint import checkpoint

FOLDER = Path(__file__).resolve().parents[3] / "src" / "test" / "resources" / "backbone" / "tiny_sd1"
_TYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "I64": torch.int64}


def safetensors(path):
    """The tensors of a file by name, and its metadata."""
    data = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = torch.frombuffer(bytearray(data[begin:end]), dtype=_TYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors, metadata


def _attend(query, key, value):
    return (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(-1) @ value


class TinyUNet:
    """eps of x [B, 4, H, W] at a timestep under a text [1, T, D]. `listen(query, key)` hears every attention, [B, heads, N, d] each."""

    def __init__(self, dtype=torch.float32, folder=FOLDER):
        self.weights = {name: values.to(dtype) for name, values in safetensors(folder / "diffusion_pytorch_model.safetensors")[0].items()}
        config = json.loads((folder / "config.json").read_text())
        self.heads, self.groups = config["attention_head_dim"], config["norm_num_groups"]  # diffusers' name for the number of heads
        self.width = config["block_out_channels"][0]
        self.levels = len(config["block_out_channels"])
        self.listen = lambda query, key: None

    def __call__(self, x, timestep, text):
        time = self.time(timestep, x.dtype)
        text = text.expand(len(x), -1, -1)
        x = self.conv(x, "conv_in")
        skips = [x]
        for level in range(self.levels):
            block = f"down_blocks.{level}"
            for layer in range(2):
                x = self.layer(x, time, text, block, layer)
                skips.append(x)
            if self.has(f"{block}.downsamplers.0.conv"):
                x = self.conv(x, f"{block}.downsamplers.0.conv", stride=2)
                skips.append(x)
        x = self.layer(x, time, text, "mid_block", 0)
        x = self.resnet(x, time, "mid_block.resnets.1")
        for level in range(self.levels):
            block = f"up_blocks.{level}"
            for layer in range(3):
                x = self.layer(torch.cat([x, skips.pop()], 1), time, text, block, layer)
            if self.has(f"{block}.upsamplers.0.conv"):
                x = self.conv(functional.interpolate(x, size=skips[-1].shape[2:], mode="nearest"), f"{block}.upsamplers.0.conv")
        return self.conv(functional.silu(self.norm(x, "conv_norm_out", 1e-5)), "conv_out")

    def time(self, timestep, dtype):
        half = self.width // 2
        angles = timestep * torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / half)  # float32, as everybody rounds them
        waves = torch.cat([angles.cos(), angles.sin()])[None].to(dtype)
        return self.linear(functional.silu(self.linear(waves, "time_embedding.linear_1")), "time_embedding.linear_2")

    def layer(self, x, time, text, block, layer):
        x = self.resnet(x, time, f"{block}.resnets.{layer}")
        name = f"{block}.attentions.{layer}"
        return self.transformer(x, text, name) if self.has(f"{name}.proj_in") else x

    def resnet(self, x, time, name):
        h = self.conv(functional.silu(self.norm(x, f"{name}.norm1", 1e-5)), f"{name}.conv1")
        h = h + self.linear(functional.silu(time), f"{name}.time_emb_proj")[:, :, None, None]
        h = self.conv(functional.silu(self.norm(h, f"{name}.norm2", 1e-5)), f"{name}.conv2")
        return h + (self.conv(x, f"{name}.conv_shortcut", padding=0) if self.has(f"{name}.conv_shortcut") else x)

    def transformer(self, x, text, name):
        h = self.conv(self.norm(x, f"{name}.norm", 1e-6), f"{name}.proj_in", padding=0)
        size = h.shape
        h = h.flatten(2).transpose(1, 2)
        block = f"{name}.transformer_blocks.0"
        own = self.layer_norm(h, f"{block}.norm1")
        h = h + self.attention(own, own, f"{block}.attn1")
        h = h + self.attention(self.layer_norm(h, f"{block}.norm2"), text, f"{block}.attn2")
        value, gate = self.linear(self.layer_norm(h, f"{block}.norm3"), f"{block}.ff.net.0.proj").chunk(2, -1)
        h = h + self.linear(value * functional.gelu(gate), f"{block}.ff.net.2")
        return x + self.conv(h.transpose(1, 2).reshape(size), f"{name}.proj_out", padding=0)

    def attention(self, x, text, name):
        query, key, value = (
            self.linear(of, f"{name}.{part}").unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for of, part in ((x, "to_q"), (text, "to_k"), (text, "to_v"))
        )
        self.listen(query, key)
        # At 64 by 64 the softmax of one layer has 33 million values: a few queries at a time, so that memory is used again, and computed again on the way back.
        h = torch.cat([checkpoint(_attend, part, key, value, use_reentrant=False) for part in query.split(256, 2)], 2)
        return self.linear(h.transpose(1, 2).flatten(2), f"{name}.to_out.0")

    def has(self, name):
        return f"{name}.weight" in self.weights

    def conv(self, x, name, stride=1, padding=1):
        return functional.conv2d(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], stride, padding)

    def linear(self, x, name):
        return functional.linear(x, self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"))

    def norm(self, x, name, eps):
        return functional.group_norm(x, self.groups, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], eps)

    def layer_norm(self, x, name):
        return functional.layer_norm(x, x.shape[-1:], self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])


class _Enough(Exception):
    """Ends a forward pass after the last layer that counts."""


class TinyHost:
    """A `prenoise.host.Host` that evaluates attention on the tiny UNet at one timestep, whose input is unit noise. Keeps what it was asked."""

    def __init__(self, text, timestep, dtype=torch.float32):
        self.network = TinyUNet(dtype)
        self.text, self.timestep, self.dtype = text.to(dtype), timestep, dtype
        self.kept = self.eps = self.layers = None
        self.noises, self.gradients, self.batches, self.released = [], [], [], 0

    def attention(self, noises, keep_graph):
        self.noises += noises
        self.batches.append(len(noises))
        with torch.set_grad_enabled(keep_graph):
            noise = torch.cat([arrays.to_torch(noise) for noise in noises]).requires_grad_(keep_graph)
            maps = self.maps(noise)
        if keep_graph:
            self.kept = noise, maps.cross, maps.self_
        return torch_host.to_wire(maps.cross, maps.self_)

    def maps(self, noise):
        rows, columns = torch_host.grid(8 * noise.shape[2], 8 * noise.shape[3])
        maps = torch_host.MapSum(rows, columns)

        def listen(query, key):
            if query.shape[2] == rows * columns:
                attention = torch_host.attention(query, key, query.shape[3] ** -0.5)
                (maps.add_self if key.shape[2] == query.shape[2] else maps.add_cross)(attention, query.shape[1])
                heard.append(query.shape[2])
                if len(heard) == self.layers:
                    raise _Enough

        heard = []
        self.network.listen = listen
        try:
            self.eps = self.network(noise.to(self.dtype), self.timestep, self.text)
            self.layers = len(heard)  # from now on nothing behind the last of them is computed
        except _Enough:
            self.eps = None
        return maps

    def backward(self, attention, images):
        assert attention and not images
        noise, cross, own = self.kept
        gradient = torch_host.attention_gradient(noise, cross, own, attention, half=False)
        self.gradients += [arrays.from_torch(one[None].float()) for one in gradient]
        self.release()
        return self.gradients[-len(gradient) :]

    def release(self):
        self.kept = None
        self.released += 1

    def pictures(self, noises, seeds, predictions, keep_graph):
        raise NotImplementedError("the tiny UNet has no VAE")

    def walk(self, latents, start, end, pictures):
        raise NotImplementedError("the tiny UNet has no VAE")
