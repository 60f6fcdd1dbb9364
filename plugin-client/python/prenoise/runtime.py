"""The one package that this one needs, imported at the first call and not before: a host starts without it."""

from __future__ import annotations

import sys
from typing import Any

from .errors import GrpcioMissing


def grpcio() -> Any:
    """The grpc module. Raises GrpcioMissing with what to do."""
    try:
        import grpc
    except ImportError as error:
        raise GrpcioMissing(f"grpcio cannot be imported ({error}); install it into this Python: {sys.executable} -m pip install grpcio") from error
    return grpc
