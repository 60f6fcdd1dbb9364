"""What a user chose on the nodes, checked and in one record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

ATTENTION, OPTIMISE, VERIFIER, CASCADE = "attention ranking", "optimise", "verifier search", "cascade"
STRATEGIES = (ATTENTION, OPTIMISE, VERIFIER, CASCADE)
LOSSES = ("initno", "conform", "self-cross", "attend-and-excite")
NO_LOSS = "none"
ALGORITHMS = ("random", "zero-order", "paths", "first-order", "zero-order-then-paths")
HOST, SIDECAR = "host", "sidecar"
PLACES = (HOST, SIDECAR)
PLAIN_NOISE, STOP = "plain noise", "stop"
ON_ERROR = (PLAIN_NOISE, STOP)
WHEN_FREE, ALWAYS, NEVER = "when free", "best so far", "none"
PREVIEWS = (WHEN_FREE, ALWAYS, NEVER)
IMAGES_OF_A_BATCH = ("each its own search", "the best of one search")
DEFAULT_TARGET = "127.0.0.1:50551"


class SettingsError(ValueError):
    """A choice that cannot be used; the message names the widget and what it expects."""


@dataclass(frozen=True)
class VerifierChoice:
    """A verifier by name; weight 0 means 1, label is a classifier's class."""

    name: str
    weight: float = 0.0
    label: str = ""


@dataclass(frozen=True)
class Options:
    """The rarer choices, which Better Noise Options sets.

    Zeros mean the sidecar's defaults. `keep` is how many of the best candidates stay for Candidates, `host_batch` how many noises the
    host's model takes at once, 0 = as many as fit its memory, `wait_seconds` the most that one image's search may take before it counts as failed.
    """

    then: str = NO_LOSS
    stop_on_plateau: bool = False
    wall_seconds: float = 0.0
    neighbors: int = 0
    step_size: float = 0.0
    judged_steps: int = 0
    screened: int = 0
    initial_paths: int = 0
    gradient_calls: int = 0
    keep: int = 1
    batch: str = IMAGES_OF_A_BATCH[0]
    preview: str = WHEN_FREE
    host_batch: int = 0
    backbone: str = ""
    target: str = DEFAULT_TARGET
    release_memory: bool = True
    wait_seconds: float = 3600.0


@dataclass(frozen=True)
class Settings:
    """The choices on the main nodes, with the options joined on."""

    strategy: str = ATTENTION
    loss: str = "initno"
    verifiers: tuple[VerifierChoice, ...] = ()
    algorithm: str = "random"
    loss_evaluations: int = 0
    pictures: int = 0
    subjects: tuple[str, ...] = ()
    evaluate_on: str = HOST
    on_error: str = PLAIN_NOISE
    img2img: bool = False
    options: Options = field(default_factory=Options)

    @property
    def reads_attention(self) -> bool:
        """Whether an attention loss takes part, which needs the prompt's subjects."""
        return self.strategy in (ATTENTION, OPTIMISE, CASCADE)

    @property
    def judges_pictures(self) -> bool:
        """Whether verifiers take part, which needs finished pictures."""
        return self.strategy in (VERIFIER, CASCADE)

    @property
    def needs_gradients(self) -> bool:
        """Whether the search follows a gradient to the noise."""
        return self.strategy == OPTIMISE or (self.judges_pictures and self.algorithm == "first-order")

    @property
    def shows_pictures(self) -> bool:
        """Whether candidates come with a picture. A verifier search has drawn them anyway; for an attention ranking each costs a whole sampling."""
        return self.options.preview == ALWAYS or (self.options.preview == WHEN_FREE and self.judges_pictures)


def settings_of(widgets: dict[str, Any]) -> Settings:
    """Settings from the widgets' values by name; unknown names are left alone, so that a node hands over all it got."""
    settings = Settings(
        strategy=_one_of("strategy", widgets["strategy"], STRATEGIES),
        loss=_one_of("loss", widgets["loss"], LOSSES),
        verifiers=verifiers_of(widgets["verifiers"]),
        algorithm=_one_of("search", widgets["search"], ALGORITHMS),
        loss_evaluations=_at_least_zero("loss_evaluations", widgets["loss_evaluations"]),
        pictures=_at_least_zero("pictures", widgets["pictures"]),
        subjects=words_of(widgets["subjects"]),
        evaluate_on=_one_of("evaluate_on", widgets["evaluate_on"], PLACES),
        on_error=_one_of("on_error", widgets["on_error"], ON_ERROR),
        img2img=bool(widgets.get("img2img", False)),
        options=widgets.get("options") or Options(),
    )
    if settings.judges_pictures and not settings.verifiers:
        raise SettingsError('verifiers: empty (expected: at least one name, such as "clip", for a verifier search or a cascade)')
    if settings.strategy == CASCADE and settings.options.then != NO_LOSS:
        # A cascade's verifiers are its second stage.
        return replace(settings, options=replace(settings.options, then=NO_LOSS))
    return settings


def words_of(text: str) -> tuple[str, ...]:
    """The words of a comma separated list, or of one a line."""
    return tuple(word.strip() for word in text.replace("\n", ",").split(",") if word.strip())


def verifiers_of(text: str) -> tuple[VerifierChoice, ...]:
    """Verifiers from "name, name*weight, name=label": `clip, aesthetic*0.5, imagenet=tabby cat`."""
    return tuple(_verifier(word) for word in words_of(text))


def _verifier(word: str) -> VerifierChoice:
    name, equals, label = word.partition("=")
    name, times, weight = name.partition("*")
    if equals and not label.strip():
        raise SettingsError(f'verifiers: "{word}" (expected: a class after =)')
    if not times:
        return VerifierChoice(name.strip(), 0.0, label.strip())
    try:
        number = float(weight)
    except ValueError:
        number = -1.0
    if not 0 < number < float("inf"):
        raise SettingsError(f'verifiers: "{word}" (expected: a number greater than 0 after *)')
    return VerifierChoice(name.strip(), number, label.strip())


def _one_of(widget: str, value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise SettingsError(f'{widget}: "{value}" (expected: one of {", ".join(choices)})')
    return str(value)


def _at_least_zero(widget: str, value: int) -> int:
    if value < 0:
        raise SettingsError(f"{widget}: {value} (expected: >= 0)")
    return int(value)
