"""What every torch host needs to evaluate a search on its own model: attention into maps, gradients back to noise, walks, pictures.

Nothing here knows a host. ComfyUI's and A1111's sides hand in the queries and keys that they tapped, and the denoiser as a function. Runs on
torch 1.13 and later; torch is imported when a function is first called, never with the module.

Latents are [B, C, H, W] in the denoiser's own scale: `x0 + sigma e`, or a flow's `(1 - sigma) x0 + sigma e`.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Sequence, Tuple

from . import arrays, png, wire
from .errors import PrenoiseError

if TYPE_CHECKING:
    import torch

    Denoiser = Callable[["torch.Tensor", int], "torch.Tensor"]  # x at a level of the sigmas -> its clean latents, guided

BACK_CALLS = 4  # denoiser calls a level on the way back, as the contract's HostWalk has it
PREDICTION_TIME = 0.4  # flow time of the prediction that verifiers compare a picture with (Ma et al.)

SHARED_BYTES = 48 << 20  # of what several noises have in one message, which takes 64 MiB in all

_LARGEST_MAPS = 60 << 20  # of one noise
_MOST_CELLS = 56 * 56  # beside 870 tokens they fill SHARED_BYTES
_PIXELS_A_CELL = 32  # of the maps: the third level of a Stable Diffusion UNet
_CHUNK_BYTES = 256 << 20  # of one chunk of heads, while their softmax is in memory
_LARGEST_SLOPE = 64.0  # of gradients on their way through a float16 network: its numbers end at 65504 and begin at 6e-8
_SMALLEST_SLOPE = 1e-4


class NoGradient(PrenoiseError, RuntimeError):
    """A gradient that is infinite or no number, or that nothing leads to."""


def grid(height: int, width: int) -> Tuple[int, int]:
    """Rows and columns of the maps of a picture of so many pixels: InitNO's 16 x 16 at 512, 24 x 24 at 768, SDXL's 32 x 32 at 1024."""
    return -(-height // _PIXELS_A_CELL), -(-width // _PIXELS_A_CELL)


def fitting_grid(rows: int, columns: int) -> Tuple[int, int]:
    """The grid itself, or halves of it, of so few cells that one picture's maps fit a message: up to 1792 x 1792 pixels it is the grid itself.

    Self-attention is as large as the cells squared: 67 MB of a picture of 2048 x 2048, of which a sidecar takes 64 MiB at most. What layers have
    on the finer grid comes onto this one by `pooled_queries` and `pooled_keys`. A host that does not pool has to refuse such a picture.
    """
    while rows * columns > _MOST_CELLS:
        rows, columns = -(-rows // 2), -(-columns // 2)
    return rows, columns


def largest_batch(cells: int, tokens: int) -> int:
    """How many noises may be evaluated at once, so that their maps, cross [cells, tokens] and self [cells, cells] in float32, fit one message.

    0 where not even one's do: then the picture is too large for a loss that reads self-attention, unless its maps are made coarser
    (`fitting_grid`). The gradients of maps are as large as the maps.
    """
    one = 4 * cells * (cells + tokens)
    return 0 if one > _LARGEST_MAPS else max(1, SHARED_BYTES // one)


# ---- attention ----


def attention(query: "torch.Tensor", key: "torch.Tensor", scale: float, mask: Optional["torch.Tensor"] = None) -> "torch.Tensor":
    """softmax(Q K^T scale), averaged over heads: [B, heads, P, d] and [B, heads, K, d] give [B, P, K], in float32 or better.

    `mask` is added before the softmax (a boolean one keeps where it is true) and broadcasts to [B, heads, P, K]. Differentiable in query and key;
    only these are kept for the way back, and heads are worked through in chunks, because a large picture's softmax over all heads and layers would
    fill a card.
    """
    return _head_mean().apply(query, key, scale, mask)


@functools.lru_cache(maxsize=1)
def _head_mean() -> Any:
    import torch

    def exact(tensor: "torch.Tensor") -> "torch.Tensor":
        return tensor if tensor.dtype == torch.float64 else tensor.float()

    def softmax(query: "torch.Tensor", key: "torch.Tensor", scale: float, mask: Optional["torch.Tensor"], part: slice) -> "torch.Tensor":
        scores = exact(query[:, part]) @ exact(key[:, part]).transpose(-1, -2) * scale
        if mask is not None:
            own = mask[:, part] if mask.ndim == 4 and mask.shape[1] > 1 else mask
            scores = scores.masked_fill(~own, -math.inf) if own.dtype == torch.bool else scores + exact(own)
        return scores.softmax(-1)

    def parts(query: "torch.Tensor", key: "torch.Tensor") -> List[slice]:
        heads = query.shape[1]
        one = 4 * query.shape[0] * query.shape[2] * key.shape[2]
        step = max(1, min(heads, _CHUNK_BYTES // max(1, one)))
        return [slice(at, min(at + step, heads)) for at in range(0, heads, step)]

    class HeadMean(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, query: Any, key: Any, scale: float, mask: Any) -> Any:
            ctx.save_for_backward(query, key)
            ctx.scale, ctx.mask = scale, mask
            total = 0
            for part in parts(query, key):
                total = total + softmax(query, key, scale, mask, part).sum(1)
            return total / query.shape[1]

        @staticmethod
        def backward(ctx: Any, slope: Any) -> Any:
            query, key = ctx.saved_tensors
            of_query, of_key = torch.empty_like(query), torch.empty_like(key)
            each = (slope / query.shape[1])[:, None]
            for part in parts(query, key):
                share = softmax(query, key, ctx.scale, ctx.mask, part)
                of_scores = share * (each - (share * each).sum(-1, keepdim=True)) * ctx.scale
                of_query[:, part] = (of_scores @ exact(key[:, part])).to(query.dtype)
                of_key[:, part] = (of_scores.transpose(-1, -2) @ exact(query[:, part])).to(key.dtype)
            return of_query, of_key, None, None

    return HeadMean


class MapSum:
    """Attention of several layers, summed up: every head of every layer weighs the same, as in the published code.

    `rows` and `columns` are the maps' grid; what is added has rows * columns queries, row by row.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self._cross: Any = None
        self._self: Any = None
        self._cross_heads = self._self_heads = 0

    def add_cross(self, attention: "torch.Tensor", heads: int) -> None:
        """[B, rows * columns, T], the mean over so many heads."""
        self._cross = attention * heads if self._cross is None else self._cross + attention * heads
        self._cross_heads += heads

    def add_self(self, attention: "torch.Tensor", heads: int) -> None:
        """[B, rows * columns, rows * columns], the mean over so many heads."""
        self._self = attention * heads if self._self is None else self._self + attention * heads
        self._self_heads += heads

    @property
    def cross(self) -> Optional["torch.Tensor"]:
        """[B, rows, columns, T]; None where no layer was seen."""
        return None if self._cross is None else self._shaped(self._cross / self._cross_heads)

    @property
    def self_(self) -> Optional["torch.Tensor"]:
        """[B, rows, columns, rows * columns], the query first; None where no layer was seen."""
        return None if self._self is None else self._shaped(self._self / self._self_heads)

    def _shaped(self, maps: "torch.Tensor") -> "torch.Tensor":
        return maps.reshape(maps.shape[0], self.rows, self.columns, maps.shape[-1])


def pooled_queries(attention: "torch.Tensor", size: Tuple[int, int], to: Tuple[int, int]) -> "torch.Tensor":
    """The mean attention of the queries of each cell of a coarser grid: [B, h * w, K] gives [B, H * W, K].

    Where the grids do not divide, cells overlap as in adaptive average pooling.
    """
    import torch.nn.functional as functional

    if size == to:
        return attention
    images = attention.transpose(1, 2).reshape(attention.shape[0], attention.shape[2], *size)
    return functional.adaptive_avg_pool2d(images, to).flatten(2).transpose(1, 2)


def pooled_keys(attention: "torch.Tensor", size: Tuple[int, int], to: Tuple[int, int]) -> "torch.Tensor":
    """The attention that each cell of a coarser grid gets in all: [B, P, h * w] gives [B, P, H * W]; rows keep their sums where grids divide."""
    import torch.nn.functional as functional

    if size == to:
        return attention
    images = attention.reshape(attention.shape[0], attention.shape[1], *size)
    share = size[0] * size[1] / (to[0] * to[1])
    return functional.adaptive_avg_pool2d(images, to).flatten(2) * share


def to_wire(cross: "torch.Tensor", self_attention: Optional["torch.Tensor"]) -> List[wire.AttentionMaps]:
    """Maps of a batch [B, H, W, ...] as messages, float32 (float64 stays)."""
    return [
        wire.AttentionMaps(_wire(cross[i]), None if self_attention is None else _wire(self_attention[i]))
        for i in range(cross.shape[0])
    ]


def _wire(tensor: "torch.Tensor") -> wire.Tensor:
    import torch

    return arrays.from_torch(tensor if tensor.dtype == torch.float64 else tensor.float())


# ---- gradients ----


def attention_gradient(
    noise: "torch.Tensor",
    cross: "torch.Tensor",
    self_attention: Optional["torch.Tensor"],
    slopes: Sequence[wire.AttentionMaps],
    half: bool,
) -> "torch.Tensor":
    """The score's gradient on `noise` [B, C, H, W], from its gradients on the maps that were sent.

    `noise` is the graph's leaf. `half`: the network computes in float16, whose small numbers a map's gradient would vanish in; it is made larger
    on the way by a power of two, which costs no bits. Raises NoGradient where none of the scales gives finite numbers.
    """
    import torch

    outputs, gradients = [], []
    for name, maps in (("cross_attention", cross), ("self_attention", self_attention)):
        given = [getattr(slope, name) for slope in slopes]
        if maps is not None and any(one is not None for one in given):
            outputs.append(maps)
            gradients.append(torch.stack([_slope(one, maps[i]) for i, one in enumerate(given)]).to(maps.device))
    if not outputs:
        return torch.zeros_like(noise)

    def back(scale: float) -> "torch.Tensor":
        scaled = [gradient * scale for gradient in gradients]
        return torch.autograd.grad(outputs, noise, scaled, retain_graph=half, allow_unused=True)[0]

    return scaled_back(back, gradients, half, noise)


def _slope(given: Optional[wire.Tensor], like: "torch.Tensor") -> "torch.Tensor":
    import torch

    if given is None:
        return torch.zeros(like.shape, dtype=like.dtype)
    if list(given.shape) != list(like.shape):
        raise NoGradient(f"the gradient of the maps has shape {list(given.shape)} (expected: {list(like.shape)})")
    return arrays.to_torch(given).to(like.dtype)


def scaled_back(back: "Callable[[float], Any]", slopes: "Sequence[torch.Tensor]", half: bool, noise: "torch.Tensor") -> "torch.Tensor":
    """`back(scale) / scale` at a scale that float16 survives; at scale 1 where the network is not in float16.

    `back` gives the gradient that comes of the slopes times a scale; `noise` is what it is on.
    """
    import torch

    largest = max(float(slope.abs().max()) for slope in slopes)
    if largest == 0:
        return torch.zeros_like(noise)
    wanted = _LARGEST_SLOPE
    while True:
        scale = 2.0 ** math.floor(math.log2(wanted / largest)) if half else 1.0
        gradient = back(scale)
        if gradient is None:
            raise NoGradient("the noise has no part in what was computed (expected: a model that computes with it)")
        gradient = gradient / scale
        if bool(torch.isfinite(gradient).all()):
            return gradient
        wanted /= 256
        if not half or wanted < _SMALLEST_SLOPE:
            raise NoGradient("the gradient is not a finite number (expected: one; where a model overflows float16, running it in float32 or bfloat16 helps)")


def recomputed(call: "Callable[[torch.Tensor], torch.Tensor]", x: "torch.Tensor") -> "torch.Tensor":
    """`call(x)`, of which only x is kept for the way back, where it is computed again (Chen et al., "Training deep nets with sublinear memory cost", 2016).

    Within float16 care: see `attention_gradient`. `call` has to give the same again, as denoisers and decoders do.
    """
    return _recomputed().apply(x, call)


@functools.lru_cache(maxsize=1)
def _recomputed() -> Any:
    import torch

    class Recomputed(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, call: Any) -> Any:
            ctx.save_for_backward(x)
            ctx.call = call
            with torch.no_grad():
                return call(x.detach())

        @staticmethod
        def backward(ctx: Any, slope: Any) -> Any:
            (x,) = ctx.saved_tensors

            def back(scale: float) -> "torch.Tensor":
                with torch.enable_grad():
                    leaf = x.detach().clone().requires_grad_()
                    answer = ctx.call(leaf)
                    return torch.autograd.grad(answer, leaf, (slope * scale).to(answer.dtype), allow_unused=True)[0]

            # Whether a network inside computes in float16 is not to be seen from its latents, and the scale harms no other.
            return scaled_back(back, [slope], True, x), None

    return Recomputed


# ---- walks ----


def flow_time(sigma: float, prediction: str) -> float:
    """The share of noise at a sigma, 1 = noise alone."""
    return sigma if prediction == "flow" else sigma / (1 + sigma)


def prediction_step(sigmas: Sequence[float], prediction: str) -> int:
    """The first step at or below flow time 0.4, the last where none is; sigmas are the steps' and where the last one ends."""
    steps = range(len(sigmas) - 1)
    return next((i for i in steps if flow_time(sigmas[i], prediction) <= PREDICTION_TIME), len(sigmas) - 2)


def clean(x: "torch.Tensor", output: "torch.Tensor", sigma: float, prediction: str) -> "torch.Tensor":
    """Clean latents from what a network answers at a sigma: "eps", "v" (of k-diffusion's x), or "flow"."""
    if prediction == "v":
        return x / (sigma * sigma + 1) - output * (sigma / math.sqrt(sigma * sigma + 1))
    if prediction in ("eps", "flow"):
        return x - sigma * output
    raise ValueError(f'prediction: "{prediction}" (expected: eps, v or flow)')


def walk(x: "torch.Tensor", sigmas: Sequence[float], start: int, end: int, denoiser: "Denoiser") -> "torch.Tensor":
    """From one level of the sigmas to another by Euler's method on `dx / dsigma = (x - x0) / sigma`; back up where end < start.

    Down, each level costs one denoiser call. Up, each step is solved by fixed-point iteration from the slope last seen, `BACK_CALLS` calls.
    """
    for level in range(start, end):
        x = x + (x - denoiser(x, level)) * ((sigmas[level + 1] - sigmas[level]) / sigmas[level])
    slope = None
    for level in range(start - 1, end - 1, -1):
        rise = sigmas[level] - sigmas[level + 1]
        for _ in range(BACK_CALLS):
            guess = x if slope is None else x + slope * rise
            slope = (guess - denoiser(guess, level)) / sigmas[level]
        x = x + slope * rise
    return x


# ---- pictures ----


def png_of(image: "torch.Tensor") -> bytes:
    """A PNG file of an image [H, W, 3] in 0 to 1, rounded down as hosts do when they save one."""
    import torch

    pixels = (image.detach().float().cpu() * 255).clamp(0, 255).nan_to_num(0).to(torch.uint8).contiguous()
    return png.encode(pixels.numpy().tobytes(), pixels.shape[0], pixels.shape[1])
