"""What the tests share: the node pack loaded as ComfyUI loads it, on the stand-ins, and a real sidecar."""

import atexit
import importlib.util
import os
import sys
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PACK = TESTS.parent

sys.path.append(str(PACK.parent / "python" / "tests"))

try:
    import PIL  # noqa: F401
    import torch  # noqa: F401
except ImportError as missing:
    raise unittest.SkipTest(f"the node pack is tested where ComfyUI's own packages are: {missing}") from missing

import standins  # noqa: E402
from sidecar_process import Sidecar  # noqa: E402

PROMPT = "a red circle and a blue square"
SHAPE = (4, 16, 16)  # of the built-in model's latents


def load_pack():
    """The node pack, as custom_nodes are loaded: a package by its path, whatever its folder's name."""
    if "better_noise_pack" not in sys.modules:
        standins.install()
        spec = importlib.util.spec_from_file_location("better_noise_pack", PACK / "__init__.py", submodule_search_locations=[str(PACK)])
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    return sys.modules["better_noise_pack"]


pack = load_pack()
_shared = []


class Running:
    """The sidecar that run_tests.py has started."""

    def __init__(self, target):
        self.target = target


def sidecar():
    """The sidecar that tests share."""
    if not _shared:
        target = os.environ.get("PRENOISE_TEST_TARGET")
        if target:
            _shared.append(Running(target))
        else:
            _shared.append(Sidecar())
            atexit.register(_shared[0].stop)
    return _shared[0]


def widgets(**chosen):
    """The widgets of a main node: their defaults from INPUT_TYPES, except for those that are given."""
    types = pack.NODE_CLASS_MAPPINGS["PrenoiseBetterNoise"].INPUT_TYPES()["required"]
    return {**{name: options["default"] for name, (_, options) in types.items() if name != "model"}, "unique_id": "5", **chosen}


def options(**chosen):
    """A PRENOISE_OPTIONS with the node's defaults, except for those that are given."""
    node = pack.NODE_CLASS_MAPPINGS["PrenoiseOptions"]
    defaults = {name: given[1]["default"] for name, given in node.INPUT_TYPES()["required"].items()}
    return node().make(**{**defaults, "release_memory": False, "preview": "none", **chosen})[0]


def graph(text=PROMPT, negative="", **more):
    """The API form of checkpoint, Better Noise, KSampler."""
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": ""}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": text, "clip": ["1", 1]}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": negative, "clip": ["1", 1]}},
        "5": {"class_type": "PrenoiseBetterNoise", "inputs": {"model": ["1", 0]}},
        "6": {"class_type": "KSampler", "inputs": {"model": ["5", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["4", 0]}},
        **more,
    }
