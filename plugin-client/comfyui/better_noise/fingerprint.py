"""What decides how a picture comes out, as a short text: equal where everything is, so that a stored search is one of the same thing.

Knows torch, not ComfyUI. What cannot be looked into, such as another node pack's object, counts as itself: equal as long as it is the very same
object, and another in the next process. So the worst is a search that is made again.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import inspect
import secrets
import types
import uuid
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

import torch

WRAPPER_KEY = "prenoise"  # of this pack's wrappers, which stand aside in a search

_SAMPLE = 1024  # values of each weight that are read
_WHOLE_MODEL = 64  # weights of a module that is small enough to read each of them
_EVERY = 16  # of the weights of a larger one
_OPEN = ("comfy.", "comfy_extras.")  # modules whose objects hold what they are and nothing that changes by itself

_NETWORK = "diffusion_model."  # where a model of ComfyUI's has its network

_tokens: "dict[int, tuple[weakref.ref[Any], str]]" = {}


class Fingerprint:
    """Takes in values one after the other; each by its kind, shape and every part of it."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._seen: dict[int, int] = {}
        self._held: list[Any] = []  # so that no id is used twice
        self._within: list[Any] = []  # the lists and mappings that are being read

    def hex(self) -> str:
        """32 digits."""
        return self._digest.hexdigest()[:32]

    def add(self, value: Any) -> None:
        """A value with all that it holds. Tensors count with every value, modules by samples of their weights."""
        if isinstance(value, (str, int, float, complex, bool, bytes, type(None), torch.dtype, torch.device)):
            self._say(type(value).__name__, repr(value))
        elif isinstance(value, enum.Enum):
            self._say("enum", _name(type(value)), value.name)
        elif isinstance(value, uuid.UUID):
            self._say("uuid")  # ComfyUI numbers conditionings afresh in each run
        elif isinstance(value, torch.nn.Module):
            self._module(value)
        elif isinstance(value, torch.Tensor):
            self._tensor(value)
        elif isinstance(value, (Mapping, list, tuple, set, frozenset)):
            self._collection(value)
        elif isinstance(value, functools.partial):
            self.add(["partial", value.func, value.args, value.keywords])
        elif isinstance(value, types.MethodType):
            self.add(["method", value.__func__, value.__self__])
        elif isinstance(value, types.FunctionType):
            self._function(inspect.unwrap(value))
        elif isinstance(value, types.CodeType):
            self.add(["code", value.co_code, value.co_consts, value.co_names])
        elif isinstance(value, (type, types.BuiltinFunctionType, types.ModuleType)):
            self._say("named", _name(value))
        elif type(value).__module__.startswith(_OPEN) and hasattr(value, "__dict__"):
            self._object(value)
        else:
            self._say("itself", _name(type(value)), _token(value))

    def patcher(self, patcher: Any) -> None:
        """A ModelPatcher: the weights of its file, what is patched on them, and everything that is hooked into it but this pack's own nodes."""
        if self._again(patcher):
            return
        model = patcher.model
        self._say("patcher", _name(type(model)))
        weights = model.state_dict()
        # What stands beside the network, such as its sampling, is exchanged while the model is loaded.
        names = [name for name in weights if name.startswith(_NETWORK)] or list(weights)
        self.weights((name, getattr(patcher.backup.get(name), "weight", weights[name])) for name in names)
        for name in sorted(patcher.patches, key=str):
            self.add(name)
            for strength, patch, *others in patcher.patches[name]:
                self.add(strength)
                self.sample(getattr(patch, "weights", patch))
                self.add(others)
        self.add(patcher.model_options)
        self.add(patcher.object_patches)
        for kind in ("wrappers", "callbacks"):
            for name, each in sorted(getattr(patcher, kind, {}).items(), key=lambda item: str(item[0])):
                others = {key: hooked for key, hooked in each.items() if hooked and key != WRAPPER_KEY}
                if others:
                    self.add([kind, name, others])
        self.add(getattr(patcher, "additional_models", {}))

    def weights(self, named: "Iterable[tuple[str, Any]]") -> None:
        """Samples of a model's weights; of some of them where there are many."""
        each = list(named)
        for name, weight in each if len(each) <= _WHOLE_MODEL else each[::_EVERY]:
            self._say("weight", name)
            self.sample(weight)

    def sample(self, value: Any) -> None:
        """As `add`, but of a tensor, or of each in a list, only some values, from everywhere in it."""
        if isinstance(value, torch.Tensor):
            flat = value.detach().flatten()
            self._say("sample", str(list(value.shape)))
            self._digest.update(flat[:: max(1, len(flat) // _SAMPLE)][:_SAMPLE].float().cpu().contiguous().numpy().tobytes())
        elif isinstance(value, (list, tuple)):
            self._say("samples", str(len(value)))
            for one in value:
                self.sample(one)
        else:
            self.add(value)

    def _module(self, module: torch.nn.Module) -> None:
        if self._again(module):
            return
        self._say("module", _name(type(module)))
        self.weights(module.state_dict().items())
        if next(module.parameters(), None) is not None:
            return  # of a network other values say how it is loaded
        plain = (str, int, float, bool, type(None))
        self.add({name: value for name, value in vars(module).items() if not name.startswith("_") and isinstance(value, plain)})

    def _tensor(self, tensor: torch.Tensor) -> None:
        try:
            values = tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        except (RuntimeError, TypeError, NotImplementedError):  # sparse ones and other packs' kinds
            self._say("itself", _name(type(tensor)), _token(tensor))
            return
        self._say("tensor", str(tensor.dtype), str(list(tensor.shape)))
        self._digest.update(values)

    def _collection(self, value: Any) -> None:
        if any(value is one for one in self._within):
            self._say("within itself")
            return
        self._within.append(value)
        self._say("mapping" if isinstance(value, Mapping) else "list", str(len(value)))
        if isinstance(value, Mapping):
            for key, one in sorted(value.items(), key=lambda item: str(item[0])):
                self.add(key)
                self.add(one)
        else:
            for one in sorted(value, key=str) if isinstance(value, (set, frozenset)) else value:
                self.add(one)
        self._within.pop()

    def _object(self, value: Any) -> None:
        if hasattr(value, "patches") and hasattr(value, "model"):
            self.patcher(value)
        elif hasattr(value, "first_stage_model"):
            self.add(value.first_stage_model)
        elif not self._again(value):
            self._say("object", _name(type(value)))
            self.add(vars(value))

    def _function(self, function: types.FunctionType) -> None:
        if self._again(function):
            return
        self._say("function", _name(function))
        cells = [cell.cell_contents for cell in function.__closure__ or () if _is_set(cell)]
        self.add([function.__code__, cells, function.__defaults__, function.__kwdefaults__])

    def _again(self, value: Any) -> bool:
        """Whether this very object was there before: things that hold each other would never end."""
        place = self._seen.get(id(value))
        if place is not None:
            self._say("again", str(place))
            return True
        self._seen[id(value)] = len(self._held)
        self._held.append(value)
        return False

    def _say(self, *parts: str) -> None:
        for part in parts:
            data = part.encode("utf-8", "surrogatepass")
            self._digest.update(len(data).to_bytes(8, "little") + data)


def _name(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', getattr(value, '__name__', ''))}"


def _is_set(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - empty ones raise
    except ValueError:
        return False
    return True


def _token(value: Any) -> str:
    """A text of this object's own, the same as long as it lives; a new one each time for those that cannot be remembered."""
    known = _tokens.get(id(value))
    if known is not None and known[0]() is value:
        return known[1]
    token, key = secrets.token_hex(16), id(value)
    try:
        _tokens[key] = (weakref.ref(value, lambda _dead: _tokens.pop(key, None)), token)
    except TypeError:
        pass
    return token
