"""How a noise is made again, as one line of text that a workflow, a picture's metadata or a person can keep.

The text is JSON with the contract's names, as in the `result.json` of `prenoise optimize`, and always the same for the same recipe:

    {"seed":1410011160,"source":"torch-cpu","shape":[1,4,64,64],"steps":[]}
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from . import names, wire

if TYPE_CHECKING:
    from .channel import Sidecar


def to_text(recipe: wire.NoiseRecipe) -> str:
    """The recipe as one line."""
    recipe.encode()  # raises where a field holds what no recipe can
    out: Dict[str, Any] = {
        "seed": int(recipe.seed),
        "source": names.of(wire.NoiseSource(recipe.source)),
        "shape": [int(side) for side in recipe.shape],
        "steps": [_step_out(step) for step in recipe.steps],
    }
    if recipe.base_sha256:
        out["base_sha256"] = recipe.base_sha256
    return json.dumps(out, separators=(",", ":"))


def from_text(text: str) -> wire.NoiseRecipe:
    """The recipe of a line. Raises ValueError, which says what is wrong and what was expected."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:  # the latter of brackets in brackets in brackets
        raise ValueError(f"recipe: no JSON: {error}") from error
    given = _object(given, "recipe", ("seed", "source", "shape", "steps", "base_sha256"))
    source = given.get("source", "unspecified")
    steps = _list(given.get("steps", []), "recipe.steps")
    recipe = wire.NoiseRecipe(
        seed=_whole(given.get("seed"), "recipe.seed", (1 << 64) - 1),
        source=wire.NoiseSource.UNSPECIFIED if source == "unspecified" else names.parse(wire.NoiseSource, source, "recipe.source"),
        shape=[_whole(side, f"recipe.shape[{i}]", (1 << 31) - 1, 1) for i, side in enumerate(_list(given.get("shape"), "recipe.shape"))],
        steps=[_step_in(step, f"recipe.steps[{i}]") for i, step in enumerate(steps)],
        base_sha256=_text(given.get("base_sha256", ""), "recipe.base_sha256"),
    )
    if len(recipe.shape) != 4:
        raise ValueError(f"recipe.shape: {recipe.shape} (expected: [1, C, H, W])")
    return recipe


def is_plain_seed(recipe: wire.NoiseRecipe) -> bool:
    """Whether any host can draw the noise by itself, from the seed alone."""
    return not recipe.steps and not recipe.base_sha256


def is_replayable(recipe: wire.NoiseRecipe) -> bool:
    """Whether the sidecar can make the noise again from the recipe alone: it was turned at most, and began with a seed."""
    return not recipe.base_sha256 and all(step.perturbation is not None for step in recipe.steps)


def replay(sidecar: "Sidecar", recipe: wire.NoiseRecipe, poll: Optional[Callable[[], object]] = None) -> wire.Tensor:
    """The recipe's noise, float32 [1, C, H, W]. `poll` as in `Sidecar`. Raises ValueError where only the noise itself would do."""
    if not is_replayable(recipe):
        raise ValueError(f"recipe: {describe(recipe)} (expected: one without optimisation that begins with a seed; keep the noise itself of others)")
    return sidecar.sample_noise([recipe], poll=poll)[0]


def describe(recipe: wire.NoiseRecipe) -> str:
    """In a few words: "seed 7", "seed 7, turned" (zero-order search), "seed 7, optimised"."""
    begin = f"seed {recipe.seed}" if not recipe.base_sha256 else "the host's noise"
    if not recipe.steps:
        return begin
    turned = all(step.perturbation is not None for step in recipe.steps)
    return f"{begin}, {'turned' if turned else 'optimised'}"


def _step_out(step: wire.NoiseStep) -> Dict[str, Any]:
    if step.perturbation is not None:
        return {"kind": "perturbation", "seed": int(step.perturbation.seed), "step_size": float(step.perturbation.step_size)}
    made = step.optimization or wire.Optimization()
    return {"kind": "optimization", "algorithm": made.algorithm, "loss_evaluations": int(made.loss_evaluations)}


def _step_in(given: Any, field: str) -> wire.NoiseStep:
    kind = given.get("kind") if isinstance(given, dict) else None
    if kind == "perturbation":
        given = _object(given, field, ("kind", "seed", "step_size"))
        size = given.get("step_size")
        if isinstance(size, bool) or not isinstance(size, (int, float)):
            raise ValueError(f"{field}.step_size: {size!r} (expected: a number)")
        return wire.NoiseStep(perturbation=wire.Perturbation(_whole(given.get("seed"), f"{field}.seed", (1 << 64) - 1), float(size)))
    if kind == "optimization":
        given = _object(given, field, ("kind", "algorithm", "loss_evaluations"))
        spent = _whole(given.get("loss_evaluations", 0), f"{field}.loss_evaluations", (1 << 31) - 1)
        return wire.NoiseStep(optimization=wire.Optimization(_text(given.get("algorithm", ""), f"{field}.algorithm"), spent))
    raise ValueError(f"{field}.kind: {kind!r} (expected: perturbation or optimization)")


def _object(given: Any, field: str, known: "tuple[str, ...]") -> Dict[str, Any]:
    if not isinstance(given, dict):
        raise ValueError(f"{field}: {given!r} (expected: an object)")
    for key in given:
        if key not in known:
            raise ValueError(f"{field}.{key}: unknown (expected: one of {', '.join(known)})")
    return given


def _list(given: Any, field: str) -> List[Any]:
    if not isinstance(given, list):
        raise ValueError(f"{field}: {given!r} (expected: a list)")
    return given


def _whole(given: Any, field: str, high: int, low: int = 0) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not low <= given <= high:
        raise ValueError(f"{field}: {given!r} (expected: a whole number from {low} to {high})")
    return given


def _text(given: Any, field: str) -> str:
    if not isinstance(given, str):
        raise ValueError(f"{field}: {given!r} (expected: text)")
    return given
