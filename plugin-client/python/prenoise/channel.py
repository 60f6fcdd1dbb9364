"""A sidecar's address and the calls that it answers.

Channels are synchronous grpcio channels, kept by address for the life of the process and never shared with a forked child. One that cannot
connect is thrown away and the call made once more on a fresh one, so that a sidecar that was restarted is found at once instead of after
grpc's back-off.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Type, TypeVar

from . import targets, wire
from .codec import Message
from .errors import SidecarError
from .host import Host
from .noise import check_noise
from .runtime import grpcio
from .search import POLL_SECONDS, HostSearch, Search
from .status import error_of

SERVICE = "/prenoise.v1.NoiseProvider/"
MESSAGE_BYTES = 64 << 20
UNARY_SECONDS = 30.0
SCORING_SECONDS = 600.0

OPTIONS: Tuple[Tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.enable_http_proxy", 0),  # hosts set proxies for their downloads; a sidecar is never behind one
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 10_000),  # how long one attempt may take: a sidecar on a busy machine needs more than a second
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 30_000),  # a sidecar that hangs or whose machine is gone ends the call after a minute
    ("grpc.keepalive_timeout_ms", 30_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.use_local_subchannel_pool", 1),  # a fresh channel connects by itself, without another's back-off
)

M = TypeVar("M", bound=Message)
Poll = Callable[[], object]


class _Key(NamedTuple):
    process: int  # a channel does not outlive a fork
    target: targets.Target
    tls: bool
    ca: Optional[bytes]


_channels: Dict[_Key, Any] = {}
_lock = threading.Lock()


def _channel(key: _Key) -> Tuple[Any, bool]:
    """The channel for a key, and whether it was made just now."""
    grpc = grpcio()
    with _lock:
        channel = _channels.get(key)
        if channel is not None:
            return channel, False
        if key.tls:
            channel = grpc.secure_channel(str(key.target), grpc.ssl_channel_credentials(root_certificates=key.ca), options=OPTIONS)
        else:
            channel = grpc.insecure_channel(str(key.target), options=OPTIONS)
        _channels[key] = channel
        return channel, True


def _discard(key: _Key, channel: Any) -> None:
    """Takes a channel out of use. It is not closed: calls of other threads may still be on it, and it ends with the last of them."""
    with _lock:
        if _channels.get(key) is channel:
            del _channels[key]


class Sidecar:
    """A sidecar at an address.

    `target` is "host:port", loopback unless `allow` (a list of hosts, for programs) or the file `targets.allow_file()` says otherwise. Off
    loopback, and wherever `ca` (a PEM file) is given, the call goes over TLS. `token` is the sidecar's bearer token. Left out, token and ca are
    taken from the environment as the command line takes them: PRENOISE_TOKEN, PRENOISE_TOKEN_FILE, PRENOISE_TLS_CA; such a token goes to the
    targets of `targets.may_have_token` alone, of which `configured`, what the user set as the program's sidecar, is one.

    Cheap to make, safe to share between threads. Raises ValueError where the target is no address, TargetNotAllowed where it may not be called,
    GrpcioMissing at the first call without grpcio. Every call raises SidecarError, or SidecarUnavailable where nobody answers.

    `poll`, where a call takes one, is called at least every 0.1 s while the answer is waited for; what it raises comes out of the call, which is
    cancelled.
    """

    def __init__(
        self,
        target: str = targets.DEFAULT_TARGET,
        token: Optional[str] = None,
        ca: Optional[str] = None,
        allow: Optional[Iterable[str]] = None,
        configured: str = "",
    ) -> None:
        allow = None if allow is None else list(allow)
        self.target = targets.check(target, allow)
        self._token = _token() if token is None else token.strip()
        self._withheld = token is None and self._token != "" and not targets.may_have_token(self.target, allow, configured)
        pem = os.environ.get("PRENOISE_TLS_CA", "") if ca is None else ca
        self._ca = _file("ca", pem) if pem else None
        self._tls = self._ca is not None or not self.target.is_loopback

    def __repr__(self) -> str:
        return f"Sidecar({str(self.target)!r})"

    def capabilities(self, timeout: float = UNARY_SECONDS, poll: Optional[Poll] = None) -> wire.GetCapabilitiesResponse:
        """What the sidecar can do: models, verifiers, limits."""
        return self._unary("GetCapabilities", wire.GetCapabilitiesRequest(), wire.GetCapabilitiesResponse, timeout, poll)

    def find_subjects(
        self,
        prompt: str,
        weighting: wire.PromptWeighting = wire.PromptWeighting.UNSPECIFIED,
        named: Sequence[wire.Subject] = (),
        timeout: float = UNARY_SECONDS,
        poll: Optional[Poll] = None,
    ) -> wire.FindSubjectsResponse:
        """The subjects of a prompt with the places of their words; those of `named` where given, else the nouns that are found."""
        asked = wire.Prompt(text=prompt, weighting=weighting, subjects=list(named))
        return self._unary("FindSubjects", wire.FindSubjectsRequest(asked), wire.FindSubjectsResponse, timeout, poll)

    def sample_noise(
        self, recipes: Sequence[wire.NoiseRecipe], timeout: float = 2 * UNARY_SECONDS, poll: Optional[Poll] = None
    ) -> List[wire.Tensor]:
        """The noise of each recipe, float32 and of the recipe's shape."""
        answer = self._unary("SampleNoise", wire.SampleNoiseRequest(list(recipes)), wire.SampleNoiseResponse, timeout, poll)
        if len(answer.noise) != len(recipes):
            raise SidecarError("DATA_LOSS", f"SampleNoise.noise: {len(answer.noise)} tensors (expected: {len(recipes)}, one for each recipe)")
        for i, (noise, recipe) in enumerate(zip(answer.noise, recipes)):
            check_noise(noise, recipe.shape, f"SampleNoise.noise[{i}]")
        return answer.noise

    def score_images(
        self, images: Sequence[bytes], prompt: str, verifiers: Sequence[wire.Verifier], timeout: float = SCORING_SECONDS
    ) -> wire.ScoreImagesResponse:
        """What verifiers say of pictures, the bytes of PNG, JPEG or WebP files."""
        return self._unary("ScoreImages", wire.ScoreImagesRequest(list(images), prompt, list(verifiers)), wire.ScoreImagesResponse, timeout)

    def evaluate_attention(self, request: wire.EvaluateAttentionRequest, timeout: float = UNARY_SECONDS) -> wire.EvaluateAttentionResponse:
        """A loss and its gradient on attention maps that the caller has."""
        return self._unary("EvaluateAttention", request, wire.EvaluateAttentionResponse, timeout)

    def release_memory(self, timeout: float = UNARY_SECONDS, poll: Optional[Poll] = None) -> int:
        """Has the sidecar free its device memory; the bytes that it freed. Models are loaded again by the next request."""
        return self._unary("ReleaseMemory", wire.ReleaseMemoryRequest(), wire.ReleaseMemoryResponse, timeout, poll).bytes_freed

    def get_search(self, search_id: str, timeout: float = UNARY_SECONDS) -> wire.GetSearchResponse:
        """A stored search: its request, state and best candidates."""
        return self._unary("GetSearch", wire.GetSearchRequest(search_id), wire.GetSearchResponse, timeout)

    def optimize(self, request: wire.OptimizeNoiseRequest, poll: Optional[Poll] = None, deadline: Optional[float] = None) -> Search:
        """Starts a search on the sidecar's own model; see `prenoise.search.Search` for what is done with it."""
        return Search(self, request, poll, deadline)

    def optimize_on_host(
        self,
        start: wire.HostStart,
        host: Host,
        poll: Optional[Poll] = None,
        deadline: Optional[float] = None,
        interrupts: Tuple[Type[BaseException], ...] = (),
    ) -> Search:
        """Starts a search whose every evaluation is made by `host`, on the thread that iterates over the result.

        `interrupts` are the exceptions by which the host's own code says that its user wants no more: they cancel the search instead of failing it.
        """
        return HostSearch(self, start, host, poll, deadline, interrupts)

    def stream(self, method: str, timeout: float, request: Optional[bytes] = None, requests: Optional[Iterator[bytes]] = None) -> Tuple[Any, bool]:
        """A call of one request, or of a stream of them, that answers with a stream of bytes; and whether it is the first of its channel."""
        channel, fresh = _channel(self._key())
        if requests is not None:
            return channel.stream_stream(SERVICE + method)(requests, timeout=timeout, metadata=self._metadata()), fresh
        return channel.unary_stream(SERVICE + method)(request, timeout=timeout, metadata=self._metadata()), fresh

    def reconnect(self) -> None:
        """Has the next call connect afresh."""
        key = self._key()
        with _lock:
            _channels.pop(key, None)

    def error_of(self, failure: Any) -> SidecarError:
        """The exception that tells of a grpc.RpcError of one of this sidecar's calls."""
        error = error_of(failure, str(self.target))
        if self._withheld and error.code == "UNAUTHENTICATED":
            where = f"{targets.DEFAULT_TARGET}, what PRENOISE_TARGET names, or host:port in {targets.allow_file()}"
            error = SidecarError(error.code, f"{error.message}; the environment's token was not sent to {self.target} (expected: {where})", error.field)
        return error

    def _key(self) -> _Key:
        return _Key(os.getpid(), self.target, self._tls, self._ca)

    def _metadata(self) -> Sequence[Tuple[str, str]]:
        return (("authorization", f"Bearer {self._token}"),) if self._token and not self._withheld else ()

    def _unary(self, method: str, request: Message, answer: Type[M], timeout: float, poll: Optional[Poll] = None) -> M:
        grpc = grpcio()
        encoded = request.encode()
        while True:
            channel, fresh = _channel(self._key())
            call = channel.unary_unary(SERVICE + method)
            try:
                if poll is None:
                    return answer.decode(call(encoded, timeout=timeout, metadata=self._metadata()))
                return answer.decode(_polled(call.future(encoded, timeout=timeout, metadata=self._metadata()), poll))
            except grpc.RpcError as failure:
                if failure.code() == grpc.StatusCode.UNAVAILABLE:
                    _discard(self._key(), channel)
                    if not fresh:
                        continue
                raise self.error_of(failure) from None


def _polled(call: Any, poll: Poll) -> bytes:
    """The answer of a call that runs. What `poll` raises cancels it."""
    waits = grpcio().FutureTimeoutError
    try:
        while True:
            poll()
            with contextlib.suppress(waits):
                return call.result(timeout=POLL_SECONDS)
    finally:
        call.cancel()


def _token() -> str:
    token = os.environ.get("PRENOISE_TOKEN", "").strip()
    file = os.environ.get("PRENOISE_TOKEN_FILE", "")
    return token if token or not file else _file("PRENOISE_TOKEN_FILE", file).decode("utf-8").strip()


def _file(name: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{name}: {path} (expected: a readable file): {error}") from error
