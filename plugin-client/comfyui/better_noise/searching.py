"""One search for each image of a batch: from the host's noise to better noise. Knows torch and the sidecar, not ComfyUI."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Optional, Protocol

import torch
from prenoise import wire
from prenoise.arrays import from_torch, to_torch
from prenoise.channel import Sidecar
from prenoise.errors import SidecarError, SidecarUnavailable
from prenoise.host import Host
from prenoise.search import Search

from . import requests
from .graph import ModelSource, base_name
from .requests import Picture
from .settings import IMAGES_OF_A_BATCH, Settings

_SEED_STEP = 0x9E3779B97F4A7C15  # odd, far from small numbers: the images of a batch never share a draw

_OF_ANOTHER = ("ALREADY_EXISTS", "FAILED_PRECONDITION")  # a stored search of the same id that is not this one
_MOST_KEPT = 64  # candidates that a sidecar gives back with their noise


class SearchFailed(RuntimeError):
    """A search that gave no noise that can be used; the message is for the user."""


class Ui(Protocol):
    """What a search shows, and how it hears that the user wants no more."""

    def poll(self) -> None:
        """Raises the host's own exception when the user interrupted."""

    def progress(self, fraction: float, picture: Optional[bytes]) -> None:
        """fraction: 0 to 1 over all images; picture: an encoded one of the best so far, where there is a new one."""

    def tell(self, text: str) -> None:
        """One line about what goes on."""


class EvaluatingHost(Host, Protocol):
    """The host's own model as an evaluator of one image's search."""

    def start(self, request: wire.OptimizeNoiseRequest, at_once: int = 0) -> wire.HostStart:
        """The first message of the search. `at_once` are the noises that the user wants it to take, 0 = its own choice. Raises where the request asks for what this model cannot do."""


@dataclass(frozen=True)
class Task:
    """What is searched for, the same for every image of the batch.

    `source` is the checkpoint where the sidecar evaluates; `host` gives the evaluator of an image of the batch where ComfyUI does, and
    `interrupts` are the exceptions by which it says that its user wants no more. `subjects` have token indices with `host`; none leave finding
    them to the sidecar.
    """

    settings: Settings
    picture: Picture
    seed: int
    source: Optional[ModelSource] = None
    host: Optional[Callable[[int], EvaluatingHost]] = None
    interrupts: tuple[type[BaseException], ...] = ()
    subjects: Sequence[wire.Subject] = ()


@dataclass(frozen=True)
class Found:
    """What one search found.

    `candidates` best first, each with its noise; `plain` is candidate 0; `chosen` is the candidate that each image of the batch got.
    """

    candidates: tuple[wire.Candidate, ...]
    plain: Optional[wire.Candidate]
    warnings: tuple[str, ...] = ()


@dataclass
class Record:
    """What a Better Noise node found the last time that it ran; what Candidates and Recipe read.

    `bases` are the host's own noises, [1, C, H, W] each; `chosen` the candidate that each image got. Written by the thread that samples,
    read after it; the lock is for readers in between.
    """

    found: list[Found] = field(default_factory=list)
    chosen: list[wire.Candidate] = field(default_factory=list)
    noises: Optional[torch.Tensor] = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, found: list[Found], chosen: list[wire.Candidate], noises: torch.Tensor) -> None:
        """Replaces what was there."""
        with self.lock:
            self.found, self.chosen, self.noises = found, chosen, noises.detach().cpu().clone()

    def clear(self) -> None:
        """Forgets, so that a search that failed does not show an older one's candidates."""
        with self.lock:
            self.found, self.chosen, self.noises = [], [], None


def better_noise(noise: torch.Tensor, task: Task, sidecar: Sidecar, ui: Ui, record: Optional[Record] = None) -> torch.Tensor:
    """Better noise for a batch, in its dtype and on its device.

    noise: [B, C, H, W], or [B, C, 1, H, W] of models that see an image as one frame. An image whose best candidate is candidate 0 keeps its
    values bit for bit. Raises SearchFailed, or what the sidecar or the host raises; nothing of a batch is used then.
    """
    images = as_images(noise)
    together = task.settings.options.batch == IMAGES_OF_A_BATCH[1] and len(images) > 1
    searches = 1 if together else len(images)
    found: list[Found] = []
    for index in range(searches):
        shown = _Share(ui, index, searches)
        keep = max(task.settings.options.keep, min(len(images), _MOST_KEPT) if together else 1)
        found.append(_search(images[index : index + 1], replace(task, seed=seed_of_image(task.seed, index)), index, keep, sidecar, shown))
    if together:
        # Fewer candidates than images, as with a small budget or a batch beyond what is kept: what is left over keeps the host's noise.
        chosen = [*found[0].candidates[: len(images)]]
        results = [_noise_of(candidate, images[:1]) for candidate in chosen]
        results += [images[index : index + 1] for index in range(len(results), len(images))]
    else:
        chosen = [each.candidates[0] for each in found]
        results = [_noise_of(candidate, images[index : index + 1]) for index, candidate in enumerate(chosen)]
    result = torch.cat(results).reshape(noise.shape)
    if record is not None:
        record.put(found, chosen, result)
    return result


def as_images(noise: torch.Tensor) -> torch.Tensor:
    """The noise as [B, C, H, W]. Raises SearchFailed for video, audio and other latents that are no images."""
    if noise.ndim == 5 and noise.shape[2] == 1:
        return noise[:, :, 0]
    if noise.ndim != 4:
        raise SearchFailed(f"latents of shape {list(noise.shape)} are no images (expected: [batch, channels, height, width])")
    return noise


def seed_of_image(seed: int, index: int) -> int:
    """The seed of one image's search; the first image has the host's own."""
    return (seed + index * _SEED_STEP) % (1 << 64)


def search_id(start: wire.HostStart, weights: str = "") -> str:
    """The same for an equal search on the same model: one that was interrupted goes on where it was, one that is done answers at once.

    `weights` are a sidecar's own, see `weights_of`; a host's are in `start.model`.
    """
    request = None if start.request is None else replace(start.request, search_id="", output=None)
    bare = replace(start, request=request, max_batch=0)
    return "comfyui-" + hashlib.sha256(bare.encode() + b"\0" + weights.encode()).hexdigest()[:32]


def weights_of(request: wire.OptimizeNoiseRequest, able: wire.GetCapabilitiesResponse) -> str:
    """What tells the files apart that a sidecar has now under a request's names: their hashes, or their sizes while those are not known."""

    def stem(name: str) -> str:
        return base_name(name).rpartition(".")[0] or base_name(name)

    backbone = stem(request.backbone or able.default_backbone)
    loras = {stem(lora.name) for lora in request.lora}
    lines = [f"{each.id} {each.sha256 or each.bytes}" for each in able.backbones if backbone in (stem(each.id), stem(each.file))]
    lines += [f"{each.name} {each.bytes}" for each in able.loras if loras & {stem(each.name), stem(each.file)}]
    return "\n".join(sorted(lines))


class _Share:
    """One image's part of the progress of a batch."""

    def __init__(self, ui: Ui, index: int, count: int) -> None:
        self._ui, self._index, self._count = ui, index, count
        self.poll = ui.poll
        self.tell = ui.tell

    def progress(self, fraction: float, picture: Optional[bytes]) -> None:
        fraction = min(max(fraction, 0.0), 1.0) if fraction == fraction else 0.0
        self._ui.progress((self._index + fraction) / self._count, picture)


def _search(image: torch.Tensor, task: Task, index: int, keep: int, sidecar: Sidecar, ui: _Share) -> Found:
    base = from_torch(image.detach().to("cpu", torch.float32))
    request = requests.build(task.settings, task.picture, base, task.seed, keep, task.subjects, task.source)
    poll, deadline = ui.poll, task.settings.options.wait_seconds
    if task.host is not None:
        host = task.host(index)
        start = host.start(request, task.settings.options.host_batch)
        name = search_id(start)
    else:
        name = search_id(wire.HostStart(request), _weights(request, sidecar, poll))

    def begin(name: str) -> Search:
        named = replace(request, search_id=name)
        if task.host is None:
            return sidecar.optimize(named, poll, deadline)
        return sidecar.optimize_on_host(replace(start, request=named), host, poll, deadline, task.interrupts)

    ui.progress(0.0, None)
    try:
        summary = _followed(begin(name), ui)
    except SidecarError as refused:
        if refused.code not in _OF_ANOTHER or not refused.message.startswith("search_id: "):
            raise
        # Weights or verifiers are others than when the stored search began, which then can neither go on nor answer.
        summary = _followed(begin(f"{name}-{uuid.uuid4().hex[:8]}"), ui)
    if summary is None or not summary.best:
        raise SearchFailed("the sidecar ended the search without a candidate")
    for warning in summary.warnings:
        ui.tell(warning)
    for candidate in summary.best:
        _noise_of(candidate, image)
    ui.progress(1.0, summary.best[0].preview_png or None)
    return Found(tuple(summary.best), summary.baseline, tuple(summary.warnings))


def _followed(search: Search, ui: _Share) -> Optional[wire.Summary]:
    """How a search ended, shown while it runs."""
    fraction = 0.0
    with search:
        for event in search:
            if isinstance(event, wire.Progress):
                fraction = event.fraction
                ui.progress(fraction, None)
            elif isinstance(event, wire.Candidate) and event.best_so_far and event.preview_png:
                ui.progress(fraction, event.preview_png)
            elif isinstance(event, wire.Accepted):
                for warning in event.warnings:
                    ui.tell(warning)
        return search.summary


def _weights(request: wire.OptimizeNoiseRequest, sidecar: Sidecar, poll: Callable[[], object]) -> str:
    try:
        return weights_of(request, sidecar.capabilities(poll=poll))
    except SidecarUnavailable:
        raise
    except SidecarError:  # one that does not say can search all the same
        return ""


def _noise_of(candidate: wire.Candidate, base: torch.Tensor) -> torch.Tensor:
    """A candidate's noise in the base's dtype and on its device; the base itself where it is candidate 0."""
    if candidate.index == 0:
        return base
    if candidate.noise is None:
        raise SearchFailed(f"candidate {candidate.index} came without its noise")
    if list(candidate.noise.shape) != list(base.shape):
        raise SearchFailed(f"candidate {candidate.index} has noise of shape {list(candidate.noise.shape)} (expected: {list(base.shape)})")
    noise = to_torch(candidate.noise)
    if not bool(torch.isfinite(noise).all()):
        raise SearchFailed(f"candidate {candidate.index} has noise with values that are no numbers")
    return noise.to(device=base.device, dtype=base.dtype)
