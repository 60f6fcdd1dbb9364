"""What noise must be before anybody samples from it."""

from __future__ import annotations

from typing import Sequence

from . import wire
from .errors import SidecarError


def check_noise(noise: wire.Tensor, shape: Sequence[int], name: str) -> None:
    """Raises SidecarError where noise is not a finite float32 tensor of a shape; an empty shape stands for any."""
    wrong = None
    if noise.data_type != wire.DataType.FLOAT32:
        wrong = f"{name}.data_type: {noise.data_type!r} (expected: FLOAT32)"
    elif shape and list(noise.shape) != list(shape):
        wrong = f"{name}.shape: {list(noise.shape)} (expected: {list(shape)})"
    else:
        try:
            noise.check()
            if not noise.is_finite():
                wrong = f"{name}: a value that is infinite or no number (expected: finite values)"
        except wire.WireError as error:
            wrong = f"{name}: {error}"
    if wrong is not None:
        raise SidecarError("DATA_LOSS", wrong)
