"""How far torch's own bfloat16 lies from its float32 on the tiny models: what ours is judged by.

    python bfloat16.py FOLDER [FAMILY ...]        with torch, diffusers, transformers; FOLDER as make_tiny.py left it

Prints the lines of FOLDER/bfloat16.tsv, which README.md there explains.
"""
import math
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

import losses
import make_tiny as tiny

LOSSES = ("initno", "self-cross", "conform")


class AttendInFloat32(tiny.Attend):
    """Probabilities in float32 from bfloat16 queries and keys, so that both sides round at the same places."""

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None):
        if hidden_states.shape[1] != self.patches:
            return self.plain(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = (attn.head_to_batch_dim(x) for x in (attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context)))
        p = torch.softmax(q.float() @ k.float().transpose(1, 2) * attn.scale, dim=-1)
        self.keep(p)
        return attn.to_out[1](attn.to_out[0](attn.batch_to_head_dim(p.to(v) @ v)))


def apart(actual, expected):
    """The error as a share of what is left of the expected: |a - e| |e| / (a . e); infinite where nothing is left."""
    a, e = actual.detach().double().flatten(), expected.detach().double().flatten()
    kept = (a @ e).item()
    return ((a - e).norm() * e.norm()).item() / kept if kept > 0 else math.inf


def gradients(maps, latents, slopes):
    """What the maps' slopes come to at the latents, by loss."""
    return {name: torch.autograd.grad([m for m, s in zip(maps, slope) if s is not None],
                                      latents, [s.to(m) for m, s in zip(maps, slope) if s is not None],
                                      retain_graph=True)[0] for name, slope in slopes.items()}


def slopes_of(cross, self_map, rows, columns):
    """The losses' gradients with respect to the maps, in float64; None where a loss does not read one."""
    leaves = [cross.detach().requires_grad_(), self_map.detach().requires_grad_()]
    values, _ = losses.all_losses(*leaves, rows, columns, tiny.GROUPS)
    return {name: torch.autograd.grad(values[name + ".ranking"], leaves, retain_graph=True, allow_unused=True)
            for name in LOSSES}


def measured(network, spec, inputs, sign):
    """By what is compared: how far bfloat16 lies from float32, for the golden's noise or its negative."""

    def run(dtype):
        network.to(dtype)
        latents = (sign * inputs["latents"]).requires_grad_()
        given = {k: v if k == "time_ids" else v.to(dtype) for k, v in inputs.items()} | {"latents": latents.to(dtype)}
        return latents, *tiny.run_unet(network, spec, given, AttendInFloat32)

    latents, eps, cross, self_map, rows, columns = run(torch.float32)
    slopes = slopes_of(cross.double(), self_map.double(), rows, columns)
    expected = gradients((cross, self_map), latents, slopes)
    latents, eps16, cross16, self16, _, _ = run(torch.bfloat16)
    found = {"eps": apart(eps16, eps), "cross": apart(cross16, cross), "self": apart(self16, self_map)}
    for name, gradient in gradients((cross16, self16), latents, slopes).items():
        found[name] = apart(gradient, expected[name])
    return found


def main():
    folder, chosen = Path(sys.argv[1]), sys.argv[2:] or list(tiny.FAMILIES)
    print("family", "sign", "eps", "cross", "self", *LOSSES, sep="\t")
    for family in chosen:
        spec = tiny.FAMILIES[family]
        network = tiny.unet_model(spec, family).network
        golden = load_file(folder / family / "golden.safetensors")
        inputs = {k: golden[k] for k in ("latents", "context", "pooled", "time_ids") if k in golden}
        for sign in (1, -1):
            row = measured(network, spec, inputs, sign)
            print(family, sign, *(f"{v:.4g}" for v in row.values()), sep="\t", flush=True)


if __name__ == "__main__":
    main()
