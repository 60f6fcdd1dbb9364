"""The noise of a picture that was made before, as the line of text that infotext keeps: made again without a search."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

from prenoise import recipes, wire

OWN = "own noise"  # no candidate was better than the host's


class Pinned(NamedTuple):
    """seed: of the picture that the recipe belongs to; None: any. recipe: None: the host's own noise."""

    seed: Optional[int]
    recipe: Optional[wire.NoiseRecipe]


def line(seed: int, candidate: wire.Candidate) -> Optional[str]:
    """What infotext keeps of the candidate that a picture with this seed was made from; None where no recipe makes it again."""
    if candidate.index == 0:
        return f"{seed}={OWN}"
    if candidate.recipe is None or not recipes.is_replayable(candidate.recipe):
        return None
    return f"{seed}={recipes.to_text(candidate.recipe)}"


def read(text: str) -> Optional[Pinned]:
    """A line of infotext, or a recipe of another host, which has no seed before it. None for an empty text.

    Raises ValueError where it is neither.
    """
    text = text.strip()
    if not text:
        return None
    begun = re.match(r"(\d+)=", text)
    seed = int(begun.group(1)) if begun else None
    rest = text[begun.end():] if begun else text
    return Pinned(seed, None if rest == OWN else recipes.from_text(rest))
