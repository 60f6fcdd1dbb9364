"""What was found, as text, numbers and pictures; and the way back from text to noise. Knows torch, not ComfyUI."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from typing import Any, Optional

import torch
from prenoise import recipes, wire
from prenoise.arrays import from_torch, to_torch
from prenoise.channel import Sidecar

from .searching import Record, SearchFailed, as_images

NOTHING_FOUND = "nothing was found: the search failed or was skipped, or this node ran before it (connect the sampler's latent to samples)"
NO_PICTURES = "no pictures of the candidates: set preview to best so far in Better Noise Options"


def candidates_of(record: Record, image: int) -> tuple[wire.Candidate, ...]:
    """The best candidates of one image's search; none where no search was successful. Raises SearchFailed for an image that there is not."""
    with record.lock:
        found = list(record.found)
    if not found:
        return ()
    if image >= len(found):
        raise SearchFailed(f"image: {image} (expected: less than {len(found)}, as many as were searched for)")
    return found[image].candidates


def noise_of(candidate: wire.Candidate) -> torch.Tensor:
    """A candidate's noise, [1, C, H, W]."""
    if candidate.noise is None:
        raise SearchFailed(f"candidate {candidate.index} came without its noise")
    return to_torch(candidate.noise)


def pictures_of(candidates: Sequence[wire.Candidate]) -> Optional[torch.Tensor]:
    """The preview pictures, [N, H, W, 3] in 0 to 1, of those that have one; None where none has."""
    import numpy
    from PIL import Image

    images = [Image.open(io.BytesIO(each.preview_png)).convert("RGB") for each in candidates if each.preview_png]
    if not images:
        return None
    size = images[0].size
    arrays = [numpy.asarray(image if image.size == size else image.resize(size), dtype=numpy.float32) / 255 for image in images]
    return torch.from_numpy(numpy.stack(arrays))


def scores_of(candidates: Sequence[wire.Candidate]) -> str:
    """One line for each candidate: place, index, score, its terms, how it was made."""
    lines = []
    for place, each in enumerate(candidates, 1):
        terms = ", ".join(f"{name} {value:.4g}" for name, value in sorted(each.terms.items()))
        made = recipes.describe(each.recipe) if each.recipe is not None else ""
        lines.append(f"{place}. candidate {each.index}: {each.score:.6g}" + (f" ({terms})" if terms else "") + (f", {made}" if made else ""))
    return "\n".join(lines)


def recipes_of(record: Record) -> str:
    """One line for each image of the batch; "" where no search was successful."""
    with record.lock:
        chosen = list(record.chosen)
    return "\n".join(line_of(candidate) for candidate in chosen)


def line_of(candidate: wire.Candidate) -> str:
    """A candidate's recipe as one line. Where numbers do not give the noise again, the line has the noise itself."""
    recipe = candidate.recipe or wire.NoiseRecipe()
    line: dict[str, Any] = json.loads(recipes.to_text(recipe))
    if recipe.steps and not recipes.is_replayable(recipe):
        line["noise"] = base64.b64encode(from_torch(noise_of(candidate).float()).data).decode("ascii")
    return json.dumps(line, separators=(",", ":"))


def noises_from(text: str, plain: torch.Tensor, target: str, poll: Optional[Callable[[], None]] = None) -> torch.Tensor:
    """The noises of a recipe's lines for a batch, in its shape, dtype and device; images beyond the lines keep the plain noise.

    plain: the host's own, [B, C, H, W]. The sidecar at `target` is asked only where a recipe turns its noise; `poll` is called while it is
    waited for. Raises ValueError for a text that is no recipe or does not fit the batch.
    """
    images = as_images(plain)
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("recipe: empty (expected: the text of Better Noise Recipe)")
    results = []
    for index in range(len(images)):
        image = images[index : index + 1]
        if index >= len(lines):
            results.append(image)
            continue
        results.append(_noise_from(lines[index], index + 1, image, target, poll).to(device=plain.device, dtype=plain.dtype))
    return torch.cat(results).reshape(plain.shape)


def _noise_from(line: str, number: int, plain: torch.Tensor, target: str, poll: Optional[Callable[[], None]]) -> torch.Tensor:
    where = f"recipe, line {number}"
    try:
        given = json.loads(line)
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"{where}: no JSON: {problem}") from problem
    data = given.pop("noise", None) if isinstance(given, dict) else None
    try:
        recipe = recipes.from_text(json.dumps(given))
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"{where}: {problem}") from problem
    if recipe.shape != list(plain.shape):  # before anything of that size is made: texts come with workflows of anybody's
        raise ValueError(f"{where}: noise of shape {recipe.shape} (expected: {list(plain.shape)}, this latent's)")
    if data is not None:
        return _decoded(data, recipe.shape, where)
    if recipe.base_sha256 and not recipe.steps:
        if hashlib.sha256(from_torch(plain.float()).data).hexdigest() != recipe.base_sha256:
            raise ValueError(
                f"{where}: the sampler's own noise was the best, but this is another (expected: the seed and size that it was found with)"
            )
        return plain
    if not recipes.is_replayable(recipe):
        raise ValueError(f"{where}: {recipes.describe(recipe)} (expected: the noise in the line, which Better Noise Recipe writes)")
    if recipes.is_plain_seed(recipe) and recipe.source in (wire.NoiseSource.UNSPECIFIED, wire.NoiseSource.TORCH_CPU):
        return torch.randn(recipe.shape, generator=torch.Generator("cpu").manual_seed(_signed(recipe.seed)))
    return to_torch(recipes.replay(Sidecar(target), recipe, poll))


def _decoded(data: Any, shape: Sequence[int], where: str) -> torch.Tensor:
    try:
        values = base64.b64decode(data, validate=True)
        noise = to_torch(wire.Tensor(wire.DataType.FLOAT32, list(shape), values))
    except (binascii.Error, TypeError, ValueError) as problem:
        raise ValueError(f"{where}: noise: {problem} (expected: base64 of float32 values)") from problem
    if not bool(torch.isfinite(noise).all()):
        raise ValueError(f"{where}: noise: values that are no numbers")
    return noise


def _signed(seed: int) -> int:
    """torch takes 64 bits with a sign."""
    return seed - (1 << 64) if seed >= 1 << 63 else seed
