"""One run of the host: from its noise to the noise that it samples with.

For every picture of a batch in turn: a search with the host's own noise as candidate 0, its events shown as they come, its best noise put where
the host's was. Where candidate 0 is best the host's tensor is not touched at all, so the picture is bit-equal to one made without this extension.

Everything here runs on the host's generation thread.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from typing import Any, Callable, Dict, Optional, Set, Tuple

from prenoise import (
    GrpcioMissing, PrenoiseError, Search, Sidecar, SidecarError, SidecarUnavailable, TargetNotAllowed, arrays, recipes, targets, tokens, wire)

from . import host_model, pinned, request as requests, webui
from .settings import PLAIN, Settings, key_of, words

_FOR_ALL = (SidecarUnavailable, TargetNotAllowed, GrpcioMissing, requests.NoSuchCheckpoint)  # go wrong for every picture of a run
CAPABILITIES_SECONDS = 5.0
CAPABILITIES_KEPT_SECONDS = 30.0
RELEASE_POLL_SECONDS = 0.05

_capabilities: Dict[str, Tuple[float, wire.GetCapabilitiesResponse]] = {}
_lock = threading.Lock()


class SearchFailed(RuntimeError):
    """What a user who chose "stop" sees instead of a picture."""


class _Stopped(Exception):
    """Interrupt, skip or "stop after this picture" was pressed."""


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of one picture's noise."""

    text: str  # for infotext: the score beside the plain one's
    recipe: Optional[str]


class Job:
    """The searches of one call of the host's `process_images`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._broken: Optional[str] = None  # why nothing can be searched in this run any more; told once, tried once
        self._host_failed: Optional[str] = None
        self._done: Set[Tuple[int, bool]] = set()
        self._results: Dict[int, Result] = {}

    def tune(self, p: Any, noise: Any, times: float = 1.0, below: Any = None) -> bool:
        """Writes better noise into the host's tensor, [B, C, H, W]; says whether anything changed.

        noise is `times` unit noise, below the latents that it is added to, None in txt2img. The second call for the same pass does nothing: Forge makes two before a hires pass. Raises SearchFailed where
        the user chose to stop.
        """
        hires = bool(getattr(p, "is_hr_pass", False))
        key = (int(getattr(p, "iteration", 0)), hires)
        if key in self._done or not self.settings.enabled or (hires and not self.settings.hires):
            return False
        self._done.add(key)
        if times == 0 or not bool((noise != 0).any()):
            return False  # a pass without noise of its own
        try:
            return self._batch(p, noise, times, below, hires)
        finally:
            webui.say("")
            self.note(p)

    def give_up(self, p: Any, error: Exception, first: int = 0) -> None:
        """Nothing is searched from the picture with that place in the run on; told where pictures are made all the same."""
        self._broken = _reason(error)
        if self.settings.on_error == PLAIN:
            count = _count(p)
            what = "The picture was" if count == 1 else "The pictures were" if first == 0 else f"Pictures from number {first + 1} on were"
            webui.comment(p, f"{_sentence(self._broken)} {what} made from plain noise.")

    def _batch(self, p: Any, noise: Any, times: float, below: Any, hires: bool) -> bool:
        changed = False
        for index in range(noise.shape[0]):
            if self._broken is not None or webui.stopped():
                break
            unit = noise[index : index + 1].detach().float() / times
            try:
                better = self._picture(p, index, unit, None if below is None else below[index : index + 1], hires)
            except _Stopped:
                break
            except Exception as error:  # a mistake of ours or a host of another version must not cost the picture either
                self._fail(p, index, error)
                continue
            if better is not None:
                noise[index : index + 1].copy_(arrays.to_torch(better).to(noise) * times)
                changed = True
        if self._broken is not None and self.settings.on_error == "stop":
            raise SearchFailed(f"Prenoise: {self._broken}")
        return changed

    def _fail(self, p: Any, index: int, error: Exception) -> None:
        """What goes wrong with one prompt costs its picture alone; without a sidecar there is nothing to try again."""
        if isinstance(error, _FOR_ALL) or self.settings.on_error == "stop":
            self.give_up(p, error, self._at(p, index))
            return
        reason, count = _sentence(_reason(error)), _count(p)
        text = f"{reason} The picture was made from plain noise." if count == 1 else (
            f"picture {self._at(p, index) + 1} of {count}: {reason} It was made from plain noise.")
        webui.comment(p, text)

    def _picture(self, p: Any, index: int, unit: Any, below: Any, hires: bool) -> Optional[wire.Tensor]:
        """The noise for one picture, or None where it keeps its own."""
        seed, noise = webui.seeds(p)[index], arrays.from_torch(unit)
        configured = webui.option("prenoise_address", "")
        sidecar = Sidecar(self.settings.address or configured or targets.DEFAULT_TARGET, configured=configured)
        kept = None if hires else pinned.read(self.settings.recipe)
        if kept is not None and kept.seed in (None, seed):
            return self._again(p, index, sidecar, kept, noise)
        asked = requests.optimize(
            self.settings, noise, seed, webui.noise_is_philox(), webui.prompt(p, index, hires), webui.sampling(p, hires), webui.clip_skip(p), "", [])
        if self.settings.where != "sidecar" and self._host_can(p):
            try:
                host = host_model.HostModel(p, index, self.settings, unit, below, _poll)
                if asked.verifier is None:
                    asked.prompt.subjects = host.subjects(sidecar, words(self.settings.subjects))
                start = host.start(asked)
                return self._search(p, index, sidecar, lambda: sidecar.optimize_on_host(start, host, poll=_poll, interrupts=(_Stopped,)))
            except (_Stopped, SidecarError, tokens.WordNotFound):
                raise  # of the search or of this prompt: no fault of the host
            except Exception as error:
                if self.settings.where == "host":
                    raise
                self._host_failed = f"{type(error).__name__}: {error}"
                webui.comment(p, f"evaluating on the host failed ({self._host_failed}); the sidecar's own model is searched.")
        return self._on_sidecar(p, index, sidecar, asked, hires)

    def _host_can(self, p: Any) -> bool:
        """Whether to evaluate on the loaded model. Raises HostModelError where the user wants nothing else and it cannot."""
        reason = self._host_failed or host_model.cannot(p, self.settings)
        if reason and self.settings.where == "host":
            raise host_model.HostModelError(reason)
        return not reason

    def _on_sidecar(self, p: Any, index: int, sidecar: Sidecar, asked: wire.OptimizeNoiseRequest, hires: bool) -> Optional[wire.Tensor]:
        capabilities = _capabilities_of(sidecar)
        loras = webui.loras(p)
        unknown = requests.unknown_loras(loras, capabilities)
        asked = dataclasses.replace(
            asked,
            backbone=requests.backbone(self.settings, webui.checkpoint(p), capabilities),
            prompt=dataclasses.replace(asked.prompt, subjects=requests.named(self.settings)),
            lora=requests.loras([use for use in loras if use.name not in unknown]),
        )
        for note in webui.prompt(p, index, hires).notes:
            webui.comment(p, note + ".")
        if hires or webui.is_img2img(p):
            webui.comment(p, "the sidecar searches as if the picture began from noise alone; evaluate on the host to have the picture below counted.")
        if unknown:
            webui.comment(p, f"the sidecar has no LoRA {', '.join(unknown)}; it searches without.")
        return self._search(p, index, sidecar, lambda: sidecar.optimize(asked, poll=_poll))

    def _search(self, p: Any, index: int, sidecar: Sidecar, begin: Callable[[], Search]) -> Optional[wire.Tensor]:
        """A search from its begin to its best noise, None where the picture keeps its own; then the sidecar's memory is free, where that was asked."""
        try:
            return self._searched(p, index, begin)
        finally:
            if webui.option("prenoise_release_memory", False):
                _release(sidecar)

    def _searched(self, p: Any, index: int, begin: Callable[[], Search]) -> Optional[wire.Tensor]:
        count = len(p.seeds)
        name = f"picture {index + 1} of {count}" if count > 1 else "picture"
        webui.say(f"Prenoise: {name}, waiting for the sidecar")
        with begin() as search:
            try:
                for event in search:
                    self._show(p, name, search, event)
            except _Stopped:
                # After "stop after this picture" the picture is still made, from what was best so far; after interrupt and skip there is none.
                if webui.stopped() != "stopping_generation" or search.best is None:
                    raise
            best, baseline = search.best, search.summary.baseline if search.summary else None
        if best is None:
            return None
        self._keep(p, index, best, baseline)
        return None if best.index == 0 else best.noise

    def _show(self, p: Any, name: str, search: Any, event: wire.Event) -> None:
        if isinstance(event, wire.Accepted):
            for warning in event.warnings:
                webui.comment(p, warning)
        elif isinstance(event, wire.Candidate):
            if event.best_so_far and event.preview_png:
                webui.show(event.preview_png)
            best = search.best
            said = f", best {best.score:.4g} (candidate {best.index})" if best is not None else ""
            webui.say(f"Prenoise: {name}, candidate {event.index}{said}")
        elif isinstance(event, wire.Progress) and search.best is None:
            webui.say(f"Prenoise: {name}, {event.stage or 'searching'} {event.fraction:.0%}")
        elif isinstance(event, wire.Summary):
            for warning in event.warnings:
                webui.comment(p, warning)

    def _keep(self, p: Any, index: int, best: wire.Candidate, baseline: Optional[wire.Candidate]) -> None:
        if getattr(p, "is_hr_pass", False):
            return  # infotext speaks of the first pass, whose noise makes the picture
        text = f"{best.score:.4g}" if baseline is None else f"{best.score:.4g} from {baseline.score:.4g}"
        self._results[self._at(p, index)] = Result(text, pinned.line(webui.seeds(p)[index], best))

    def _again(self, p: Any, index: int, sidecar: Sidecar, kept: pinned.Pinned, own: wire.Tensor) -> Optional[wire.Tensor]:
        """The noise of a recipe, whose shape must be the picture's."""
        recipe = kept.recipe
        if recipe is not None and list(recipe.shape) != list(own.shape):
            raise ValueError(f"recipe.shape: {list(recipe.shape)} (expected: {list(own.shape)}, as this picture's noise)")
        noise = None if recipe is None else recipes.replay(sidecar, recipe, _poll)
        self._results[self._at(p, index)] = Result("made again", self.settings.recipe.strip())
        return noise

    def _at(self, p: Any, index: int) -> int:
        return int(getattr(p, "iteration", 0)) * int(getattr(p, "batch_size", len(p.seeds))) + index

    def note(self, p: Any) -> None:
        """Writes infotext: what was asked, and per picture what came of it."""
        noted = getattr(p, "extra_generation_params", None)
        if noted is None:
            return
        noted["Prenoise"] = _PerPicture(self, "state", p)
        noted["Prenoise score"] = _PerPicture(self, "text", p)
        noted["Prenoise recipe"] = _PerPicture(self, "recipe", p)
        noted.update(self.settings.infotext())
        batch = range(self._at(p, 0), self._at(p, len(p.seeds)))
        for key, what in (("Prenoise score", "text"), ("Prenoise recipe", "recipe")):
            if not any(self.said(index, what) for index in batch):
                del noted[key]

    def said(self, index: int, what: str) -> Optional[str]:
        """One of "state", "text" and "recipe" of a picture by its place in the run."""
        result = self._results.get(index)
        if what == "state":
            return PLAIN if result is None else "on"
        return None if result is None else getattr(result, what)


class _PerPicture(str):
    """A value of infotext that differs between pictures.

    A1111 from 1.9 on and Forge call it once for each; older hosts write the text itself, which speaks of the first picture of the batch.
    """

    _job: Job
    _what: str

    def __new__(cls, job: Job, what: str, p: Any) -> "_PerPicture":
        first = int(getattr(p, "iteration", 0)) * int(getattr(p, "batch_size", 1))
        self = super().__new__(cls, job.said(first, what) or "")
        self._job, self._what = job, what
        return self

    def __call__(self, p: Any = None, index: int = 0, all_seeds: Any = (), use_main_prompt: bool = False, **_: Any) -> Optional[str]:
        whole = use_main_prompt or len(all_seeds) == len(getattr(p, "all_seeds", ()))  # else only those of the batch
        offset = 0 if whole else int(getattr(p, "iteration", 0)) * int(getattr(p, "batch_size", 1))
        return self._job.said(offset + int(index), self._what)


def forget(p: Any) -> None:
    """Takes what an earlier run left in infotext out again: X/Y/Z plots and loops hand on one dictionary."""
    noted = getattr(p, "extra_generation_params", None)
    if noted is None:
        return
    for key in ["Prenoise", "Prenoise score", "Prenoise recipe", *(key_of(field) for field in dataclasses.fields(Settings))]:
        noted.pop(key, None)


def _count(p: Any) -> int:
    """How many pictures the run makes."""
    return int(getattr(p, "batch_size", 1)) * int(getattr(p, "n_iter", 1))


def _reason(error: Exception) -> str:
    """What went wrong in a line; of what was not foreseen, its kind too."""
    foreseen = isinstance(error, (PrenoiseError, LookupError, ValueError))
    text = (str(error) if foreseen else f"{type(error).__name__}: {error}").rstrip(".")
    return f"{text}. Is it running (./prenoise serve)?" if isinstance(error, SidecarUnavailable) else text


def _sentence(reason: str) -> str:
    return reason if reason.endswith("?") else f"{reason}."


def _poll() -> None:
    if webui.stopped():
        raise _Stopped


def _capabilities_of(sidecar: Sidecar) -> wire.GetCapabilitiesResponse:
    """Asked again after half a minute, so that a batch asks once and a file that was added is soon seen."""
    name, now = repr(sidecar), time.monotonic()
    with _lock:
        known = _capabilities.get(name)
    if known is not None and now - known[0] < CAPABILITIES_KEPT_SECONDS:
        return known[1]
    answer = sidecar.capabilities(timeout=CAPABILITIES_SECONDS, poll=_poll)
    with _lock:
        _capabilities[name] = (now, answer)
    return answer


def _release(sidecar: Sidecar) -> None:
    """Gives the card back before the host samples. Who pressed interrupt does not wait until the sidecar has ended what it evaluates just now."""
    def ask() -> None:
        with contextlib.suppress(PrenoiseError):  # the picture is searched already; what is wrong with the sidecar is told by the next search
            sidecar.release_memory()

    asking = threading.Thread(target=ask, name="prenoise-release", daemon=True)
    asking.start()
    while asking.is_alive() and webui.stopped() not in ("interrupted", "skipped"):
        asking.join(RELEASE_POLL_SECONDS)
