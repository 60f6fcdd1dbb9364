"""Better initial noise for text-to-image diffusion: how Python programs ask a Prenoise sidecar for it.

    for candidate in prenoise.optimize("a red circle and a blue square", n=16):
        print(candidate.index, candidate.recipe.seed, candidate.score)

`optimize` is the short way for scripts and notebooks. `Sidecar` has every call of the contract, `wire` its messages, `host` what a program does
that evaluates on its own model. Needs grpcio, from the first call on; never protobuf, torch or numpy.
"""

from . import host, wire
from .channel import Sidecar
from .easy import Candidates, optimize
from .errors import GrpcioMissing, PrenoiseError, SidecarError, SidecarUnavailable, TargetNotAllowed, WireError
from .search import Search

__version__ = "0.1.0"

__all__ = [
    "Candidates",
    "GrpcioMissing",
    "PrenoiseError",
    "Search",
    "Sidecar",
    "SidecarError",
    "SidecarUnavailable",
    "TargetNotAllowed",
    "WireError",
    "host",
    "optimize",
    "wire",
]
