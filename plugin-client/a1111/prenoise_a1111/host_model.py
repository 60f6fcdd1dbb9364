"""A search's host inside the web UI: evaluates noise on the model that is loaded, run by the web UI's own samplers.

Every evaluation is a nested run of a fresh sampler on a copy of the host's `p`, with one picture's conditioning: guidance, LoRA, ControlNet, masks,
refiner, extensions' callbacks and the first sigma are then what they will be. Attention is read from the queries and keys of the UNet's attention
layers, which AUTOMATIC1111 (LDM, SGM) and Forge name alike whatever attention optimisation is on; layers are found by how many queries they have.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import re
import weakref
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

import torch
from prenoise import PrenoiseError, Sidecar, arrays, tokens, torch_host, wire
from prenoise.host import Shot, Walked

from . import webui
from .settings import Settings

_LATENT_PIXELS = 8
_LEAST_WALK = 4  # sigmas: a path goes down at least twice and up once
_lasts: "weakref.WeakKeyDictionary[Any, Dict[Tuple[int, ...], int]]" = weakref.WeakKeyDictionary()


class HostModelError(PrenoiseError, RuntimeError):
    """Something that was asked of the host and that it cannot do; the message is for the user."""


class _Enough(Exception):
    """Ends a forward pass after the last layer that counts."""


def network(p: Any) -> Any:
    """The UNet, or what stands in its place. Raises HostModelError where the host has it elsewhere."""
    model = p.sd_model
    objects = getattr(model, "forge_objects", None)
    inner = objects.unet.model if objects is not None else getattr(model, "model", None)
    unet = getattr(inner, "diffusion_model", None)
    if unet is None:
        raise HostModelError(f"the network of {type(model).__name__} was not found (expected: a model of A1111 1.6 to 1.10 or of Forge)")
    return unet


def attention_layers(unet: Any) -> List[Tuple[Any, bool]]:
    """The attention layers in the order of their names, and whether each looks at the text."""
    return [
        (module, name.endswith("attn2"))
        for name, module in unet.named_modules()
        if name.endswith(("attn1", "attn2")) and all(hasattr(module, part) for part in ("to_q", "to_k", "heads"))
    ]


def cannot(p: Any, settings: Settings) -> Optional[str]:
    """Why these settings cannot be evaluated on the loaded model; None where they can."""
    if settings.strategy != "attention" and settings.algorithm == "first-order":
        return "the gradient of pictures does not go through the web UI's sampler (expected: another search, or evaluation on the sidecar)"
    try:
        unet = network(p)
    except HostModelError as error:
        return str(error)
    if settings.strategy != "pictures":
        if not attention_layers(unet):
            return (f"the attention of this model cannot be read: {type(unet).__name__} (expected: SD 1.x, SD 2.x or SDXL; choosing by pictures works "
                    "on any model)")
    return None


class HostModel:
    """A `prenoise.host.Host` for one picture of the batch that the host is about to sample. Lives on the generation thread."""

    def __init__(self, p: Any, index: int, settings: Settings, unit: torch.Tensor, x: Optional[torch.Tensor], poll: Callable[[], None]) -> None:
        """unit: [1, C, H, W], the picture's own noise; x: [1, C, H, W], the latents below it, None in txt2img."""
        self._p, self._index, self._settings, self._poll = p, index, settings, poll
        self._shape = tuple(unit.shape)
        self._device = unit.device
        self._hires = bool(getattr(p, "is_hr_pass", False))
        self._x = x
        self._unet = network(p)
        self._kept: Optional[_Kept] = None
        self._slope: Optional[Tuple[torch.Tensor, torch.Tensor]] = None
        self._input_scale: Optional[torch.Tensor] = None
        with self._nested(1) as nested:
            self._second_order = bool(getattr(getattr(nested.sampler, "config", None), "options", {}).get("second_order", False))
        self._sigmas = self._levels()

    # ---- what it can do ----

    def start(self, request: wire.OptimizeNoiseRequest) -> wire.HostStart:
        """The first message of a search on this host."""
        request.backbone, request.lora = "", []
        steps = max(1, len(self._sigmas) - 1)
        rows = 1 if float(self._p.cfg_scale) == 1.0 else 2
        walks = len(self._sigmas) >= _LEAST_WALK and self._sigmas[-1] == 0
        calls = 2 * steps - 1 if self._second_order else steps
        return wire.HostStart(
            request, list(self._shape), 1, self._fingerprint(), request.attention is not None,
            wire.HostSampler(calls, rows, list(self._sigmas) if walks else [], self._prediction()))

    def subjects(self, sidecar: Sidecar, named: Sequence[str]) -> List[wire.Subject]:
        """The prompt's subjects, each with the positions of its tokens in the web UI's own chunks. Raises WordNotFound."""
        text = self._first_text()
        found = sidecar.find_subjects(text, wire.PromptWeighting.A1111, [wire.Subject(text=word) for word in named], poll=self._poll)
        pieces = pieces_of(self._p.sd_model, text)
        return [tokens.token_indices(one, found.text, pieces) for one in found.subjects]

    def _first_text(self) -> str:
        """The first of what AND joins, whose attention is read, at the first step."""
        prompts = (getattr(self._p, "hr_prompts", None) if self._hires else None) or self._p.prompts
        return webui.first_step(re.split(r"\bAND\b", str(prompts[self._index]))[0], self._p, [])

    def _prediction(self) -> str:
        model = self._p.sd_model
        objects = getattr(model, "forge_objects", None)
        if getattr(model, "is_sd3", False):
            return "flow"
        kind = getattr(objects.unet.model.predictor, "prediction_type", "epsilon") if objects is not None else getattr(model, "parameterization", "eps")
        if kind == "const" or "flow" in str(kind):
            return "flow"
        return "v" if str(kind).startswith("v") else "eps"

    def _fingerprint(self) -> str:
        """A text that changes when the model, a LoRA, the prompt, the sampler or the picture below does."""
        p, digest = self._p, hashlib.sha256()
        known = webui.checkpoint(p)
        said = (known, webui.loras(p), webui.prompt(p, self._index, self._hires), p.sampler_name, p.cfg_scale, self._sigmas,
                webui.option("CLIP_stop_at_last_layers", 1), p.seeds[self._index], webui.option("sgm_noise_multiplier", False))
        digest.update(repr(said).encode())
        if self._x is not None:
            digest.update(arrays.from_torch(self._x).data)
        return f"webui {known.name if known else '?'} {digest.hexdigest()[:32]}"

    # ---- prenoise.host.Host ----

    def attention(self, noises: List[wire.Tensor], keep_graph: bool) -> List[wire.AttentionMaps]:
        """The maps of the first step, of the positive prompt alone, as far as the last layer that counts."""
        self.release()
        layers = attention_layers(self._unet)
        level = torch_host.grid(_LATENT_PIXELS * self._shape[2], _LATENT_PIXELS * self._shape[3])
        lasts = _lasts.setdefault(self._unet, {})
        out: List[wire.AttentionMaps] = []
        scale = self._scale_of_noise() if keep_graph else None
        for noise in noises:
            with contextlib.ExitStack() as stack:
                if keep_graph:
                    stack.enter_context(_graph_through(self._unet))
                tap = _Tap(layers, level, lasts.get(self._shape), stack if keep_graph else None)
                self._first_call(arrays.to_torch(noise), tap.run)
                if tap.maps.cross is None:
                    raise HostModelError("this model's attention was not seen: something else computes it (expected: a UNet that runs in torch; "
                                         "choosing by pictures works on any model)")
                lasts[self._shape] = tap.seen
                out += torch_host.to_wire(tap.maps.cross, tap.maps.self_)
                if scale is not None:
                    self._kept = _Kept(tap, stack.pop_all(), scale)
        return out

    def pictures(self, noises: List[wire.Tensor], seeds: List[int], predictions: bool, keep_graph: bool) -> List[Shot]:
        """Drawn by the user's own sampler and VAE.

        What a stochastic sampler adds on the way is the picture's own, not drawn from `seeds`: the picture that is made in the end has it too.
        """
        shots = []
        step = torch_host.prediction_step(self._sigmas, self._prediction()) if predictions and len(self._sigmas) > 1 else -1
        for noise in noises:
            heard: List[torch.Tensor] = []
            with self._nested(1) as nested:
                if step >= 0:
                    _listen(nested.sampler, step, heard)
                latents = self._sample(nested, self._ready(arrays.to_torch(noise)))
            shots.append(Shot(self._png(latents), self._png(heard[0]) if heard else None))
        return shots

    def walk(self, latents: List[wire.Tensor], start: int, end: int, pictures: bool) -> List[Walked]:
        """Between levels of the sigmas under the user's guidance, by Euler's method in the place of the sampler's own."""
        out = []
        for given in (arrays.to_torch(one) for one in latents):
            walked: List[torch.Tensor] = []

            def way(model: Any, x: Any, extra: Dict[str, Any], given: Any = given, walked: Any = walked) -> Any:
                levels = list(self._sigmas)

                def denoiser(at: Any, level: int) -> Any:
                    model.step = level
                    return model(at, at.new_full([at.shape[0]], levels[level]), **extra)

                x = torch_host.walk(x if start == 0 else given.to(x), levels, start, end, denoiser)
                walked.append(x)
                if pictures:
                    walked.append(x if end == len(levels) - 1 else denoiser(x, end))
                return x

            self._in_place_of_steps(given if start == 0 else torch.zeros(self._shape), way)
            ended = walked[0].float().cpu()
            if end == 0:
                below, scale = self._affine()
                ended = (ended - below) / scale
            out.append(Walked(arrays.from_torch(ended), self._png(walked[1]) if pictures else None))
        return out

    def backward(self, attention: Optional[List[wire.AttentionMaps]], images: Optional[List[wire.Tensor]]) -> List[wire.Tensor]:
        """The score's gradient on the noise of the kept graph, which is dropped."""
        if self._kept is None or not attention:
            raise HostModelError("a gradient was asked for that is of no kept graph (expected: one of attention maps, after an evaluation that keeps it)")
        try:
            return [arrays.from_torch(self._kept.gradient(attention))]
        finally:
            self.release()

    def release(self) -> None:
        """Drops the kept graph, if there is one."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    # ---- running the web UI ----

    @contextlib.contextmanager
    def _nested(self, batch: int, sampler: str = "") -> Iterator[Any]:
        """A copy of the host's p for one picture, with a sampler, generators and infotext of its own. What the host shares is put back."""
        from modules import sd_samplers
        from modules.rng import ImageRNG

        p, i = self._p, self._index
        nested = copy.copy(p)
        for name in ("prompts", "negative_prompts", "seeds", "subseeds", "all_prompts", "all_negative_prompts", "all_seeds", "all_subseeds"):
            given = getattr(p, name, None)
            own = getattr(p, name[4:], None) if name.startswith("all_") else given
            if given is not None and own is not None:
                setattr(nested, name, [own[i]] * batch)
        nested.batch_size, nested.n_iter, nested.iteration = batch, 1, 0
        nested.scripts, nested.extra_generation_params, nested.comments = None, {}, {}
        nested.refiner_checkpoint_info = None  # another checkpoint loaded and unloaded for each candidate
        if self._settings.search_steps:
            nested.steps = self._settings.search_steps
            if self._hires:
                nested.hr_second_pass_steps = self._settings.search_steps
        nested.rng = ImageRNG(self._shape[1:], nested.seeds, subseeds=nested.subseeds, subseed_strength=p.subseed_strength,
                              seed_resize_from_h=p.seed_resize_from_h, seed_resize_from_w=p.seed_resize_from_w)
        nested.rng.next()  # the noise that the sampler starts from comes from the search; what it adds on the way comes after it
        if getattr(p, "init_latent", None) is not None:
            nested.init_latent = p.init_latent[i : i + 1]
        name = (getattr(p, "hr_sampler_name", None) if self._hires else None) or p.sampler_name
        nested.sampler = sd_samplers.create_sampler(sampler or name, p.sd_model)
        nested.sampler.callback_state = lambda told: None  # the progress bars are the user's
        state = webui.shared().state
        kept = {name: getattr(state, name) for name in ("sampling_step", "sampling_steps", "current_latent") if hasattr(state, name)}
        devices = [self._device] if self._device.type == "cuda" else []
        try:
            with torch.random.fork_rng(devices):
                yield nested
        finally:
            for name, value in kept.items():
                setattr(state, name, value)

    def _sample(self, nested: Any, noise: torch.Tensor) -> torch.Tensor:
        """Latents of the user's whole pass. Raises what `poll` raises where the user has interrupted it."""
        p, i = self._p, self._index
        positive, negative = p.get_conds()
        positive, negative = _one_of(positive, i), None if negative is None else _one_of(negative, i)
        if self._x is None:
            image = nested.txt2img_image_conditioning(noise)
            latents = nested.sampler.sample(nested, noise, positive, negative, image_conditioning=image)
        else:
            image = getattr(p, "image_conditioning", None) if not self._hires else None
            image = nested.txt2img_image_conditioning(self._x) if image is None else image[i : i + 1]
            steps = {"steps": int(nested.hr_second_pass_steps or nested.steps)} if self._hires else {}
            latents = nested.sampler.sample_img2img(nested, self._x.to(noise), noise, positive, negative, image_conditioning=image, **steps)
        self._poll()
        return latents

    def _ready(self, unit: torch.Tensor) -> torch.Tensor:
        """As the host hands noise to its samplers: on its device, img2img's multiplied."""
        if tuple(unit.shape) != self._shape:
            raise HostModelError(f"noise of {list(unit.shape)} (expected: {list(self._shape)})")
        return unit.to(self._device) * webui.multiplier(self._p, self._hires)

    def _in_place_of_steps(self, unit: torch.Tensor, way: Callable[[Any, torch.Tensor, Dict[str, Any]], Any]) -> None:
        """Has the host prepare everything and then runs `way(model, x, arguments)` where it would take its steps.

        model is the host's guided denoiser, x its latents at the first sigma. By a k-diffusion sampler, because those of the other kind count in
        timesteps and scale latents otherwise.
        """
        with self._nested(1, "Euler") as nested:
            def steps(model: Any, x: Any, sigmas: Any = None, extra_args: Any = None, **_others: Any) -> Any:
                return way(model, x, extra_args or {})

            nested.sampler.func = steps
            with self._nested(1) as users:  # whose schedule may be another, or drop a step
                own = getattr(users.sampler, "get_sigmas", None)
            nested.sampler.get_sigmas = own or (lambda p, steps: torch.tensor(self._sigmas))
            self._sample(nested, self._ready(unit))

    def _first_call(self, unit: torch.Tensor, call: Callable[..., None]) -> None:
        """Runs the user's own pass up to its first call of the UNet, which `call(forward, x, args, kwargs)` takes over; nothing runs after it."""
        unet = self._unet
        forward, replaced = unet.forward, unet.__dict__.get("forward")

        def taken(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            if replaced is None:  # else an extension has its own forward, which may count on both prompts
                rows, row = x.shape[0], _positive_row(kwargs)
                x, args, kwargs = x[row : row + 1], _row_of(args, rows, row), _row_of(kwargs, rows, row)
            call(forward, x, args, kwargs)
            raise _Enough

        with self._nested(1) as nested:
            nested.cfg_scale = nested.hr_cfg = 1.0  # Forge then leaves the negative prompt out
            unet.forward = taken
            try:
                with contextlib.suppress(_Enough):
                    self._sample_first(nested, self._ready(unit))
            finally:
                if replaced is None:
                    del unet.forward
                else:
                    unet.forward = replaced

    def _sample_first(self, nested: Any, noise: torch.Tensor) -> None:
        """`_sample`, whose steps end at the first call: the exception is caught where the steps are, so that the host cleans up as always."""
        func = nested.sampler.func

        @functools.wraps(func)
        def until_enough(model: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
            with contextlib.suppress(_Enough):
                return func(model, x, *args, **kwargs)
            return x

        nested.sampler.func = until_enough
        self._sample(nested, noise)

    def _levels(self) -> Tuple[float, ...]:
        """The sigmas that the pass goes through, highest first; () where its sampler counts otherwise."""
        heard: List[float] = []
        with self._nested(1) as nested:
            if not hasattr(nested.sampler, "get_sigmas"):
                return tuple(webui.sigmas(nested, nested.steps)) if self._x is None else ()  # it begins between two of its steps

            def steps(model: Any, x: Any, sigmas: Any = None, extra_args: Any = None, **_others: Any) -> Any:
                heard.extend(float(sigma) for sigma in sigmas)
                return x

            nested.sampler.func = steps
            self._sample(nested, self._ready(torch.zeros(self._shape)))
        falling = all(high > low >= 0 for high, low in zip(heard, heard[1:]))
        return tuple(heard) if falling else ()

    def _affine(self) -> Tuple[torch.Tensor, torch.Tensor]:
        """What latents at the first sigma are made of: `below + scale * unit noise`, each [1, C, H, W]."""
        if self._slope is None:
            seen: List[torch.Tensor] = []
            for value in (torch.zeros(self._shape), torch.ones(self._shape)):
                self._in_place_of_steps(value, lambda model, x, extra: seen.append(x.float().cpu()) or x)
            self._slope = (seen[0], seen[1] - seen[0])
        return self._slope

    def _scale_of_noise(self) -> torch.Tensor:
        """By what unit noise is multiplied until the UNet sees it, [1, C, H, W]: scaling is affine, so two points of it tell."""
        if self._input_scale is None:
            seen: List[torch.Tensor] = []
            for value in (torch.zeros(self._shape), torch.ones(self._shape)):
                self._first_call(value, lambda forward, x, args, kwargs: seen.append(x[:1, : self._shape[1]].detach().float().cpu().clone()))
            self._input_scale = seen[1] - seen[0]
        return self._input_scale

    def _png(self, latents: torch.Tensor) -> bytes:
        from modules import processing

        decoded = processing.decode_latent_batch(self._p.sd_model, latents, target_device=torch.device("cpu"), check_for_nans=False)
        image = torch.clamp((decoded[0].float() + 1.0) / 2.0, min=0.0, max=1.0)
        return torch_host.png_of(image.movedim(0, -1))


# ---- attention ----


class _Tap:
    """Sums up the attention of one call of the UNet, one picture and the positive prompt; with a graph where `kept` holds what it needs open.

    Layers with the queries of `level` count. Of very large pictures their maps are pooled onto a coarser grid, which fits a message.
    """

    def __init__(self, layers: Sequence[Tuple[Any, bool]], level: Tuple[int, int], last: Optional[int], kept: Optional[contextlib.ExitStack]) -> None:
        self._level, self._grid = level, torch_host.fitting_grid(*level)
        self.maps = torch_host.MapSum(*self._grid)
        self.seen = 0
        self.leaf: Optional[torch.Tensor] = None
        self.half = False
        self._layers, self._last, self._stack = layers, last, kept

    def run(self, forward: Callable[..., Any], x: torch.Tensor, args: Any, kwargs: Any) -> None:
        handles = []
        for module, cross in self._layers:
            queries: List[torch.Tensor] = []
            handles.append(module.to_q.register_forward_hook(lambda _m, _i, out, queries=queries: queries.append(out)))
            handles.append(module.to_k.register_forward_hook(functools.partial(self._keys, module, cross, queries)))
        try:
            with contextlib.suppress(_Enough):
                if self._stack is None:
                    forward(x, *args, **kwargs)
                    return
                with torch.inference_mode(False), torch.enable_grad():
                    # Forge adds in place. Entered here, not around the host's own code, whose inference tensors it cannot look at. From torch 2.0 on.
                    self._stack.enter_context(getattr(torch.autograd.graph, "allow_mutation_on_saved_tensors", contextlib.nullcontext)())
                    self.half = x.dtype == torch.float16
                    self.leaf = x.detach().clone().float().requires_grad_()
                    forward(self.leaf.to(x.dtype), *_ordinary(args), **_ordinary(kwargs))
        finally:
            for handle in handles:
                handle.remove()

    def _keys(self, module: Any, cross: bool, queries: List[torch.Tensor], _module: Any, _inputs: Any, key: torch.Tensor) -> None:
        query = queries.pop() if queries else None
        queries.clear()
        if query is None or query.shape[1] != self._level[0] * self._level[1] or (not cross and key.shape[1] != query.shape[1]):
            return
        heads = int(module.heads)
        q, k = (part[:1].reshape(1, part.shape[1], heads, -1).transpose(1, 2) for part in (query, key))
        maps = torch_host.pooled_queries(torch_host.attention(q, k, q.shape[-1] ** -0.5), self._level, self._grid)
        if cross:
            self.maps.add_cross(maps, heads)
        else:
            self.maps.add_self(torch_host.pooled_keys(maps, self._level, self._grid), heads)
        self.seen += 1
        if self._last is not None and self.seen >= self._last:
            raise _Enough


class _Kept:
    """A graph from the UNet's input to the maps, and by what that input follows the noise."""

    def __init__(self, tap: _Tap, stack: contextlib.ExitStack, scale: torch.Tensor) -> None:
        self._tap, self._stack, self._scale = tap, stack, scale

    def gradient(self, slopes: List[wire.AttentionMaps]) -> torch.Tensor:
        tap = self._tap
        assert tap.leaf is not None and tap.maps.cross is not None
        with torch.inference_mode(False), torch.enable_grad():
            of_input = torch_host.attention_gradient(tap.leaf, tap.maps.cross, tap.maps.self_, slopes, tap.half)
        return of_input[:, : self._scale.shape[1]].float().cpu() * self._scale

    def close(self) -> None:
        self._stack.close()


@contextlib.contextmanager
def _graph_through(unet: Any) -> Iterator[None]:
    """Weights that a graph may hold, and no recomputing of blocks, which runs them under no_grad."""
    recomputing = [(module, name) for module in unet.modules() for name in ("checkpoint", "use_checkpoint") if getattr(module, name, None) is True]
    with torch.inference_mode(False):
        for module in unet.modules():
            for name, weight in list(module._parameters.items()):
                if weight is not None and weight.is_inference() and type(weight.data) is torch.Tensor:
                    module._parameters[name] = torch.nn.Parameter(weight.detach().clone(), requires_grad=False)
            for name, buffer in list(module._buffers.items()):
                if buffer is not None and buffer.is_inference():
                    module._buffers[name] = buffer.clone()
    for module, name in recomputing:
        setattr(module, name, False)
    try:
        yield
    finally:
        for module, name in recomputing:
            setattr(module, name, True)


def _ordinary(value: Any) -> Any:
    """Tensors that inference mode made, as ones that a graph may hold."""
    if isinstance(value, torch.Tensor):
        return value.clone() if value.is_inference() else value
    if isinstance(value, dict):
        return {key: _ordinary(one) for key, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_ordinary(one) for one in value)
    return value


def _positive_row(kwargs: Dict[str, Any]) -> int:
    """Where the positive prompt is in a batch of both: Forge says so, the others have it first."""
    marks = (kwargs.get("transformer_options") or {}).get("cond_or_uncond") or [0]
    return list(marks).index(0) if 0 in marks else 0


def _row_of(value: Any, rows: int, row: int) -> Any:
    """One of so many rows of every tensor that has them."""
    if isinstance(value, torch.Tensor):
        return value[row : row + 1] if value.ndim and value.shape[0] == rows else value
    if isinstance(value, dict):
        return {key: _row_of(one, rows, row) for key, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_row_of(one, rows, row) for one in value)
    return value


# ---- what the host holds ----


def _one_of(conditions: Any, index: int) -> Any:
    """One picture's conditioning out of a batch's, in the host's own type."""
    if hasattr(conditions, "batch"):
        return type(conditions)(shape=(1,), batch=[conditions.batch[index]])
    return conditions[index : index + 1]


def _listen(sampler: Any, step: int, heard: List[torch.Tensor]) -> None:
    """Has a sampler tell the clean latents that it predicts at a step."""
    func = sampler.func

    @functools.wraps(func)
    def listened(*args: Any, callback: Any = None, **kwargs: Any) -> Any:
        def called(told: Dict[str, Any]) -> None:
            if told.get("i") == step and told.get("denoised") is not None:
                heard[:] = [told["denoised"].detach().clone()]
            if callback is not None:
                callback(told)

        return func(*args, callback=called, **kwargs)

    sampler.func = listened


def pieces_of(model: Any, text: str) -> List[str]:
    """The tokens of a text as the host pads them, chunk after chunk of 77, as the pieces of CLIP's vocabulary. Raises HostModelError."""
    encoder = _encoder(model)
    chunks = encoder.process_texts([text])[0][0]
    return [piece for chunk in chunks for piece in _pieces(encoder, list(chunk.tokens))]


def _encoder(model: Any) -> Any:
    for name in ("text_processing_engine_l", "text_processing_engine"):  # Forge's
        if hasattr(model, name):
            return getattr(model, name)
    encoder = getattr(model, "cond_stage_model", None)
    encoder = next(iter(getattr(encoder, "embedders", ())), encoder)  # SDXL's first is CLIP-L
    if not hasattr(encoder, "process_texts"):
        raise HostModelError(f"the text encoder's tokens cannot be read: {type(encoder).__name__} (expected: CLIP, of SD 1.x, SD 2.x or SDXL)")
    return encoder


def _pieces(encoder: Any, ids: List[int]) -> List[str]:
    tokenizer = getattr(encoder, "tokenizer", None) or getattr(getattr(encoder, "wrapped", None), "tokenizer", None)
    if tokenizer is not None and hasattr(tokenizer, "convert_ids_to_tokens"):
        pieces = tokenizer.convert_ids_to_tokens(ids)
    else:  # OpenCLIP's, of SD 2.x
        import open_clip

        decoder = open_clip.tokenizer._tokenizer.decoder
        pieces = [decoder.get(one, "") for one in ids]
    return ["" if piece is None or piece in tokens.SPECIAL or piece == "!</w>" and one == 0 else str(piece) for piece, one in zip(pieces, ids)]
