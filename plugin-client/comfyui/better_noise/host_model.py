"""A search's host inside ComfyUI: evaluates noise on the model that ComfyUI has loaded, as its own sampler would run it.

Attention and walks run in a `comfy.samplers.Sampler` of their own and pictures in the user's, each under a guider, so that ComfyUI does what it
always does: LoRA, patches, hooks, guidance, ControlNets and masks count. Nothing stays behind: options are copies, and weights that had
to become ordinary tensors for a gradient have the same values.
"""

from __future__ import annotations

import contextlib
import copy
import math
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Optional

import comfy.model_management
import comfy.model_patcher
import comfy.model_sampling
import comfy.sampler_helpers
import comfy.samplers
import torch
from prenoise import arrays, torch_host, wire
from prenoise.errors import PrenoiseError
from prenoise.host import Shot, Walked

from .attention_tap import AttentionOutOfReach, AttentionTap, Enough, Layout, is_flux
from .fingerprint import Fingerprint

_MOST_AT_ONCE = 8
_MEMORY_SHARE = 0.6  # of what is free: the maps and what other nodes keep need some
_OF_A_RUN = frozenset(("model_patcher", "model_options", "original_conds", "conds", "inner_model", "loaded_models"))  # of a guider's attributes
_LATENT_PIXELS = 8
_LEAST_WALK = 4  # sigmas: a path goes down at least twice and up once

_lasts: "weakref.WeakKeyDictionary[Any, dict[tuple[Any, ...], int]]" = weakref.WeakKeyDictionary()


class HostModelError(PrenoiseError, RuntimeError):
    """Something that was asked of the host and that it cannot do; the message is for the user."""


@dataclass(frozen=True)
class Sampled:
    """One call of a sampler, which a search looks for the noise of.

    `guider` is a CFGGuider or of its kind, with its conditionings set, within its sampling or before it; searches inside must stand aside while
    this host samples on its model. `latent` [1, C, H, W] is what sampling starts from, `mask` [1, *, H, W] or None is 1 where it draws, `sigmas`
    are the sampler's, highest first. `vae` may be None: then there are no pictures. `judged_steps`: how many steps the pictures that are judged
    take, 0 = all. `gradient_calls`: through how many of a picture's last denoiser calls a gradient goes back, 0 = all.
    """

    guider: Any
    sampler: Any
    sigmas: torch.Tensor
    latent: torch.Tensor
    mask: Optional[torch.Tensor] = None
    seed: int = 0
    vae: Any = None
    judged_steps: int = 0
    gradient_calls: int = 0


def map_pieces(model: Any, pieces: Sequence[str]) -> list[str]:
    """A text's tokens by column of the maps: a model whose text has no start token has a first column that stands for no token."""
    return ["", *pieces] if is_flux(model.get_model_object("diffusion_model")) else list(pieces)


class HostModel:
    """A `prenoise.host.Host` for one image. One thread at a time, the one that ComfyUI runs nodes on."""

    def __init__(self, sampled: Sampled) -> None:
        with torch.inference_mode(False):
            self._sampled = sampled
            self._model = sampled.guider.model_patcher
            self._sigmas = fewer(sampled.sigmas.detach().float().cpu().clone(), sampled.judged_steps)
            self._first_sigmas = sampled.sigmas.detach().float().cpu().clone()
            self._latent = sampled.latent.detach().cpu().float().clone()
            self._mask = None if sampled.mask is None else sampled.mask[:, :1].detach().cpu().float().clone()
        if self._latent.ndim != 4:
            raise HostModelError(f"a latent of {list(self._latent.shape)} (expected: [1, C, H, W]; videos are not searched)")
        self._conditions = _conditions(sampled.guider)
        self._habits = _habits(sampled.sampler, self._sigmas, self._sampling())
        self._kept: Optional[_Kept] = None

    # ---- what it can do ----

    def start(self, request: wire.OptimizeNoiseRequest, at_once: int = 0) -> wire.HostStart:
        """The first message of a search on this host. `at_once`: how many noises the user wants it to take, 0 = as many as fit its memory. Raises AttentionOutOfReach or HostModelError where the request asks for what it cannot do."""
        if request.verifier is None:
            self.layout()
        if request.attention is None:
            self._require_pictures()
        search = request.cascade.verify if request.cascade is not None else request.verifier
        if search is not None and search.algorithm == wire.SearchAlgorithm.FIRST_ORDER and self.no_picture_gradient():
            raise HostModelError(self.no_picture_gradient())
        gradients = search is None or not self.no_picture_gradient()
        return wire.HostStart(request, list(self._latent.shape), self.max_batch(request, at_once), self.fingerprint(), gradients, self.sampler())

    def layout(self) -> Layout:
        """Where the maps come from. Raises AttentionOutOfReach, whose message is for the user."""
        return Layout.of(self._model.get_model_object("diffusion_model"), *self._latent.shape[2:])

    def sampler(self) -> wire.HostSampler:
        """How pictures are drawn here; without sigmas where search over paths cannot be."""
        sigmas = [float(sigma) for sigma in self._sigmas]
        falls = all(a > b for a, b in zip(sigmas, sigmas[1:])) and sigmas[-1] == 0 and len(sigmas) >= _LEAST_WALK
        calls = self._habits.calls
        return wire.HostSampler(
            calls, self._rows(), sigmas if falls else [], self.prediction(), min(self._sampled.gradient_calls, calls)
        )

    def prediction(self) -> str:
        """How noise is added at a sigma: "eps", "v" or "flow"."""
        sampling = self._sampling()
        if isinstance(sampling, comfy.model_sampling.CONST):
            return "flow"
        return "v" if isinstance(sampling, comfy.model_sampling.V_PREDICTION) else "eps"

    def max_batch(self, request: wire.OptimizeNoiseRequest, at_once: int = 0) -> int:
        """How many noises at once: as many as the user wants or memory takes, but no more than fit, with what comes of them, into one message."""
        return max(1, min(at_once if at_once > 0 else self._memory_batch(), self._message_batch(request)))

    def _message_batch(self, request: wire.OptimizeNoiseRequest) -> int:
        channels, height, width = self._latent.shape[1:]
        noise = 4 * channels * height * width
        if request.verifier is not None or request.cascade is not None:
            search = request.verifier or request.cascade.verify
            pixels = _LATENT_PIXELS**2 * height * width
            # Pictures and predictions at worst as large as their pixels; their gradients are float32.
            noise = max(noise, pixels * (12 if search.algorithm == wire.SearchAlgorithm.FIRST_ORDER else 6))
        most = torch_host.SHARED_BYTES // noise
        if request.verifier is None:
            layout = self.layout()
            tokens = max(self._text_lengths(), default=0) + int(layout.outside)
            most = min(most, torch_host.largest_batch(layout.rows * layout.columns, tokens))
        return most

    def _memory_batch(self) -> int:
        """How many noises fit into the memory that is free; 1 on a processor, where several at once save nothing."""
        device = self._model.load_device
        if comfy.model_management.is_device_cpu(device):
            return 1
        rows = self._rows()
        one = self._model.memory_required([rows, *self._latent.shape[1:]])
        free = comfy.model_management.get_free_memory(device) * _MEMORY_SHARE
        return max(1, min(_MOST_AT_ONCE, int(free / max(1, one))))

    def no_picture_gradient(self) -> str:
        """Why a picture's gradient cannot go back to the noise; "" where it can."""
        if self._sampled.vae is None:
            return "pictures need a VAE: connect one to Better Noise"
        if not self._habits.differentiable:
            return "this sampler cannot be gone back through (expected: euler, heun, dpmpp_2m or another of ComfyUI's own, without cfg_pp)"
        return ""

    def fingerprint(self) -> str:
        """A text that changes when anything does that a picture hangs on: weights, patches, conditionings, sampler, guider, VAE, what it starts from."""
        sampled, model = self._sampled, self._model
        guider = {name: value for name, value in vars(sampled.guider).items() if name not in _OF_A_RUN}
        found = Fingerprint()
        found.patcher(model)
        found.add(self._sampling())
        found.add([self._conditions, self._latent, self._mask, self._sigmas, self._first_sigmas])
        found.add([sampled.sampler, type(sampled.guider), guider, sampled.vae])
        sampler = getattr(sampled.sampler, "sampler_function", sampled.sampler)
        name = getattr(sampler, "__name__", type(sampler).__name__)
        return f"comfyui {type(model.model).__name__} {name} cfg {getattr(sampled.guider, 'cfg', 1.0)} {found.hex()}"

    # ---- prenoise.host.Host ----

    def attention(self, noises: list[wire.Tensor], keep_graph: bool) -> list[wire.AttentionMaps]:
        """The maps of the first step: the positive conditioning alone, as far as the last layer that counts."""
        self.release()
        layout = self.layout()
        network = self._model.get_model_object("diffusion_model")
        lasts = _lasts.setdefault(self._model.model, {})
        key = (*self._latent.shape[1:], *self._text_lengths(), *self._patches())
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._differentiable() if keep_graph else torch.inference_mode())
            noise = self._stack(noises).requires_grad_(keep_graph)
            tap = AttentionTap(layout, len(noises), lasts.get(key), keep_graph)
            guider = self._guider(positive_only=True)
            tap.install(guider.model_options)
            with tap.on(network):
                self._run(guider, _FirstStep(noise), noise.detach(), self._first_sigmas)
            cross, own = tap.maps.cross, tap.maps.self_
            if cross is None:
                raise AttentionOutOfReach(
                    "this model's attention was not seen: another node computes it itself (expected: a model without attention patches, or a "
                    "verifier search, which works on any model)"
                )
            if not tap.ended:
                lasts[key] = tap.seen
            maps = torch_host.to_wire(cross, own)
            if keep_graph:
                half = self._model.model_dtype() == torch.float16
                self._kept = _KeptMaps(noise, cross, own, half, stack.pop_all())
            return maps

    def pictures(self, noises: list[wire.Tensor], seeds: list[int], predictions: bool, keep_graph: bool) -> list[Shot]:
        """Drawn by the user's own sampler, guider and VAE.

        A stochastic sampler draws what it adds from the user's own seed, not from `seeds`: the picture that is made in the end does so too, as
        its noise alone is exchanged.
        """
        self.release()
        self._require_pictures()
        if keep_graph:
            return self._pictures_with_graph(noises)
        step = torch_host.prediction_step([float(s) for s in self._sigmas], self.prediction()) if predictions else -1
        shots = []
        # Drawn in one batch, a stochastic sampler gives each noise a share of one stream, and the picture another than it has alone.
        size = 1 if self._habits.stochastic else max(1, len(noises))
        with torch.inference_mode():
            for at in range(0, len(noises), size):
                heard: list[torch.Tensor] = []

                def callback(index: int, clean: torch.Tensor, *_others: Any, heard: list[torch.Tensor] = heard) -> None:
                    if index == step:
                        heard[:] = [clean.detach().clone()]

                noise = self._stack(noises[at : at + size])
                latents = self._run(self._guider(), copy.copy(self._sampled.sampler), noise, self._sigmas, callback)
                images = self._decoded(latents)
                guesses = self._decoded(self._model.model.process_latent_out(heard[0].float())) if heard else None
                if predictions and guesses is None:
                    raise HostModelError("the sampler does not tell what it predicts on its way (expected: one of ComfyUI's own)")
                for i in range(len(noise)):
                    guess = None if guesses is None else torch_host.png_of(guesses[i])
                    shots.append(Shot(torch_host.png_of(images[i]), guess))
        return shots

    def walk(self, latents: list[wire.Tensor], start: int, end: int, pictures: bool) -> list[Walked]:
        """Between levels of the sigmas, under the user's guider."""
        self.release()
        if pictures:
            self._require_pictures()
        with torch.inference_mode():
            given = self._stack(latents)
            way = _Walk(given, start, end, pictures)
            self._run(self._guider(), way, self._noise_of(given, start), self._sigmas)
            assert way.latents is not None
            images = None
            if pictures:
                assert way.clean is not None
                images = self._decoded(self._model.model.process_latent_out(way.clean.float()))
            return [
                Walked(arrays.from_torch(way.latents[i : i + 1].float()), None if images is None else torch_host.png_of(images[i]))
                for i in range(len(latents))
            ]

    def backward(self, attention: Optional[list[wire.AttentionMaps]], images: Optional[list[wire.Tensor]]) -> list[wire.Tensor]:
        """The score's gradient on the noises of the kept graph, which is dropped."""
        if self._kept is None:
            raise HostModelError("a gradient was asked for, but no graph was kept (expected: an evaluation that says that one follows)")
        try:
            with torch.inference_mode(False), torch.enable_grad():
                gradient = self._kept.gradient(attention or [], images or [])
            return [arrays.from_torch(gradient[i : i + 1].float()) for i in range(len(gradient))]
        finally:
            self.release()

    def release(self) -> None:
        """Drops the kept graph, if there is one."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    # ---- running ComfyUI ----

    def _sampling(self) -> Any:
        return self._model.get_model_object("model_sampling")

    def _rows(self) -> int:
        cfg = float(getattr(self._sampled.guider, "cfg", 1.0))
        both = len(self._conditions) > 1 and not math.isclose(cfg, 1.0)
        return max(1, len(self._conditions)) if both else 1

    def _text_lengths(self) -> list[int]:
        return [int(c["cross_attn"].shape[1]) for c in self._positive() if c.get("cross_attn") is not None]

    def _patches(self) -> list[tuple[str, int]]:
        """What other nodes hooked into the network, told apart by kind and number: it decides which attention is seen."""
        options = self._model.model_options.get("transformer_options", {})
        hooked = {**options.get("patches", {}), **options.get("patches_replace", {})}
        return sorted((str(name), len(each)) for name, each in hooked.items())

    def _positive(self) -> list[dict[str, Any]]:
        """The one conditioning whose attention is read: the first that holds from the first step on, over the whole picture."""
        given = self._conditions.get("positive") or next(iter(self._conditions.values()), [])
        if not given:
            raise AttentionOutOfReach("the guider has no conditioning (expected: a positive one, whose attention is read)")
        first = [c for c in given if not c.get("start_percent") and "area" not in c] or given[:1]
        return [{name: value for name, value in first[0].items() if name not in _PARTIAL}]

    def _guider(self, positive_only: bool = False) -> Any:
        """A guider of its own for one run: the user's as it stands before sampling, or a plain one for the positive conditioning."""
        model = self._model
        if any("hooks" in condition for each in self._conditions.values() for condition in each):
            model = model.clone()  # hooks are registered on it, and those of the sampling around this one must stay
        if positive_only:
            guider = comfy.samplers.CFGGuider(model)
            guider.original_conds = {"positive": self._positive()}
            guider.set_cfg(1.0)
        else:
            guider = copy.copy(self._sampled.guider)
            guider.model_patcher = model
            guider.original_conds = {name: [dict(c) for c in each] for name, each in self._conditions.items()}
        guider.model_options = comfy.model_patcher.create_model_options_clone(model.model_options)
        return guider

    def _run(
        self, guider: Any, sampler: Any, noise: torch.Tensor, sigmas: torch.Tensor, callback: Optional[Callable[..., None]] = None
    ) -> torch.Tensor:
        """Latents as the VAE takes them, on the device. Leaves the generators of random numbers as they were."""
        _heed_interrupts(guider)
        if not torch.is_inference_mode_enabled():
            guider.original_conds = _ordinary(guider.original_conds)
        latent = self._latent.expand(len(noise), *self._latent.shape[1:]).clone()
        mask = None if self._mask is None else self._mask.clone()
        device = self._model.load_device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            return guider.sample(noise, latent, sampler, sigmas.clone(), mask, callback, True, self._sampled.seed)

    def _noise_of(self, given: torch.Tensor, start: int) -> torch.Tensor:
        """What stands for the noise where a mask keeps a part of the picture: the walk's own at level 0, else fresh from the user's seed."""
        if start == 0 or self._mask is None:
            return given
        generator = torch.Generator().manual_seed(self._sampled.seed)
        return torch.randn(given.shape, generator=generator)

    def _stack(self, noises: Sequence[wire.Tensor]) -> torch.Tensor:
        tensors = [arrays.to_torch(noise).float() for noise in noises]
        for tensor in tensors:
            if tensor.shape != self._latent.shape:
                raise HostModelError(f"noise of {list(tensor.shape)} (expected: {list(self._latent.shape)})")
        return torch.cat(tensors)

    def _require_pictures(self) -> None:
        if self._sampled.vae is None:
            raise HostModelError("pictures need a VAE: connect one to Better Noise")

    def _decoded(self, latents: torch.Tensor) -> torch.Tensor:
        """[B, H, W, 3] in 0 to 1."""
        return self._sampled.vae.decode(latents)

    # ---- gradients ----

    @contextlib.contextmanager
    def _differentiable(self) -> Iterator[None]:
        """The model loaded and all its weights ordinary tensors, which a graph may hold; its in-place operations are undone for the graph."""
        conditions = {name: list(each) for name, each in self._conditions.items()}
        with torch.inference_mode():  # where weights are patched in place, which inference tensors allow nowhere else
            others, _memory = comfy.sampler_helpers.get_additional_models(conditions, self._model.model_dtype())
            models = [self._model, *others]
            comfy.model_management.load_models_gpu(models, memory_required=2 * self._model.memory_required(self._latent.shape))
        with torch.inference_mode(False), torch.enable_grad():
            for model in models:
                _make_ordinary(model.model)
            with torch.autograd.graph.allow_mutation_on_saved_tensors():
                yield

    def _pictures_with_graph(self, noises: list[wire.Tensor]) -> list[Shot]:
        if self.no_picture_gradient():
            raise HostModelError(self.no_picture_gradient())
        vae = self._sampled.vae
        with self._differentiable():
            pass
        with torch.inference_mode():
            comfy.model_management.load_models_gpu([vae.patcher])
        with torch.inference_mode(False), torch.enable_grad():
            _make_ordinary(vae.first_stage_model)
            noise = self._stack(noises).requires_grad_()
            run = _Recorded(self._sampled.sampler, noise, self._habits.calls, self._sampled.gradient_calls)
            latents = self._run(self._guider(), run, noise.detach(), self._sigmas)

            def decode(x: torch.Tensor) -> torch.Tensor:
                pixels = vae.first_stage_model.decode(x.to(vae.vae_dtype).to(vae.device)).float()
                return vae.process_output(pixels).movedim(1, -1)

            images = torch_host.recomputed(decode, latents)
            self._kept = _KeptPictures(self, noise, run, latents, images)
            return [Shot(torch_host.png_of(image)) for image in images]


_PARTIAL = frozenset(("area", "mask", "mask_strength", "set_area_to_bounds", "strength", "start_percent", "end_percent", "default"))


class _Kept:
    """A graph that a gradient can go back through once."""

    def gradient(self, attention: list[wire.AttentionMaps], images: list[wire.Tensor]) -> torch.Tensor:
        raise NotImplementedError

    def close(self) -> None:
        """Frees it."""


class _KeptMaps(_Kept):
    def __init__(
        self, noise: torch.Tensor, cross: torch.Tensor, own: Optional[torch.Tensor], half: bool, stack: contextlib.ExitStack
    ) -> None:
        self._noise, self._cross, self._own, self._half, self._stack = noise, cross, own, half, stack

    def gradient(self, attention: list[wire.AttentionMaps], images: list[wire.Tensor]) -> torch.Tensor:
        if len(attention) != len(self._noise):
            raise HostModelError(f"{len(attention)} gradients of maps (expected: {len(self._noise)}, one for each noise)")
        return torch_host.attention_gradient(self._noise, self._cross, self._own, attention, self._half)

    def close(self) -> None:
        self._stack.close()


class _KeptPictures(_Kept):
    """The denoiser is asked again on the way back, so it has to run under a guider, as on the way there."""

    def __init__(self, host: HostModel, noise: torch.Tensor, run: "_Recorded", latents: torch.Tensor, images: torch.Tensor) -> None:
        self._host, self._noise, self._run, self._latents, self._images = host, noise, run, latents, images

    def gradient(self, attention: list[wire.AttentionMaps], images: list[wire.Tensor]) -> torch.Tensor:
        if len(images) != len(self._noise):
            raise HostModelError(f"{len(images)} gradients of pictures (expected: {len(self._noise)}, one for each noise)")
        slopes = torch.stack([arrays.to_torch(image).float().movedim(0, -1) for image in images]).to(self._images.device)
        host = self._host
        if slopes.shape != self._images.shape:
            raise HostModelError(f"gradients of {list(slopes.shape)} (expected: those of the pictures, {list(self._images.shape)})")
        of_latents = torch.autograd.grad(self._images, self._latents, slopes, allow_unused=True)[0]
        if of_latents is None or not bool(torch.count_nonzero(of_latents)):
            return torch.zeros_like(self._noise)
        back = _Back(self._run, self._latents, of_latents, self._noise)
        host._run(host._guider(), back, self._noise.detach(), host._sigmas)
        assert back.gradient is not None
        return back.gradient


# ---- samplers ----


def _heed_interrupts(guider: Any) -> None:
    """Has a guider of this host's look before each denoiser call whether the user pressed cancel; not every ComfyUI does so by itself."""
    predict = guider.predict_noise

    def heeding(*args: Any, **kwargs: Any) -> Any:
        comfy.model_management.throw_exception_if_processing_interrupted()
        return predict(*args, **kwargs)

    guider.predict_noise = heeding


class _FirstStep(comfy.samplers.Sampler):
    """Asks the model once, at the first sigma, for what taps listen to."""

    def __init__(self, noise: torch.Tensor) -> None:
        self._noise = noise

    def sample(
        self,
        model_wrap: Any,
        sigmas: torch.Tensor,
        extra_args: dict[str, Any],
        callback: Any,
        noise: torch.Tensor,
        latent_image: Any = None,
        denoise_mask: Any = None,
        disable_pbar: bool = False,
    ) -> torch.Tensor:
        if self._noise.requires_grad:
            _make_ordinary(model_wrap.inner_model)
        unit = self._noise.to(noise.device)
        model, x = _started(self, model_wrap, sigmas, extra_args, unit, latent_image, denoise_mask)
        with contextlib.suppress(Enough):
            model(x, sigmas[0] * x.new_ones([x.shape[0]]), **extra_args)
        return noise


class _Walk(comfy.samplers.Sampler):
    """Euler's method from one level of the sigmas to another, both ways. Leaves `latents` and, where wanted, the `clean` ones predicted there."""

    def __init__(self, given: torch.Tensor, start: int, end: int, pictures: bool) -> None:
        self._given, self._start, self._end, self._pictures = given, start, end, pictures
        self.latents: Optional[torch.Tensor] = None
        self.clean: Optional[torch.Tensor] = None

    def sample(
        self,
        model_wrap: Any,
        sigmas: torch.Tensor,
        extra_args: dict[str, Any],
        callback: Any,
        noise: torch.Tensor,
        latent_image: Any = None,
        denoise_mask: Any = None,
        disable_pbar: bool = False,
    ) -> torch.Tensor:
        given = self._given.to(noise.device)
        model, begun = _started(self, model_wrap, sigmas, extra_args, given if self._start == 0 else noise, latent_image, denoise_mask)
        x = begun if self._start == 0 else given
        levels = [float(sigma) for sigma in sigmas]

        def denoiser(at: torch.Tensor, level: int) -> torch.Tensor:
            return model(at, sigmas[level] * at.new_ones([at.shape[0]]), **extra_args)

        x = torch_host.walk(x, levels, self._start, self._end, denoiser)
        if self._pictures:
            last = self._end == len(levels) - 1
            sampling = model_wrap.inner_model.model_sampling
            self.clean = sampling.inverse_noise_scaling(sigmas[-1], x) if last else denoiser(x, self._end)
        self.latents = x
        if self._end == 0:
            # Scaling is affine in the noise, so two points of it undo it.
            _model, zero = _started(self, model_wrap, sigmas, extra_args, torch.zeros_like(x), latent_image, denoise_mask)
            _model, one = _started(self, model_wrap, sigmas, extra_args, torch.ones_like(x), latent_image, denoise_mask)
            self.latents = (x - zero) / (one - zero)
        return noise


class _Recorded(comfy.samplers.Sampler):
    """The user's own sampler with a graph from the noise to its latents, in which each of the last denoiser calls is a step to be computed again.

    What the denoiser answers in the calls before those counts as constant.
    """

    def __init__(self, sampler: Any, noise: torch.Tensor, calls: int, last_calls: int) -> None:
        self._sampler, self._noise = sampler, noise
        self._constant = 0 if last_calls == 0 else max(0, calls - last_calls)
        self.model: Any = None

    def sample(
        self,
        model_wrap: Any,
        sigmas: torch.Tensor,
        extra_args: dict[str, Any],
        callback: Any,
        noise: torch.Tensor,
        latent_image: Any = None,
        denoise_mask: Any = None,
        disable_pbar: bool = False,
    ) -> torch.Tensor:
        _make_ordinary(model_wrap.inner_model)
        self.model = model_wrap
        unit = self._noise.to(noise.device)
        recorded = _RecordedModel(self, self._constant)
        return _with_graph(self._sampler).sample(recorded, sigmas, extra_args, callback, unit, latent_image, denoise_mask, True)


class _RecordedModel:
    """A guider in whose place each call is kept; everything else is the guider's."""

    def __init__(self, run: _Recorded, constant: int) -> None:
        self._run, self._constant, self._calls = run, constant, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run.model, name)

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        self._calls += 1
        run = self._run
        if self._calls <= self._constant:
            with torch.no_grad():
                return run.model(x.detach(), sigma, **kwargs)
        return torch_host.recomputed(lambda at: run.model(at, sigma, **kwargs), x)


class _Back(comfy.samplers.Sampler):
    """The way back through a recorded run, while its model is ready to be asked."""

    def __init__(self, run: _Recorded, latents: torch.Tensor, of_latents: torch.Tensor, leaf: torch.Tensor) -> None:
        self._run, self._latents, self._of_latents, self._leaf = run, latents, of_latents, leaf
        self.gradient: Optional[torch.Tensor] = None

    def sample(
        self,
        model_wrap: Any,
        sigmas: torch.Tensor,
        extra_args: dict[str, Any],
        callback: Any,
        noise: torch.Tensor,
        latent_image: Any = None,
        denoise_mask: Any = None,
        disable_pbar: bool = False,
    ) -> torch.Tensor:
        _make_ordinary(model_wrap.inner_model)
        self._run.model = model_wrap
        with torch.autograd.graph.allow_mutation_on_saved_tensors():
            self.gradient = torch.autograd.grad(self._latents, self._leaf, self._of_latents)[0]
        return noise


def _started(
    sampler: comfy.samplers.Sampler,
    model_wrap: Any,
    sigmas: torch.Tensor,
    extra_args: dict[str, Any],
    noise: torch.Tensor,
    latent_image: torch.Tensor,
    denoise_mask: Any,
) -> tuple[Any, torch.Tensor]:
    """The denoiser and the first x, as ComfyUI's own samplers make them of unit noise."""
    extra_args["denoise_mask"] = denoise_mask
    model = comfy.samplers.KSamplerX0Inpaint(model_wrap, sigmas)
    model.latent_image, model.noise = latent_image, noise
    sampling = model_wrap.inner_model.model_sampling
    return model, sampling.noise_scaling(sigmas[0], noise, latent_image, sampler.max_denoise(model_wrap, sigmas))


def fewer(sigmas: torch.Tensor, steps: int) -> torch.Tensor:
    """Every so many-th of the sigmas, so that there are `steps` steps from the first to the last; all of them where that is not fewer, or 0."""
    most = len(sigmas) - 1
    if steps < 1 or steps >= most:
        return sigmas
    return sigmas[[round(i * most / steps) for i in range(steps + 1)]]


# ---- what a sampler does ----


class _Habits(NamedTuple):
    """`calls`: denoiser calls of one picture. `stochastic`: whether its seed matters. `differentiable`: whether its picture hangs on the noise."""

    calls: int
    stochastic: bool
    differentiable: bool


class _Rehearsal:
    """Stands for a guider: answers with half of what it is given, and counts."""

    def __init__(self, sampling: Any) -> None:
        self.inner_model = _Attributes(model_sampling=sampling)
        self.model_patcher = _Attributes(get_model_object=lambda name: sampling)
        self.calls = 0

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor, **_others: Any) -> torch.Tensor:
        self.calls += 1
        return x / 2


class _Attributes:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


def _habits(sampler: Any, sigmas: torch.Tensor, sampling: Any) -> _Habits:
    """Found by running the sampler on a few numbers without a network: names say too little, and other packs have samplers of their own."""

    def rehearsed(one: Any, seed: int, graph: bool) -> tuple[int, torch.Tensor]:
        model = _Rehearsal(sampling)
        noise = torch.randn([1, 4, 4, 4], generator=torch.Generator().manual_seed(0)).requires_grad_(graph)
        extra = {"model_options": {}, "seed": seed}
        latents = one.sample(model, sigmas.clone(), extra, None, noise, torch.zeros_like(noise), None, True)
        return model.calls, latents

    steps = max(1, len(sigmas) - 1)
    name = getattr(getattr(sampler, "sampler_function", None), "__name__", "")
    with torch.inference_mode(False), torch.random.fork_rng([]):
        try:
            with torch.no_grad():
                calls, first = rehearsed(copy.copy(sampler), 1, False)
                other = rehearsed(copy.copy(sampler), 2, False)[1]
            stochastic = not torch.equal(first, other)
        except Exception:  # a sampler that asks more of a guider than this one has: nothing is known of it
            return _Habits(steps, True, False)
        differentiable = False
        if hasattr(sampler, "sampler_function") and "cfg_pp" not in name:
            try:
                with torch.enable_grad():
                    differentiable = rehearsed(_with_graph(sampler), 1, True)[1].requires_grad
            except Exception:  # works in place, or is of another kind
                differentiable = False
        return _Habits(max(1, calls), stochastic, differentiable)


def _with_graph(sampler: Any) -> Any:
    """A copy of one of ComfyUI's samplers whose function is the one that its no_grad was put around."""
    own = copy.copy(sampler)
    own.sampler_function = getattr(sampler.sampler_function, "__wrapped__", sampler.sampler_function)
    return own


# ---- tensors ----


def _conditions(guider: Any) -> dict[str, list[dict[str, Any]]]:
    given = getattr(guider, "original_conds", {})
    return {name: [dict(condition) for condition in each] for name, each in given.items()}


def _make_ordinary(module: torch.nn.Module) -> None:
    """Weights that were loaded in inference mode can be part of no graph; a copy, one at a time, can.

    ComfyUI may load them again for any run, so this is asked for within it. Values stay, so what is sampled later is the same. Tensors of other
    kinds, such as GGUF's, unpack to ordinary ones by themselves.
    """
    for part in module.modules():
        for name, weight in part._parameters.items():
            if weight is not None and type(weight.data) is torch.Tensor and weight.is_inference():
                part._parameters[name] = torch.nn.Parameter(weight.detach().clone(), requires_grad=False)
            elif weight is not None and weight.requires_grad:
                weight.requires_grad_(False)
        for name, values in part._buffers.items():
            if type(values) is torch.Tensor and values.is_inference():
                part._buffers[name] = values.clone()


def _ordinary(value: Any) -> Any:
    """Conditionings with copies of all tensors that came out of inference mode."""
    if isinstance(value, torch.Tensor):
        return value.clone() if value.is_inference() else value
    if isinstance(value, dict):
        return {name: _ordinary(one) for name, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_ordinary(one) for one in value)
    cond = getattr(value, "cond", None)
    if isinstance(cond, (torch.Tensor, list, tuple)):
        value = copy.copy(value)
        value.cond = _ordinary(cond)
    return value
