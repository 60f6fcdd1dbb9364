"""What a host does when a search is evaluated on its own loaded model.

`Sidecar.optimize_on_host` drives an object of this kind: the sidecar proposes noise, the host answers with attention maps, pictures, walked latents
or gradients. Every method runs on the thread that iterates over the search, because hosts' models belong to it. Arrays are `wire.Tensor`, noises
[1, C, H, W] of unit variance, as many results as noises and in their order. What a method raises ends the search and reaches the caller.
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Protocol

from . import wire


class Shot(NamedTuple):
    """A finished picture, and the one predicted on the way to it where that was asked for; each PNG or JPEG."""

    image: bytes
    prediction: Optional[bytes] = None


class Walked(NamedTuple):
    """Where a walk between noise levels ended, and the picture predicted there where it was asked for."""

    latents: wire.Tensor
    image: Optional[bytes] = None


class Host(Protocol):
    """The host's side of a search. One that cannot do a thing says so in HostStart, and raises if it is asked all the same."""

    def attention(self, noises: List[wire.Tensor], keep_graph: bool) -> List[wire.AttentionMaps]:
        """The maps of the first sampling step. With `keep_graph` a call of `backward` or `release` follows."""
        ...

    def pictures(self, noises: List[wire.Tensor], seeds: List[int], predictions: bool, keep_graph: bool) -> List[Shot]:
        """Draws each noise to its picture; `seeds` are of what a stochastic sampler adds on the way."""
        ...

    def walk(self, latents: List[wire.Tensor], start: int, end: int, pictures: bool) -> List[Walked]:
        """Moves latents between two levels of HostSampler.sigmas, back to the noisier where end < start; see HostWalk in the contract."""
        ...

    def backward(self, attention: Optional[List[wire.AttentionMaps]], images: Optional[List[wire.Tensor]]) -> List[wire.Tensor]:
        """The score's gradient on the noises of the kept graph, from its gradient on the maps or pictures that came out of it.

        `images` are [3, H, W], on values in 0 to 1. The graph is not needed afterwards.
        """
        ...

    def release(self) -> None:
        """Drops a kept graph, if there is one. Always called at the end, and when a kept graph turns out not to be needed."""
        ...
