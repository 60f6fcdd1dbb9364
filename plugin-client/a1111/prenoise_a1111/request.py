"""What is asked of the sidecar: a user's settings and the host's run as one OptimizeNoiseRequest."""

from __future__ import annotations

from typing import List, Optional, Sequence

from prenoise import wire

from . import settings as settings_room
from .settings import Settings
from .webui import Checkpoint, LoraUse, PromptText, SamplingPlan

EVALUATIONS_PER_OPTIMIZED_CANDIDATE = 10  # InitNO's gradient steps of one noise
LOSSES = {name: getattr(wire.AttentionLoss, name.upper().replace("-", "_")) for name in settings_room.LOSSES}
ALGORITHMS = {name: getattr(wire.SearchAlgorithm, name.upper().replace("-", "_")) for name in settings_room.ALGORITHMS}


class NoSuchCheckpoint(LookupError):
    """The sidecar has not the model that the host has loaded."""


def optimize(
    settings: Settings,
    noise: wire.Tensor,
    seed: int,
    philox: bool,
    prompt: PromptText,
    plan: SamplingPlan,
    clip_skip: int,
    backbone: str,
    uses: Sequence[LoraUse],
) -> wire.OptimizeNoiseRequest:
    """The request for one picture.

    noise: [1, C, H, W], the unit noise that the host would have used: candidate 0. backbone and uses are "" and empty where the host evaluates.
    """
    request = wire.OptimizeNoiseRequest(
        backbone=backbone,
        prompt=wire.Prompt(
            text=prompt.text,
            negative_text=prompt.negative,
            subjects=named(settings),
            weighting=wire.PromptWeighting.A1111,
            clip_skip=clip_skip,
        ),
        seed=seed % 2**64,
        noise_source=wire.NoiseSource.NV_PHILOX if philox else wire.NoiseSource.TORCH_CPU,
        noise=noise,
        sampling=wire.Sampling(sampler=plan.sampler, steps=plan.steps, guidance_scale=plan.guidance_scale, sigmas=list(plan.sigmas)),
        budget=wire.Budget(
            wall_time=wire.Duration.of(settings.time_limit) if settings.time_limit else None,
            stop_on_plateau=settings.plateau,
        ),
        output=wire.Output(best=1, noise=wire.Include.BEST, preview=wire.Include.NONE),
        lora=loras(uses),
    )
    assert request.budget is not None and request.output is not None
    if settings.strategy == "attention":
        request.attention = ranking(settings)
        request.budget.loss_evaluations = settings.candidates * (EVALUATIONS_PER_OPTIMIZED_CANDIDATE if settings.optimize else 1)
        return request
    if settings.preview:
        request.output.preview = wire.Include.BEST
    if settings.strategy == "pictures":
        request.verifier = verifier_search(settings)
        request.budget.pictures = settings.candidates
        return request
    request.cascade = wire.Cascade(
        screen=wire.AttentionRanking(loss=LOSSES[settings.loss]), keep=settings.keep, verify=verifier_search(settings)
    )
    request.budget.loss_evaluations = settings.candidates
    return request


def named(settings: Settings) -> List[wire.Subject]:
    """The subjects that the user names."""
    return [wire.Subject(text=text) for text in settings_room.words(settings.subjects)]


def loras(uses: Sequence[LoraUse]) -> List[wire.Lora]:
    return [wire.Lora(use.name, use.strength, use.text_strength) for use in uses]


def ranking(settings: Settings) -> wire.AttentionRanking:
    return wire.AttentionRanking(
        loss=LOSSES[settings.loss],
        optimize=settings.optimize,
        then=LOSSES.get(settings.then, wire.AttentionLoss.UNSPECIFIED),
    )


def verifier_search(settings: Settings) -> wire.VerifierSearch:
    return wire.VerifierSearch(
        algorithm=ALGORITHMS[settings.algorithm],
        verifiers=[wire.Verifier(name=name, weight=weight) for name, weight in settings_room.verifiers(settings.verifiers)],
        steps=settings.search_steps,
    )


def backbone(settings: Settings, checkpoint: Optional[Checkpoint], capabilities: wire.GetCapabilitiesResponse) -> str:
    """The id of the sidecar's model to search on.

    By SHA-256 where both know it, by its first ten digits, else by file name; a name that is the user's own is left to the sidecar. Raises
    NoSuchCheckpoint where the sidecar has not the host's checkpoint, or cannot use it.
    """
    if settings.model:
        return settings.model
    if checkpoint is None:
        raise NoSuchCheckpoint("the host does not say which checkpoint it has loaded; name the sidecar's model in the accordion")
    matching = _matching(checkpoint, capabilities.backbones)
    usable = [model for model in matching if not model.problem]
    if usable:
        return usable[0].id
    if matching:
        raise NoSuchCheckpoint(f"the sidecar cannot use {matching[0].id}: {matching[0].problem}")
    listed = ", ".join(model.id for model in capabilities.backbones[:8]) + (", ..." if len(capabilities.backbones) > 8 else "")
    raise NoSuchCheckpoint(f"the sidecar has no checkpoint {checkpoint.file or checkpoint.name} (it has: {listed}). Start it with "
                           "--models FOLDER_OF_CHECKPOINTS, or evaluate on the host")


def _matching(checkpoint: Checkpoint, models: Sequence[wire.Backbone]) -> List[wire.Backbone]:
    if checkpoint.sha256:
        same = [model for model in models if model.sha256.lower() == checkpoint.sha256]
        if same:
            return same
    if checkpoint.short_hash:
        same = [model for model in models if model.sha256.lower().startswith(checkpoint.short_hash)]
        if same:
            return same

    def differs(model: wire.Backbone) -> bool:
        """Two files of one name: the hashes tell, where both are known."""
        return bool(checkpoint.sha256 and model.sha256 and model.sha256.lower() != checkpoint.sha256)

    wanted = _stem(checkpoint.file)
    return [model for model in models if wanted and wanted in (_stem(model.id), _stem(model.file)) and not differs(model)]


def unknown_loras(uses: Sequence[LoraUse], capabilities: wire.GetCapabilitiesResponse) -> List[str]:
    """LoRAs of the prompt that the sidecar has no file of, or cannot use."""
    usable = {_stem(lora.name) for lora in capabilities.loras if not lora.problem}
    return [use.name for use in uses if _stem(use.name) not in usable]


def _stem(path: str) -> str:
    """A file's name as both sides spell it alike: without folders and `.safetensors`, in lower case."""
    tail = path.replace("\\", "/").rsplit("/", 1)[-1].lower()
    return tail[: -len(".safetensors")] if tail.endswith(".safetensors") else tail
