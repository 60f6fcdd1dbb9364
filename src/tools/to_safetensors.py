"""Turns weights that PyTorch pickled (.bin, .pt, .pth, .ckpt) into a safetensors file beside them, which the product reads.

    python to_safetensors.py FILE...        with torch and safetensors

FILE.pt becomes FILE.safetensors, pytorch_model.bin becomes model.safetensors and open_clip_pytorch_model.bin becomes
open_clip_model.safetensors, as their publishers call them. Names, numbers and types stay as they are; a state_dict is taken out of what
training wrapped around it, and the module. that parallel training puts before every name goes. A pickle may hold code: only tensors and
plain containers are unpickled here, and anything else ends the conversion.
"""
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

WRAPPERS = ("state_dict", "model", "teacher")
PUBLISHED = {"pytorch_model": "model", "open_clip_pytorch_model": "open_clip_model"}


def state(loaded):
    if isinstance(loaded, torch.jit.ScriptModule):
        return dict(loaded.state_dict())
    for wrapper in WRAPPERS:
        if isinstance(loaded.get(wrapper), dict):
            return state(loaded[wrapper])
    return loaded


def load(path):
    try:
        # OpenAI's own files are TorchScript archives
        return torch.jit.load(path, map_location="cpu")
    except RuntimeError:
        return torch.load(path, map_location="cpu", weights_only=True)


def convert(path):
    tensors = {}
    for name, value in state(load(path)).items():
        if isinstance(value, torch.Tensor):
            # own memory for each: a safetensors file has no shared tensors
            tensors[name.removeprefix("module.")] = value.detach().clone().contiguous()
    if not tensors:
        raise SystemExit(f"{path}: no tensors (expected: a state_dict, or something that holds one)")
    target = path.with_name(PUBLISHED.get(path.stem, path.stem) + ".safetensors")
    if target.exists():
        raise SystemExit(f"{target}: is there already (expected: nothing that would be overwritten)")
    save_file(tensors, target, metadata={"format": "pt"})
    print(f"{target}: {len(tensors)} tensors")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    for argument in sys.argv[1:]:
        convert(Path(argument))
