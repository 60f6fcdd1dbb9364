"""From settings to the messages of the wire contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from prenoise import names, wire

from .graph import ModelSource
from .settings import ATTENTION, NO_LOSS, OPTIMISE, VERIFIER, Settings

# The samplers that a sidecar has, by the names of ComfyUI's functions. ddim is ComfyUI's euler.
_SAMPLERS = {
    "sample_euler": "euler",
    "sample_euler_ancestral": "euler_ancestral",
    "sample_heun": "heun",
    "sample_dpmpp_2m": "dpmpp_2m",
    "sample_dpmpp_2m_sde": "dpmpp_2m_sde",
    "sample_dpmpp_2m_sde_gpu": "dpmpp_2m_sde",
}


@dataclass(frozen=True)
class Picture:
    """What is known of the picture to be: its texts, and how the host will sample it.

    `sigmas` are the host's own, highest first; `sampler` is the name of the host's sampler function; `noise_shape` is [1, C, H, W].
    """

    text: str
    negative_text: str
    sampler: str
    sigmas: tuple[float, ...]
    guidance_scale: float
    noise_shape: tuple[int, ...]


def sampler_name(function_name: str) -> str:
    """The sidecar's name for a sampler of ComfyUI; "" where it has no such."""
    return _SAMPLERS.get(function_name, "")


def falling(sigmas: Sequence[float]) -> list[float]:
    """The sigmas without those that repeat the one before, as some schedules with many steps do."""
    return [sigma for before, sigma in zip((float("inf"), *sigmas), sigmas) if sigma < before]


def build(
    settings: Settings,
    picture: Picture,
    noise: wire.Tensor,
    seed: int,
    keep: int,
    subjects: Sequence[wire.Subject] = (),
    source: Optional[ModelSource] = None,
) -> wire.OptimizeNoiseRequest:
    """One search for one image.

    noise: [1, C, H, W], the host's own, which is candidate 0. source: the checkpoint for a sidecar that evaluates; None where the host does.
    """
    sigmas = falling(picture.sigmas)
    request = wire.OptimizeNoiseRequest(
        prompt=wire.Prompt(
            text=picture.text,
            negative_text=picture.negative_text,
            subjects=list(subjects),
            weighting=wire.PromptWeighting.COMFYUI,
        ),
        seed=seed,
        noise_source=wire.NoiseSource.TORCH_CPU,
        noise=noise,
        sampling=wire.Sampling(
            sampler=sampler_name(picture.sampler),
            steps=max(len(sigmas) - 1, 1),
            guidance_scale=picture.guidance_scale,
            sigmas=sigmas,
        ),
        budget=_budget(settings),
        output=wire.Output(
            best=keep,
            noise=wire.Include.NONE,
            preview=wire.Include.BEST if settings.shows_pictures else wire.Include.NONE,
        ),
    )
    if source is not None:
        request.backbone = settings.options.backbone or source.file_name
        request.lora = [wire.Lora(name=lora.name, strength=lora.strength, text_strength=lora.text_strength) for lora in source.loras]
    if settings.strategy in (ATTENTION, OPTIMISE):
        request.attention = _ranking(settings)
    elif settings.strategy == VERIFIER:
        request.verifier = _verifier_search(settings)
    else:
        request.cascade = wire.Cascade(screen=_ranking(settings), keep=settings.options.screened, verify=_verifier_search(settings))
    return request


def _ranking(settings: Settings) -> wire.AttentionRanking:
    return wire.AttentionRanking(
        loss=_loss(settings.loss),
        optimize=settings.strategy == OPTIMISE,
        then=_loss(settings.options.then),
    )


def _loss(name: str) -> wire.AttentionLoss:
    return wire.AttentionLoss.UNSPECIFIED if name == NO_LOSS else names.parse(wire.AttentionLoss, name, "loss")


def _verifier_search(settings: Settings) -> wire.VerifierSearch:
    options = settings.options
    search = wire.VerifierSearch(
        algorithm=names.parse(wire.SearchAlgorithm, settings.algorithm, "search"),
        verifiers=[wire.Verifier(name=each.name, weight=each.weight, label=each.label) for each in settings.verifiers],
        steps=options.judged_steps,
    )
    if settings.algorithm.startswith("zero-order"):
        search.neighbors = options.neighbors
        search.step_size = options.step_size
    if settings.algorithm.endswith("paths"):
        search.paths = wire.Paths(initial_paths=options.initial_paths)
    if settings.algorithm == "first-order":
        search.first_order = wire.FirstOrder(step_size=options.step_size, last_steps=options.gradient_calls)
    return search


def _budget(settings: Settings) -> wire.Budget:
    budget = wire.Budget(stop_on_plateau=settings.options.stop_on_plateau)
    if settings.reads_attention:
        budget.loss_evaluations = settings.loss_evaluations
    if settings.judges_pictures:
        budget.pictures = settings.pictures
    if settings.options.wall_seconds > 0:
        budget.wall_time = wire.Duration.of(settings.options.wall_seconds)
    return budget
