"""Attention of a model that ComfyUI runs, caught while it runs: which layers count, and how their queries and keys become maps.

Layers are found by how many queries they have, never by name. In a UNet those on the grid of one cell for 32 pixels; in SD 3 and Flux, whose
layers all see the same tokens, text first, those in the part of the depth that published work on SD 3 reads (blocks 5 to 12 of 24), pooled to
that grid.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional
from unittest import mock

import comfy.ldm.modules.attention as comfy_attention
import torch
from prenoise import torch_host
from prenoise.errors import PrenoiseError

_OVERRIDE = "optimized_attention_override"
_FIRST, _AFTER_LAST = 5 / 24, 13 / 24  # of a joint transformer's depth
_LATENT_PIXELS = 8
_WITHOUT_GRADIENT = ("attention_sage", "attention3_sage", "attention_flash")


class AttentionOutOfReach(PrenoiseError, RuntimeError):
    """A model whose attention cannot be read; the message is for the user."""


class Enough(Exception):  # noqa: N818 - not an error: the forward pass has given all that was wanted
    """Ends a forward pass after the last layer that counts."""


@dataclass(frozen=True)
class Layout:
    """How a network lays out its attention.

    `rows` and `columns` are the maps' grid. Of a UNet `tokens` is None, and `level` the grid of its layers that count, pooled where it is the finer
    one, as in very large pictures. Of a joint transformer it is the grid of its image tokens, `registers` how
    many tokens stand before the text, `layers` the range of its layers that count, and `outside` says that the maps get a first column for the
    attention that does not go to the text: where the text has no start token, losses would leave out its first word.
    """

    rows: int
    columns: int
    tokens: Optional[tuple[int, int]] = None
    registers: int = 0
    layers: tuple[int, int] = (0, 0)
    outside: bool = False
    level: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, network: Any, height: int, width: int) -> "Layout":
        """Of ComfyUI's diffusion_model and a latent's size. Raises AttentionOutOfReach where the layout is not known."""
        home = type(network).__module__
        level = torch_host.grid(_LATENT_PIXELS * height, _LATENT_PIXELS * width)
        rows, columns = torch_host.fitting_grid(*level)
        if home.endswith("diffusionmodules.openaimodel"):
            return cls(rows, columns, level=level)
        if home.endswith("diffusionmodules.mmdit"):
            depth = len(network.joint_blocks)
            return cls(rows, columns, _patches(network, height, width), getattr(network, "register_length", 0), _layers(depth))
        if is_flux(network):
            depth = len(network.double_blocks) + len(network.single_blocks)
            return cls(rows, columns, _patches(network, height, width), 0, _layers(depth), outside=True)
        raise AttentionOutOfReach(
            f"the attention of this model cannot be read: {type(network).__name__} (expected: SD 1.x, SD 2.x, SDXL, SD 3 or Flux; verifier "
            "searches work on any model)"
        )


def is_flux(network: Any) -> bool:
    """Whether text comes first in a transformer of Flux's kind, and has no start token."""
    if not type(network).__module__.endswith(("comfy.ldm.flux.model", "comfy.ldm.chroma.model")):
        return False
    return not any(getattr(block, "flipped_img_txt", False) for block in network.double_blocks)


def _patches(network: Any, height: int, width: int) -> tuple[int, int]:
    size = network.patch_size
    return math.ceil(height / size), math.ceil(width / size)


def _layers(depth: int) -> tuple[int, int]:
    first = round(_FIRST * depth)
    return first, max(first + 1, round(_AFTER_LAST * depth))


class AttentionTap:
    """Listens to the attention of one forward pass of `batch` noises and sums it up; ends the pass after the last layer that counts.

    `last`: how many attention calls that count a pass of a UNet has, where that is known from one before. `with_gradient`: attention kernels
    without a way back are replaced. Used by the sampling thread alone.
    """

    def __init__(self, layout: Layout, batch: int, last: Optional[int], with_gradient: bool) -> None:
        self.layout = layout
        self.maps = torch_host.MapSum(layout.rows, layout.columns)
        self.seen = 0
        self.ended = False
        self._batch, self._last, self._with_gradient = batch, last, with_gradient
        self._text: Optional[int] = None
        self._listening = False
        self._self_was_last = False

    @contextlib.contextmanager
    def on(self, network: torch.nn.Module) -> Iterator[None]:
        """Listens while `network`, ComfyUI's diffusion_model, runs, and not while what stands beside it does, such as a ControlNet."""

        def begin(_module: Any, args: Any, kwargs: Any) -> None:
            context = kwargs.get("context", args[2] if len(args) > 2 else None)
            self._text = None if context is None else int(context.shape[1])
            self._listening = True

        def end(_module: Any, _args: Any, _output: Any) -> None:
            self._listening = False

        handles = [network.register_forward_pre_hook(begin, with_kwargs=True), network.register_forward_hook(end)]
        try:
            with self._global_functions():
                yield
        finally:
            self._listening = False
            for handle in handles:
                handle.remove()

    def install(self, model_options: dict[str, Any]) -> None:
        """Hooks this tap into a guider's own copy of the model's options; what another node pack hooked in goes on."""
        options = model_options.setdefault("transformer_options", {})
        before = options.get(_OVERRIDE)

        def override(function: Any, *args: Any, **kwargs: Any) -> Any:
            function = self._heard(function, *args, **kwargs)
            return function(*args, **kwargs) if before is None else before(function, *args, **kwargs)

        options[_OVERRIDE] = override

    @contextlib.contextmanager
    def _global_functions(self) -> Iterator[None]:
        """ComfyUI before 0.3.60 has no override: there the modules' own names of the function are exchanged while the network runs."""
        with contextlib.ExitStack() as stack:
            if not hasattr(comfy_attention, "wrap_attn"):
                import comfy.ldm.flux.math as flux
                import comfy.ldm.modules.diffusionmodules.mmdit as mmdit

                for module, name in (
                    (comfy_attention, "optimized_attention"),
                    (comfy_attention, "optimized_attention_masked"),
                    (flux, "optimized_attention"),
                    (mmdit, "optimized_attention"),
                ):
                    stack.enter_context(mock.patch.object(module, name, self._listened(getattr(module, name))))
            yield

    def _listened(self, function: Any) -> Any:
        def listened(*args: Any, **kwargs: Any) -> Any:
            return self._heard(function, *args, **kwargs)(*args, **kwargs)

        return listened

    def _heard(self, function: Any, q: Any, k: Any, _v: Any, heads: int, *args: Any, **kwargs: Any) -> Any:
        """Takes in one attention call; the function that is to compute it. Raises Enough where nothing after it is wanted."""
        if self._listening and q.shape[0] == self._batch:
            if not kwargs.get("skip_reshape", False):
                q, k = _split(q, heads), _split(k, heads)
            mask = _broadcast(kwargs.get("mask", args[0] if args else None))
            if k.shape[1] == heads:
                (self._unet if self.layout.tokens is None else self._joint)(q, k, mask)
        if self._with_gradient and getattr(function, "__name__", "").startswith(_WITHOUT_GRADIENT):
            return comfy_attention.attention_pytorch
        return function

    def _unet(self, q: torch.Tensor, k: torch.Tensor, mask: Any) -> None:
        level, to = self.layout.level, (self.layout.rows, self.layout.columns)
        cells = level[0] * level[1]
        if q.shape[2] != cells:
            return
        own, text = k.shape[2] == cells, k.shape[2] == self._text
        if own and text:  # as many tokens as cells: a block attends to itself first, then to the text
            own = not self._self_was_last
        elif not own and not text:
            return
        self._self_was_last = own
        heads = q.shape[1]
        attention = torch_host.pooled_queries(torch_host.attention(q, k, q.shape[3] ** -0.5, mask), level, to)
        if own:
            self.maps.add_self(torch_host.pooled_keys(attention, level, to), heads)
        else:
            self.maps.add_cross(attention, heads)
        self._counted(self._last)

    def _joint(self, q: torch.Tensor, k: torch.Tensor, mask: Any) -> None:
        size = self.layout.tokens
        assert size is not None
        first = self.layout.registers + (self._text or 0)
        tokens = size[0] * size[1]
        if self._text is None or q.shape[2] != k.shape[2] or q.shape[2] < first + tokens:
            return
        if self.layout.layers[0] <= self.seen < self.layout.layers[1]:
            image = slice(first, first + tokens)
            if mask is not None and mask.shape[-2] > 1:
                mask = mask[..., image, :]
            attention = torch_host.attention(q[:, :, image], k, q.shape[3] ** -0.5, mask)
            to = (self.layout.rows, self.layout.columns)
            attention = torch_host.pooled_queries(attention, size, to)
            text = attention[..., self.layout.registers : first]
            if self.layout.outside:
                text = torch.cat([1 - text.sum(-1, keepdim=True), text], -1)
            self.maps.add_cross(text, q.shape[1])
            self.maps.add_self(torch_host.pooled_keys(attention[..., image], size, to), q.shape[1])
        self._counted(self.layout.layers[1])

    def _counted(self, last: Optional[int]) -> None:
        self.seen += 1
        if last is not None and self.seen >= last:
            self.ended = True
            raise Enough


def _split(tensor: torch.Tensor, heads: int) -> torch.Tensor:
    """[B, N, heads * d] as [B, heads, N, d]."""
    return tensor.reshape(tensor.shape[0], tensor.shape[1], heads, -1).transpose(1, 2)


def _broadcast(mask: Any) -> Any:
    """As ComfyUI's own attention functions read a mask: [P, K] or [B, P, K] for all heads."""
    if mask is None or mask.ndim == 4:
        return mask
    return mask[None, None] if mask.ndim == 2 else mask[:, None]
