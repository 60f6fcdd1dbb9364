"""What a failed call carries beside its status: google.rpc.Status with its details, from the trailers, read by the small codec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, List, Optional, Tuple

from .codec import Message, int32, many, one, raw, string
from .errors import SidecarError, SidecarUnavailable, WireError
from .wire import Duration

TRAILER = "grpc-status-details-bin"


@dataclass(repr=False)
class Details(Message):
    """google.protobuf.Any."""

    type_url: str = string(1)
    value: bytes = raw(2)


@dataclass(repr=False)
class Status(Message):
    """google.rpc.Status."""

    code: int = int32(1)
    message: str = string(2)
    details: List[Details] = many(3, Details)


@dataclass(repr=False)
class FieldViolation(Message):
    """google.rpc.BadRequest.FieldViolation."""

    field: str = string(1)
    description: str = string(2)


@dataclass(repr=False)
class BadRequest(Message):
    """google.rpc.BadRequest."""

    field_violations: List[FieldViolation] = many(1, FieldViolation)


@dataclass(repr=False)
class RetryInfo(Message):
    """google.rpc.RetryInfo."""

    retry_delay: Optional[Duration] = one(1, Duration)


def details_of(trailers: Optional[Iterable[Tuple[str, Any]]]) -> Tuple[Optional[str], Optional[float]]:
    """The first field that was refused and the seconds after which to try again, each None where the trailers do not say."""
    field: Optional[str] = None
    delay: Optional[float] = None
    for key, value in trailers or ():
        if key != TRAILER:
            continue
        try:
            for detail in Status.decode(value).details:
                kind = detail.type_url.rpartition("/")[2]
                if kind == "google.rpc.BadRequest" and field is None:
                    violations = BadRequest.decode(detail.value).field_violations
                    field = violations[0].field if violations else None
                elif kind == "google.rpc.RetryInfo":
                    wait = RetryInfo.decode(detail.value).retry_delay
                    delay = None if wait is None else wait.total_seconds()
        except WireError:
            continue  # the status itself says enough
    return field, delay


def error_of(failure: Any, target: str) -> SidecarError:
    """The exception that tells of a grpc.RpcError."""
    code = failure.code().name
    message = failure.details() or ""
    field, delay = details_of(failure.trailing_metadata())
    if code == "UNAVAILABLE":
        return SidecarUnavailable(code, f"{target}: {message or 'no answer'}", field, delay)
    return SidecarError(code, message, field, delay)
