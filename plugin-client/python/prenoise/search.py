"""A search while it runs: its events one by one, on the caller's thread.

Three threads have a part. A pump thread reads the call into a short queue, so that the connection lives while the caller is busy; when the queue
is full it waits, and the sidecar leaves out progress that is out of date. The thread that iterates takes from the queue, calls `poll`, and, in a
search on a host's model, calls the host's methods. Any thread may call `cancel`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import queue
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Optional, Sequence, Tuple, Type, Union

from . import wire
from .codec import Message
from .errors import PrenoiseError, SidecarError, WireError
from .host import Host
from .noise import check_noise
from .runtime import grpcio

if TYPE_CHECKING:
    from .channel import Sidecar

POLL_SECONDS = 0.05  # twice as often as hosts ask for
LONGEST_SEARCH_SECONDS = 4 * 3600.0  # the deadline where the budget has no wall time
GRACE_SECONDS = 600.0  # for models to load, and for the queue, on top of a wall time
OVERTIME_SECONDS = 1.0  # after its deadline a call is over, even where grpcio 1.51 never says so (it began while the sidecar stopped)
FAREWELL_SECONDS = 2.0  # for the sidecar to end a call that is over
LONGEST_ERROR = 2000  # characters of a host's error that are sent


class _End:
    """The last thing in the queue: how the call ended."""

    def __init__(self, error: Optional[BaseException]) -> None:
        self.error = error


class _Pump:
    """Reads a call into a queue on a thread of its own. It knows nothing of the search, so that one that nobody holds is collected."""

    def __init__(self, open_call: Callable[[], Tuple[Any, bool]], decode: Callable[[bytes], Message], sidecar: "Sidecar") -> None:
        self.queue: "queue.Queue[Union[Message, _End]]" = queue.Queue(maxsize=64)
        self.closed = threading.Event()
        self._open = open_call
        self._decode = decode
        self._sidecar = sidecar
        self._call: Any = None
        self._lock = threading.Lock()
        self._grpc = grpcio()
        threading.Thread(target=self._run, name="prenoise-search", daemon=True).start()

    def cancel(self) -> None:
        with self._lock:
            self.closed.set()
            if self._call is not None:
                self._call.cancel()

    def _run(self) -> None:
        error: Optional[BaseException] = None
        try:
            error = self._read()
        except BaseException as unexpected:  # carried over to the thread that iterates
            error = unexpected
        self._put(_End(error))

    def _read(self) -> Optional[BaseException]:
        while True:
            with self._lock:
                if self.closed.is_set():
                    return None
                self._call, fresh = self._open()
            heard = False
            try:
                for data in self._call:
                    heard = True
                    self._put(self._decode(data))
                return None
            except self._grpc.RpcError as failure:
                if failure.code() == self._grpc.StatusCode.UNAVAILABLE:
                    self._sidecar.reconnect()
                    if not heard and not fresh and not self.closed.is_set():
                        continue  # an old channel to a sidecar that was restarted
                return self._sidecar.error_of(failure)
            except WireError as error:
                self._call.cancel()
                return SidecarError("DATA_LOSS", f"a message that cannot be read: {error}")

    def _put(self, item: Union[Message, _End]) -> None:
        while not self.closed.is_set():
            try:
                self.queue.put(item, timeout=0.2)
                return
            except queue.Full:
                continue


class Search:
    """A running search: an iterator over its events, `wire.Accepted`, `Progress`, `Candidate` and, last, `Summary`.

    As a context manager it cancels the search when the block is left early. `poll` is called at least every 0.1 s while an event is waited for;
    what it raises comes out of the iteration and cancels the search. `deadline` is in seconds; without one it follows from the
    budget's wall time, and is four hours without that.

    Noise that is handed out has the accepted shape and finite values. Raises SidecarError from the iteration.
    """

    _method = "OptimizeNoise"
    _answer: Type[Message] = wire.OptimizeNoiseResponse

    def __init__(
        self, sidecar: "Sidecar", request: wire.OptimizeNoiseRequest, poll: Optional[Callable[[], object]] = None, deadline: Optional[float] = None
    ) -> None:
        self.request = dataclasses.replace(request, search_id=request.search_id or f"py-{uuid.uuid4()}")
        self.accepted: Optional[wire.Accepted] = None
        self.progress: Optional[wire.Progress] = None
        self.summary: Optional[wire.Summary] = None
        self._best: Optional[wire.Candidate] = None
        self._poll = poll
        self._over = False
        timeout = _deadline(self.request) if deadline is None else deadline
        self._latest = time.monotonic() + timeout + OVERTIME_SECONDS
        self._pump = _Pump(self._opener(sidecar, timeout), self._answer.decode, sidecar)

    def _opener(self, sidecar: "Sidecar", timeout: float) -> Callable[[], Tuple[Any, bool]]:
        """What opens the call; it must not hold the search."""
        encoded, method = self.request.encode(), self._method
        return lambda: sidecar.stream(method, timeout, request=encoded)

    @property
    def search_id(self) -> str:
        """Under which the sidecar keeps the search; sent again with an equal request it goes on where it was."""
        return self.request.search_id

    @property
    def best(self) -> Optional[wire.Candidate]:
        """The best candidate so far; once there is a summary its first, which always has its noise."""
        if self.summary is not None and self.summary.best:
            return self.summary.best[0]
        return self._best

    def cancel(self) -> None:
        """Stops the search; the iteration ends without a summary. What was best so far stays with the sidecar, see `get_search`."""
        self._pump.cancel()

    def run(self) -> wire.Summary:
        """Iterates to the end. Raises SidecarError("CANCELLED") where the search was cancelled before it."""
        for _ in self:
            pass
        if self.summary is None:
            raise SidecarError("CANCELLED", "the search was cancelled")
        return self.summary

    def __iter__(self) -> Iterator[wire.Event]:
        return self

    def __next__(self) -> wire.Event:
        if self._over:
            raise StopIteration
        try:
            while self.summary is None:
                message = self._receive()
                if isinstance(message, _End):
                    self._ended(message)
                    break
                event = self._event(message)
                if event is not None:
                    return self._seen(event)
        except BaseException:
            with contextlib.suppress(Exception):  # what went wrong first is what the caller must see
                self.close()
            raise
        self.close()
        raise StopIteration

    def __enter__(self) -> "Search":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_pump"):
            self.close()

    def close(self) -> None:
        """Ends the call, if it still runs. Calling it again does nothing."""
        if self._over:
            return
        self._over = True
        if self.summary is not None:
            self._farewell()
        self._pump.cancel()

    def _farewell(self) -> None:
        """Waits a little until the sidecar has ended the call by itself."""
        end = time.monotonic() + FAREWELL_SECONDS
        with contextlib.suppress(queue.Empty):
            while not self._pump.closed.is_set() and time.monotonic() < end:
                if isinstance(self._pump.queue.get(timeout=max(0.0, end - time.monotonic())), _End):
                    return

    def _receive(self) -> Union[Message, _End]:
        while True:
            if self._poll is not None:
                self._poll()
            if self._pump.closed.is_set():
                return _End(None)
            with contextlib.suppress(queue.Empty):
                return self._pump.queue.get(timeout=POLL_SECONDS)
            if time.monotonic() > self._latest:
                raise SidecarError("DEADLINE_EXCEEDED", "the search did not end in its time")

    def _ended(self, end: _End) -> None:
        if self._pump.closed.is_set():
            return
        if end.error is not None:
            raise end.error
        raise SidecarError("DATA_LOSS", "the stream ended without a summary")

    def _event(self, message: Any) -> Optional[wire.Event]:
        """The event in a message, or None where it holds none that is known."""
        kind = message.which("event")
        return None if kind is None else getattr(message, kind)

    def _seen(self, event: wire.Event) -> wire.Event:
        if isinstance(event, wire.Accepted):
            self.accepted = event
        elif isinstance(event, wire.Progress):
            self.progress = event
        elif isinstance(event, wire.Candidate):
            self._check(event, "candidate")
            if event.best_so_far:
                self._best = event
        else:
            for i, candidate in enumerate(event.best):
                self._check(candidate, f"summary.best[{i}]")
            if event.baseline is not None:
                self._check(event.baseline, "summary.baseline")
            self.summary = event
        return event

    def _check(self, candidate: wire.Candidate, name: str) -> None:
        if candidate.noise is not None:
            check_noise(candidate.noise, self.accepted.noise_shape if self.accepted else (), f"{name}.noise")


class _Outbox:
    """What the host answers, on its way to the call that is open."""

    def __init__(self, first: bytes) -> None:
        self._first = first
        self._queue: "queue.SimpleQueue[Optional[bytes]]" = queue.SimpleQueue()

    def requests(self) -> Iterator[bytes]:
        """The messages of a fresh call; those of an earlier one end."""
        self.half_close()
        mine: "queue.SimpleQueue[Optional[bytes]]" = queue.SimpleQueue()
        self._queue = mine
        return self._messages(mine)

    def _messages(self, mine: "queue.SimpleQueue[Optional[bytes]]") -> Iterator[bytes]:
        yield self._first
        while True:
            message = mine.get()
            if message is None:
                return
            yield message

    def send(self, message: wire.OptimizeNoiseOnHostRequest) -> None:
        self._queue.put(message.encode())

    def half_close(self) -> None:
        self._queue.put(None)


class HostSearch(Search):
    """A search whose every evaluation a host makes, on the thread that iterates. See `Search`, and `prenoise.host.Host`.

    An exception of the host is told to the sidecar, which ends the search with it, and is raised from the iteration; one of `interrupts`, or
    one that is no Exception (KeyboardInterrupt), cancels the search instead.
    """

    _method = "OptimizeNoiseOnHost"
    _answer = wire.OptimizeNoiseOnHostResponse

    def __init__(
        self,
        sidecar: "Sidecar",
        start: wire.HostStart,
        host: Host,
        poll: Optional[Callable[[], object]] = None,
        deadline: Optional[float] = None,
        interrupts: Tuple[Type[BaseException], ...] = (),
    ) -> None:
        if start.request is None:
            raise WireError("HostStart.request: not set (expected: an OptimizeNoiseRequest)")
        self._start = start
        self._host = host
        self._interrupts = interrupts
        self._kept = False
        super().__init__(sidecar, start.request, poll, deadline)

    def _opener(self, sidecar: "Sidecar", timeout: float) -> Callable[[], Tuple[Any, bool]]:
        start = dataclasses.replace(self._start, request=self.request)
        self._outbox = outbox = _Outbox(wire.OptimizeNoiseOnHostRequest(start=start).encode())
        method = self._method
        return lambda: sidecar.stream(method, timeout, requests=outbox.requests())

    def close(self) -> None:
        if self._over:
            return
        try:
            self._outbox.half_close()
            super().close()
        finally:
            self._host.release()

    def _event(self, message: Any) -> Optional[wire.Event]:
        kind = message.which("message")
        if kind == "event":
            return super()._event(message.event)
        if kind == "evaluate":
            asked = message.evaluate
            answer = self._guarded(lambda error: wire.HostEvaluation(asked.evaluation_id, error=error), lambda: self._evaluate(asked))
            self._outbox.send(wire.OptimizeNoiseOnHostRequest(evaluation=answer))
        elif kind == "gradient":
            gradient = message.gradient
            answer = self._guarded(lambda error: wire.HostGradient(gradient.evaluation_id, error=error), lambda: self._backward(gradient))
            self._outbox.send(wire.OptimizeNoiseOnHostRequest(gradient=answer))
        return None

    def _guarded(self, failed: Callable[[str], Any], evaluate: Callable[[], Any]) -> Any:
        """What the host answers. Where it fails the sidecar is told before the exception goes on."""
        try:
            return evaluate()
        except self._interrupts:
            raise
        except Exception as error:
            answer = failed(f"{type(error).__name__}: {error}"[:LONGEST_ERROR])
            kind = "evaluation" if isinstance(answer, wire.HostEvaluation) else "gradient"
            self._outbox.send(wire.OptimizeNoiseOnHostRequest(**{kind: answer}))
            self._farewell()
            raise

    def _evaluate(self, asked: wire.Evaluate) -> wire.HostEvaluation:
        if self._kept:  # the sidecar goes on without the gradient that it spoke of
            self._host.release()
            self._kept = False
        answer = wire.HostEvaluation(asked.evaluation_id)
        noises = asked.noise
        if asked.walk is not None:
            walked = _as_many("Host.walk", self._host.walk(noises, asked.walk.from_, asked.walk.to, asked.images), noises)
            answer.latents = [one.latents for one in walked]
            if asked.images:
                answer.images = [_picture("Host.walk: image", one.image) for one in walked]
            return answer
        self._kept = asked.gradient_follows
        if asked.attention:
            answer.attention = _as_many("Host.attention", self._host.attention(noises, asked.gradient_follows), noises)
            if not asked.self_attention:  # by far the larger map, which this loss does not read
                answer.attention = [wire.AttentionMaps(maps.cross_attention) for maps in answer.attention]
        if asked.images or asked.predictions:
            shots = _as_many("Host.pictures", self._host.pictures(noises, asked.seeds, asked.predictions, asked.gradient_follows), noises)
            if asked.images:
                answer.images = [_picture("Host.pictures: image", shot.image) for shot in shots]
            if asked.predictions:
                answer.predictions = [_picture("Host.pictures: prediction", shot.prediction) for shot in shots]
        return answer

    def _backward(self, asked: wire.AttentionGradient) -> wire.HostGradient:
        gradients = self._host.backward(asked.attention or None, asked.images or None)
        self._kept = False
        return wire.HostGradient(asked.evaluation_id, _as_many("Host.backward", gradients, asked.attention or asked.images))


def _as_many(name: str, given: Sequence[Any], noises: Sequence[Any]) -> List[Any]:
    given = list(given)
    if len(given) != len(noises):
        raise PrenoiseError(f"{name}: {len(given)} results (expected: {len(noises)}, one for each noise)")
    return given


def _picture(name: str, picture: Optional[bytes]) -> bytes:
    if not picture:
        raise PrenoiseError(f"{name}: none (expected: the bytes of a PNG or JPEG file)")
    return picture


def _deadline(request: wire.OptimizeNoiseRequest) -> float:
    """Seconds after which a call that never ended is given up."""
    wall = request.budget.wall_time.total_seconds() if request.budget and request.budget.wall_time else 0.0
    return wall + GRACE_SECONDS if wall > 0 else LONGEST_SEARCH_SECONDS
