"""What goes wrong when a sidecar is asked, each with one readable line."""

from __future__ import annotations

from typing import Optional


class PrenoiseError(Exception):
    """What every error of this package is."""


class WireError(PrenoiseError, ValueError):
    """A message that cannot be written, or bytes that are no message; the text names the field and what was expected."""


class GrpcioMissing(PrenoiseError, ImportError):
    """The one package that this one needs is not installed in this interpreter."""


class TargetNotAllowed(PrenoiseError):
    """The sidecar's address is neither loopback nor on the list of allowed hosts."""


class SidecarError(PrenoiseError):
    """The sidecar refused or failed a call.

    `code` is the gRPC status by name, such as "INVALID_ARGUMENT"; `message` what the sidecar says; `field` the path of the
    request's field that it is about, or None; `retry_delay` the seconds after which a busy sidecar asks to be called again, or None.
    """

    def __init__(self, code: str, message: str, field: Optional[str] = None, retry_delay: Optional[float] = None) -> None:
        super().__init__(f"{message} ({code})" if message else code)
        self.code = code
        self.message = message
        self.field = field
        self.retry_delay = retry_delay


class SidecarUnavailable(SidecarError):
    """Nobody answers at the address, or the sidecar went away in the middle of a call."""
