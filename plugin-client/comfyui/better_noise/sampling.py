"""Where ComfyUI's samplers meet a search: the OUTER_SAMPLE wrapper of a MODEL, and a NOISE for SamplerCustomAdvanced."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Optional

import comfy.patcher_extension
import comfy.sample
import comfy.sampler_helpers
import torch
from prenoise import wire
from prenoise.channel import Sidecar
from prenoise.errors import PrenoiseError
from prenoise.tokens import token_indices

from . import comfy_ui, graph, recipes, searching, status
from .comfy_ui import NodeUi
from .fingerprint import WRAPPER_KEY
from .graph import Graph
from .requests import Picture
from .searching import Record, SearchFailed, Task
from .settings import NEVER, PLAIN_NOISE, SIDECAR, Settings
from .token_text import pieces_of

_MAX_SIGMA_TOLERANCE = 1e-5  # as ComfyUI's own comparison of the first sigma with the model's greatest
_LONGEST_MESSAGE = 600

_inside = threading.local()


@dataclass(frozen=True)
class Node:
    """One Better Noise node: what it was given, and where it keeps what it finds.

    `graph` is the workflow as it was when the node ran. `text` is the prompt's where the user connected it. `clip` and `vae` may be None.
    """

    node_id: str
    settings: Settings
    record: Record
    graph: Graph
    text: Optional[str] = None
    clip: Any = None
    vae: Any = None


@dataclass(frozen=True)
class Sampling:
    """One call of a sampler, as ComfyUI makes it.

    `guider` is a CFGGuider; `latent` [B, C, H, W] is what sampling starts from, zero for text to image; `mask` in latent size, 1 where the
    picture is drawn afresh, or None; `sigmas` the sampler's own, highest first.
    """

    guider: Any
    sampler: Any
    sigmas: torch.Tensor
    latent: torch.Tensor
    mask: Optional[torch.Tensor]
    seed: int

    @property
    def starts_from_picture(self) -> bool:
        """Whether this is image to image or a second stage: there is a picture, and less noise on it than hides it."""
        return self.sigma_fraction < 1 - _MAX_SIGMA_TOLERANCE and bool(torch.count_nonzero(self.latent))

    @property
    def sigma_fraction(self) -> float:
        """The first sigma as a share of the model's greatest."""
        greatest = float(self.guider.model_patcher.get_model_object("model_sampling").sigma_max)
        return float(self.sigmas[0]) / greatest

    @property
    def text_tokens(self) -> Optional[int]:
        """The length of the positive conditioning in tokens; None where there is none."""
        conditions = _conditions(self.guider, "positive")
        tensor = conditions[0].get("cross_attn") if conditions else None
        return None if tensor is None else int(tensor.shape[1])


class BetterNoiseWrapper:
    """Replaces the noise of every sampler that a MODEL goes into.

    It also fires for each tile of a tiled sampler and for detailers, on their noise; within a search, which samples the same model for its
    pictures, it stands aside.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def __call__(
        self,
        executor: Any,
        noise: torch.Tensor,
        latent_image: torch.Tensor,
        sampler: Any,
        sigmas: torch.Tensor,
        denoise_mask: Optional[torch.Tensor] = None,
        callback: Any = None,
        disable_pbar: bool = False,
        seed: Optional[int] = None,
        **others: Any,
    ) -> Any:
        if not getattr(_inside, "search", False):
            sampling = Sampling(executor.class_obj, sampler, sigmas, latent_image, denoise_mask, seed or 0)
            noise = better_noise(self._node, noise, sampling)
        return executor(noise, latent_image, sampler, sigmas, denoise_mask, callback, disable_pbar, seed, **others)


class BetterNoise:
    """A NOISE: ComfyUI asks it for the noise of a latent, after empty latents got the model's channels.

    `seed` also seeds what stochastic samplers add on the way, so it stays the user's.
    """

    def __init__(self, node: Node, seed: int, guider: Any, sampler: Any, sigmas: torch.Tensor) -> None:
        self.seed = seed
        self._node, self._guider, self._sampler, self._sigmas = node, guider, sampler, sigmas

    def generate_noise(self, input_latent: dict[str, Any]) -> torch.Tensor:
        """Noise of the latent's shape, unit variance, on the CPU."""
        latent = input_latent["samples"]
        noise = comfy.sample.prepare_noise(latent, self.seed, input_latent.get("batch_index"))
        if getattr(_inside, "search", False) or len(self._sigmas) < 2:
            return noise
        mask = input_latent.get("noise_mask")
        if mask is not None and isinstance(noise, torch.Tensor):
            mask = comfy.sampler_helpers.prepare_mask(mask, noise.shape, latent.device)
        return better_noise(self._node, noise, Sampling(self._guider, self._sampler, self._sigmas, latent, mask, self.seed))


class GivenNoise:
    """A NOISE that was found before, one image after the other; images beyond those that there are get the seed's own."""

    def __init__(self, noises: torch.Tensor, seed: int) -> None:
        self.seed = seed
        self._noises = noises

    def generate_noise(self, input_latent: dict[str, Any]) -> torch.Tensor:
        """Noise of the latent's shape on the CPU. Raises ValueError where the noises were made for another size."""
        latent = input_latent["samples"]
        return with_noises(comfy.sample.prepare_noise(latent, self.seed, input_latent.get("batch_index")), self._noises)


class RecipeWrapper:
    """Replaces the noise of every sampler that a MODEL goes into by that of a recipe."""

    def __init__(self, node_id: str, recipe: str, on_error: str, img2img: bool, target: str) -> None:
        self._node_id, self._recipe, self._on_error, self._img2img, self._target = node_id, recipe, on_error, img2img, target

    def __call__(self, executor: Any, noise: Any, latent_image: Any, sampler: Any, sigmas: torch.Tensor, *others: Any, **named: Any) -> Any:
        sampling = Sampling(executor.class_obj, sampler, sigmas, latent_image, None, 0)
        if not getattr(_inside, "search", False) and wants_noise(noise, sampling, self._img2img):
            ui = NodeUi(self._node_id)
            with failing_as_asked(self._node_id, self._on_error, ui):
                noise = recipes.noises_from(self._recipe, noise, self._target, ui.poll)
        return executor(noise, latent_image, sampler, sigmas, *others, **named)


def with_noises(plain: torch.Tensor, noises: torch.Tensor) -> torch.Tensor:
    """The plain noise [B, C, H, W] with its first images replaced. Raises ValueError where channels or size differ."""
    images = searching.as_images(plain)
    if noises.shape[1:] != images.shape[1:]:
        raise ValueError(f"noise of {list(noises.shape[1:])} does not fit a latent of {list(images.shape[1:])} (channels, height, width)")
    count = min(len(noises), len(images))
    replaced = torch.cat([noises[:count].to(device=plain.device, dtype=plain.dtype), images[count:]])
    return replaced.reshape(plain.shape)


def wrapped(model: Any, wrapper: Any) -> Any:
    """A clone of a MODEL whose samplers go through a wrapper."""
    clone = model.clone()
    clone.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.OUTER_SAMPLE, WRAPPER_KEY, wrapper)
    return clone


def better_noise(node: Node, noise: Any, sampling: Sampling) -> Any:
    """What is sampled from instead of the host's noise.

    The noise itself where there is nothing to search for: it is zero, or sampling starts from a picture and the user did not ask for that. A
    search that fails follows `on_error`.
    """
    ui = NodeUi(node.node_id)
    if not wants_noise(noise, sampling, node.settings.img2img):
        if isinstance(noise, torch.Tensor) and sampling.starts_from_picture:
            ui.tell("skipped: sampling starts from a picture (turn img2img on to search there too)")
        return noise
    node.record.clear()
    result = noise
    _inside.search = True
    try:
        # Samplers run in inference mode, whose tensors can never be part of a gradient; a clone made outside of it can.
        with failing_as_asked(node.node_id, node.settings.on_error, ui), torch.inference_mode(False):
            result = _search(node, noise.clone(), sampling, ui)
            _say_what_was_found(node, ui)
    finally:
        _inside.search = False
    return result


def wants_noise(noise: Any, sampling: Sampling, img2img: bool) -> bool:
    """Whether there is noise to better: not where it is zero, nor, unless asked for, where sampling starts from a picture."""
    return isinstance(noise, torch.Tensor) and bool(torch.count_nonzero(noise)) and (img2img or not sampling.starts_from_picture)


@contextlib.contextmanager
def failing_as_asked(node_id: str, on_error: str, ui: NodeUi) -> Iterator[None]:
    """What goes wrong in the block is told, and ends the run or not as `on_error` says. An interrupt always goes on."""
    try:
        yield
    except comfy_ui.interrupts():
        raise
    except Exception as problem:  # whatever it is, on_error says what becomes of the picture
        text = message_of(problem)
        if on_error != PLAIN_NOISE:
            raise RuntimeError(f"Better Noise: {text}") from problem
        status.fell_back(node_id)
        ui.warn(f"{text}. The picture is made from plain noise.")


def message_of(problem: BaseException) -> str:
    """One line that tells a user what went wrong."""
    known = isinstance(problem, (PrenoiseError, SearchFailed, ValueError))
    text = str(problem) if known and str(problem) else f"{type(problem).__name__}: {problem}"
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 3] + "..."


def _search(node: Node, noise: torch.Tensor, sampling: Sampling, ui: NodeUi) -> torch.Tensor:
    settings = node.settings
    searching.as_images(noise)
    live, sampler_id = comfy_ui.running_graph()
    workflow = live if live is not None else node.graph
    texts = graph.texts_for(workflow, sampler_id, node.node_id)
    text = node.text if node.text is not None else texts.positive
    if text is None:
        raise SearchFailed("the prompt's text was not found in the workflow: connect it to the input prompt of Better Noise")
    sidecar = Sidecar(settings.options.target)
    picture = Picture(
        text=text,
        negative_text=texts.negative or "",
        sampler=getattr(getattr(sampling.sampler, "sampler_function", None), "__name__", ""),
        sigmas=tuple(float(sigma) for sigma in sampling.sigmas),
        guidance_scale=float(getattr(sampling.guider, "cfg", 1.0)),
        noise_shape=(1, *searching.as_images(noise).shape[1:]),
    )
    task = Task(settings, picture, sampling.seed)
    if settings.evaluate_on == SIDECAR:
        if sampling.starts_from_picture:
            raise SearchFailed("the sidecar cannot see the picture that sampling starts from; set evaluate_on to host")
        source = graph.model_source(workflow, node.node_id if sampler_id is None else sampler_id)
        task = Task(settings, picture, sampling.seed, source=source, subjects=[wire.Subject(text=word) for word in settings.subjects])
    else:
        task = _host_task(node, sampling, picture, sidecar, ui)
    try:
        result = searching.better_noise(noise, task, sidecar, ui, node.record)
    except BaseException:
        if settings.options.release_memory:
            # Who pressed cancel does not wait for the sidecar to end what it evaluates just now.
            threading.Thread(target=_release, args=(sidecar,), name="prenoise-release", daemon=True).start()
        raise
    if settings.options.release_memory:
        problem = _release(sidecar, ui.poll)
        if problem:
            ui.tell(f"the sidecar's memory was not released: {problem}")
    return result


def _host_task(node: Node, sampling: Sampling, picture: Picture, sidecar: Sidecar, ui: NodeUi) -> Task:
    """A search that this very model evaluates."""
    from .host_model import HostModel, Sampled, map_pieces

    settings, options = node.settings, node.settings.options
    if node.vae is None and not settings.judges_pictures:
        # Nothing here can draw a preview; the search needs none.
        settings = replace(settings, options=replace(options, preview=NEVER))
    latent = searching.as_images(sampling.latent)

    def host(index: int) -> HostModel:
        mask = None if sampling.mask is None else sampling.mask[min(index, len(sampling.mask) - 1)][None]
        return HostModel(
            Sampled(
                guider=sampling.guider,
                sampler=sampling.sampler,
                sigmas=sampling.sigmas,
                latent=latent[index : index + 1],
                mask=mask,
                seed=sampling.seed,
                vae=node.vae,
                judged_steps=options.judged_steps,
                gradient_calls=options.gradient_calls,
            )
        )

    subjects: list[wire.Subject] = []
    if settings.reads_attention:
        model = sampling.guider.model_patcher
        if node.clip is not None:
            tokens, tokenizer = node.clip.tokenize(picture.text), node.clip.tokenizer
        else:
            tokenizer = default_tokenizer(type(model.model).__name__)
            tokens = tokenizer.tokenize_with_weights(picture.text)
        length = sampling.text_tokens
        if length is None:
            raise SearchFailed("the conditioning has no text to attend to; use a verifier search")
        pieces = map_pieces(model, pieces_of(tokens, tokenizer, picture.text, length))
        named = [wire.Subject(text=word) for word in settings.subjects]
        found = sidecar.find_subjects(picture.text, wire.PromptWeighting.COMFYUI, named, poll=ui.poll)
        if not found.subjects:
            raise SearchFailed(
                "no subject was found in the prompt, and an attention loss looks at subjects: name them in subjects, or use a verifier search"
            )
        subjects = [token_indices(subject, found.text, pieces) for subject in found.subjects]
    return Task(settings, picture, sampling.seed, host=host, interrupts=comfy_ui.interrupts(), subjects=subjects)


@functools.lru_cache(maxsize=2)
def default_tokenizer(model: str) -> Any:
    """The tokenizer of a kind of model, for when no text encoder is connected. All of CLIP's count alike."""
    if model == "SD3":
        from comfy.text_encoders.sd3_clip import SD3Tokenizer

        return SD3Tokenizer()
    if model == "Flux":
        from comfy.text_encoders.flux import FluxTokenizer

        return FluxTokenizer()
    from comfy.sd1_clip import SD1Tokenizer

    return SD1Tokenizer()


def _release(sidecar: Sidecar, poll: Optional[Callable[[], None]] = None) -> str:
    """Gives the card's memory back before the host samples. What went wrong with it, which takes no noise away; "" where nothing did."""
    try:
        sidecar.release_memory(poll=poll)
    except PrenoiseError as problem:
        return message_of(problem)
    return ""


def _say_what_was_found(node: Node, ui: NodeUi) -> None:
    with node.record.lock:
        found, chosen = list(node.record.found), list(node.record.chosen)
    if not chosen:
        return
    best, plain = chosen[0], found[0].plain
    score = f"{best.score:.4g}" + (
        "" if plain is None else f" (plain noise: {plain.score:.4g}, {'lower' if best.score_is_loss else 'higher'} is better)"
    )
    what = "the plain noise is the best" if best.index == 0 else f"candidate {best.index}"
    ui.tell(f"{what}, score {score}" + ("" if len(chosen) == 1 else f"; {len(chosen)} images"))


def _conditions(guider: Any, name: str) -> list[dict[str, Any]]:
    """The guider's conditionings, converted: within sampling `conds`, before it `original_conds`."""
    conds = getattr(guider, "conds", None) or getattr(guider, "original_conds", {})
    return list(conds.get(name, []))
