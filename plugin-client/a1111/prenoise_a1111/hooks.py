"""Where a host lets an extension at its noise: three ways, by version.

Forge, and A1111 from 1.10 on, hand their noise to `process_before_every_sampling`. A1111 1.6 to 1.9 have no such hook: there the object that
draws the first pass' noise is wrapped, and the sampler of a hires pass.
"""

from __future__ import annotations

from typing import Any, Callable

from . import webui
from .job import Job, SearchFailed


def before_sampling(job: Job, p: Any, noise: Any, x: Any) -> None:
    """The hook's way: writes into the host's own tensor, before it is scaled.

    The host only logs an exception of a hook and goes on; "stop" therefore takes the sampler away, whose call comes next.
    """
    ahead = getattr(p, "modified_noise", None)  # Forge: another extension's noise, which would win over the hook's
    target = noise if ahead is None else ahead
    try:
        hires = bool(getattr(p, "is_hr_pass", False))
        changed = job.tune(p, target, webui.multiplier(p, hires), x if hires or webui.is_img2img(p) else None)
    except SearchFailed as failed:
        p.sampler = _NoSampler(failed)
        return
    if changed and hasattr(p, "modified_noise"):
        p.modified_noise = target


def wrap_first_pass(job: Job, p: Any) -> None:
    """1.6 to 1.9: what the host's `p.rng` draws first is tuned. It is unit noise; img2img multiplies it afterwards."""
    if not isinstance(p.rng, TunedRng):
        p.rng = TunedRng(p.rng, lambda noise: job.tune(p, noise, below=getattr(p, "init_latent", None)))


def wrap_hires_pass(job: Job, p: Any) -> None:
    """1.6 to 1.9: the noise of a hires pass is tuned as it comes to the sampler."""
    sampler, sample = p.sampler, p.sampler.sample_img2img

    def tuned(p: Any, x: Any, noise: Any, *args: Any, **kwargs: Any) -> Any:
        job.tune(p, noise, below=x)
        return sample(p, x, noise, *args, **kwargs)

    sampler.sample_img2img = tuned


class TunedRng:
    """The host's ImageRNG, but for its first noise. Samplers draw their step noise from it too, which stays as it is."""

    def __init__(self, inner: Any, tune: Callable[[Any], object]) -> None:
        self._inner = inner
        self._tune = tune
        self._first = True

    def next(self) -> Any:
        noise = self._inner.next()
        if self._first:
            self._first = False
            self._tune(noise)
        return noise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _NoSampler:
    """Stands where the host's sampler was after a failed search whose user wants no picture: its call ends the run with the reason."""

    def __init__(self, failed: SearchFailed) -> None:
        self._failed = failed

    def sample(self, *_: Any, **__: Any) -> Any:
        raise self._failed

    sample_img2img = sample
