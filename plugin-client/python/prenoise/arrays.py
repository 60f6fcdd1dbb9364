"""Between the contract's tensors and numpy's and torch's; each is imported when it is first needed."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

from . import wire

if TYPE_CHECKING:
    import numpy
    import torch

_KINDS = {
    "float32": wire.DataType.FLOAT32,
    "float16": wire.DataType.FLOAT16,
    "bfloat16": wire.DataType.BFLOAT16,
    "int64": wire.DataType.INT64,
    "float64": wire.DataType.FLOAT64,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def from_numpy(array: "numpy.ndarray") -> wire.Tensor:
    """A tensor of an array's shape and type; a type that the contract does not have becomes float32."""
    import numpy

    values = numpy.asarray(array)
    if values.dtype.name not in _KINDS:
        values = values.astype("float32")
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return wire.Tensor(_KINDS[values.dtype.name], list(values.shape), little.tobytes())


def to_numpy(tensor: wire.Tensor) -> "numpy.ndarray":
    """An array of its own, of the tensor's shape and type; bfloat16, which numpy does not have, becomes float32. Raises WireError."""
    import numpy

    tensor.check()
    if tensor.data_type == wire.DataType.BFLOAT16:
        halves = numpy.frombuffer(tensor.data, "<u2").astype("uint32") << 16
        return halves.view("float32").reshape(tensor.shape)
    kind = numpy.dtype(_NAMES[tensor.data_type])
    return numpy.frombuffer(tensor.data, kind.newbyteorder("<")).astype(kind).reshape(tensor.shape)


def from_torch(tensor: "torch.Tensor") -> wire.Tensor:
    """A tensor of a torch tensor's shape and type, wherever it lies; a type that the contract does not have becomes float32."""
    import torch

    values = tensor.detach()
    name = str(values.dtype).rpartition(".")[2]
    if name not in _KINDS:
        values, name = values.to(torch.float32), "float32"
    return wire.Tensor(_KINDS[name], list(values.shape), _bytes(values.cpu().contiguous()))


def to_torch(tensor: wire.Tensor) -> "torch.Tensor":
    """A CPU tensor of its own, of the same shape and type. Raises WireError."""
    import torch

    tensor.check()
    kind = getattr(torch, _NAMES[tensor.data_type])
    if not math.prod(tensor.shape):
        return torch.empty(list(tensor.shape), dtype=kind)
    data = bytearray(tensor.data)
    if sys.byteorder == "big":
        data = bytearray(_swapped(data, wire.WIDTHS[tensor.data_type]))
    return torch.frombuffer(data, dtype=kind).reshape(list(tensor.shape))


def _bytes(values: Any) -> bytes:
    """Of a contiguous CPU tensor, little-endian, also of the types that numpy does not have."""
    import torch

    if not values.numel():
        return b""
    width = values.element_size()
    data = values.reshape(-1).view({2: torch.int16, 4: torch.int32, 8: torch.int64}[width]).numpy().tobytes()
    return _swapped(data, width) if sys.byteorder == "big" else data


def _swapped(data: "bytes | bytearray", width: int) -> bytes:
    out = bytearray(len(data))
    for i in range(width):
        out[i::width] = data[width - 1 - i :: width]
    return bytes(out)
