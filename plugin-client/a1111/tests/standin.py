"""Small stand-ins for the host's `modules.*`, in three flavours: Forge, AUTOMATIC1111 1.10 and 1.6.

They follow what was seen in the real ones: the order of a run's calls, who owns which tensor, when noise is drawn and multiplied, what a hook's
exception does, how infotext is written and read. The picture itself is not drawn: a run's result is the noise that its sampler gets. Runs that the
extension nests in it do sample, on the tiny network. `tests/real` runs the same extension on the real modules.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import importlib.util
import inspect
import io
import json
import math
import re
import sys
import traceback
import types
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import tiny_network
import torch

EXTENSION = Path(__file__).resolve().parents[1]
FORGE, A1111, OLD = "forge", "a1111-1.10", "a1111-1.6"
FLAVOURS = (FORGE, A1111, OLD)
BETAS = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
ALPHAS = torch.cumprod(1 - BETAS, 0)


class Component:
    """A Gradio component: a value, and a block that components stand in."""

    def __init__(self, *choices: Any, value: Any = None, **options: Any) -> None:
        self.value = value
        self.choices = choices
        self.options = options

    def __enter__(self) -> "Component":
        return self

    def __exit__(self, *_: object) -> None:
        pass


class InputAccordion(Component):
    def __init__(self, value: Any, **options: Any) -> None:
        super().__init__(value=value, **options)


class ImageRNG:
    """One generator for each picture; sub-seeds and seed resize happen in what is drawn first."""

    def __init__(self, shape: Any, seeds: List[int], subseeds: Any = None, subseed_strength: float = 0.0, seed_resize_from_h: int = 0,
                 seed_resize_from_w: int = 0) -> None:
        self.shape = tuple(shape)
        self.seeds, self.subseeds, self.subseed_strength = seeds, subseeds, subseed_strength
        self.resized = (self.shape[0], seed_resize_from_h // 8, seed_resize_from_w // 8) if min(seed_resize_from_h, seed_resize_from_w) > 0 else None
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.is_first = True

    def next(self) -> torch.Tensor:
        if not self.is_first:
            return torch.stack([torch.randn(self.shape, generator=generator) for generator in self.generators])
        self.is_first = False
        return torch.stack([self._first(i) for i in range(len(self.seeds))])

    def _first(self, i: int) -> torch.Tensor:
        shape = self.resized or self.shape
        noise = torch.randn(shape, generator=self.generators[i])
        if self.subseed_strength:
            other = torch.randn(shape, generator=torch.Generator().manual_seed(self.subseeds[i]))
            noise = slerp(self.subseed_strength, noise, other)
        if self.resized:
            whole = torch.randn(self.shape, generator=self.generators[i])
            h, w = min(shape[1], self.shape[1]), min(shape[2], self.shape[2])
            whole[:, :h, :w] = noise[:, :h, :w]
            noise = whole
        return noise


def slerp(part: float, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    angle = torch.acos((low * high).sum() / (low.norm() * high.norm()))
    return (torch.sin((1 - part) * angle) * low + torch.sin(part * angle) * high) / torch.sin(angle)


class CfgDenoiser:
    """Both prompts in one batch, the positive first; on Forge the negative one alone is left out at a guidance of 1."""

    def __init__(self, host: "Host") -> None:
        self.host, self.step = host, 0

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor, cond: Any, uncond: Any, cond_scale: float) -> torch.Tensor:
        if self.host.shared.state.interrupted or self.host.shared.state.skipped:
            raise Interrupted
        positive = torch.stack([parts[0] for parts in cond.batch])
        scale = ((sigma**2 + 1) ** -0.5)[:, None, None, None].to(x.dtype)
        with_both = self.host.flavour != FORGE or cond_scale != 1.0
        rows = torch.cat([x, x]) if with_both else x
        context = torch.cat([positive, torch.stack(list(uncond))]) if with_both else positive
        eps = self.host.unet(rows * (torch.cat([scale, scale]) if with_both else scale), sigma, context=context)
        own = eps[: len(x)]
        guided = own if not with_both else eps[len(x):] + (own - eps[len(x):]) * cond_scale
        self.step += 1
        return x - sigma[:, None, None, None] * guided


class Interrupted(BaseException):
    pass


def sample_euler(model: Any, x: Any, sigmas: Any = None, extra_args: Any = None, callback: Any = None, disable: Any = None,
                 noise_sampler: Any = None) -> Any:
    for i in range(len(sigmas) - 1):
        clean = model(x, x.new_full([len(x)], float(sigmas[i])), **extra_args)
        callback({"i": i, "denoised": clean})
        x = x + (x - clean) / sigmas[i] * (sigmas[i + 1] - sigmas[i])
    return x


class KDiffusionSampler:
    """Steps of Euler's method whatever its name; of a run of the host's own, its result is its noise, so that a picture is its noise."""

    def __init__(self, host: "Host") -> None:
        self.host = host
        self.func = sample_euler
        self.model_wrap_cfg = CfgDenoiser(host)
        self.config = types.SimpleNamespace(options={})
        self.more: Dict[str, Any] = {}  # what some samplers are given beside: a noise sampler, a solver's type

    def callback_state(self, told: Any) -> None:
        self.host.shared.state.sampling_step = told["i"]

    def get_sigmas(self, p: Any, steps: int) -> torch.Tensor:
        p.extra_generation_params["Schedule type"] = "Karras"
        high, low = sigma(999) ** (1 / 7), sigma(0) ** (1 / 7)
        ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
        return torch.cat([(high + ramp * (low - high)) ** 7, torch.zeros(1)])

    def sample(self, p: Any, x: torch.Tensor, cond: Any, uncond: Any, steps: Any = None, image_conditioning: Any = None) -> torch.Tensor:
        if p.scripts is not None:
            return self.host.sampled(p, x)
        sigmas = self.get_sigmas(p, steps or p.steps)
        return self._launch(p, (x * sigmas[0]).float(), sigmas, cond, uncond)

    def sample_img2img(self, p: Any, x: torch.Tensor, noise: torch.Tensor, cond: Any, uncond: Any, steps: Any = None,
                       image_conditioning: Any = None) -> torch.Tensor:
        if p.scripts is not None:
            return self.host.sampled(p, noise)
        total = steps or p.steps
        sigmas = self.get_sigmas(p, total)[total - int(min(p.denoising_strength, 0.999) * total) - 1 :]
        return self._launch(p, (x + noise * sigmas[0]).float(), sigmas, cond, uncond)

    @torch.no_grad()
    def _launch(self, p: Any, x: torch.Tensor, sigmas: torch.Tensor, cond: Any, uncond: Any) -> torch.Tensor:
        arguments = {"cond": cond, "uncond": uncond, "cond_scale": p.cfg_scale}
        given = {"sigmas": sigmas} if "sigmas" in inspect.signature(self.func).parameters else {}
        try:
            return self.func(self.model_wrap_cfg, x, extra_args=arguments, callback=self.callback_state, disable=False, **given, **self.more)
        except Interrupted:
            return x


class DdimSampler(KDiffusionSampler):
    def __getattribute__(self, name: str) -> Any:
        if name == "get_sigmas":
            raise AttributeError(name)
        return super().__getattribute__(name)

    def get_timesteps(self, p: Any, steps: int) -> torch.Tensor:
        return torch.clip(torch.arange(0, 1000, 1000 // steps) + 1, 0, 999)

    def sample(self, p: Any, x: torch.Tensor, cond: Any, uncond: Any, steps: Any = None, image_conditioning: Any = None) -> torch.Tensor:
        if p.scripts is not None:
            return self.host.sampled(p, x)
        levels = [sigma(int(step)) for step in reversed(self.get_timesteps(p, p.steps))]
        return self._launch(p, x * (levels[0] ** 2 + 1) ** 0.5, torch.tensor([*levels, 0.0]), cond, uncond)


def sigma(timestep: int) -> float:
    return math.sqrt((1 - float(ALPHAS[timestep])) / float(ALPHAS[timestep]))


class State:
    skipped = interrupted = stopping_generation = False
    textinfo: Optional[str] = None

    def __init__(self) -> None:
        self.previews: List[Any] = []
        self.said: List[str] = []

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "textinfo" and value:
            self.said.append(value)
        super().__setattr__(name, value)

    def assign_current_image(self, image: Any) -> None:
        self.previews.append(image)


class Processing:
    """What the host's txt2img and img2img have in common, as far as the extension looks at it."""

    def __init__(self, host: "Host", **given: Any) -> None:
        values = dict(prompt="a red circle and a blue square", negative_prompt="", seed=7, subseed=-1, subseed_strength=0.0, seed_resize_from_h=0,
                      seed_resize_from_w=0, batch_size=1, n_iter=1, steps=8, cfg_scale=3.0, sampler_name="DPM++ 2M", enable_hr=False,
                      hr_second_pass_steps=0, denoising_strength=0.7, image_conditioning=None, width=128, height=128, is_hr_pass=False, disable_extra_networks=False, init_latent=None)
        values.update(given)
        if host.flavour == FORGE:
            self.modified_noise = None
        if values["init_latent"] is not None:
            self.initial_noise_multiplier = 1.0
        self.__dict__.update(values)
        self.host = host
        self.scripts: Any = None
        self.sampler: Any = None
        self.extra_generation_params: Dict[str, Any] = {}
        self.extra_network_data: Dict[str, Any] = {}
        self.comments: Dict[str, int] = {}

    @property
    def sd_model(self) -> Any:
        return self.host.shared.sd_model

    def comment(self, text: str) -> None:
        self.comments[text] = 1

    def get_conds(self) -> Any:
        return self.c, self.uc

    def txt2img_image_conditioning(self, x: torch.Tensor) -> torch.Tensor:
        return x.new_zeros(x.shape[0], 5, 1, 1)

    def sample(self) -> torch.Tensor:
        if self.init_latent is not None:
            return self._sample_img2img()
        self.sampler = self.host.make_sampler(self.sampler_name)
        x = self.rng.next()
        self._before(x=x, noise=x)
        if self.host.flavour == FORGE and self.modified_noise is not None:
            x, self.modified_noise = self.modified_noise, None
        samples = self.sampler.sample(self, x, None, None)
        if not self.enable_hr:
            return samples
        self.is_hr_pass = True
        self.sampler = self.host.make_sampler(self.sampler_name)
        samples = torch.nn.functional.interpolate(samples, scale_factor=2)
        self.rng = ImageRNG(samples.shape[1:], self.seeds, self.subseeds, self.subseed_strength)
        noise = self.rng.next()
        self.scripts.call("before_hr", self)
        self._before(x=samples, noise=noise)
        if self.host.flavour == FORGE:
            self._before(x=samples, noise=noise)
            if self.modified_noise is not None:
                noise, self.modified_noise = self.modified_noise, None
        samples = self.sampler.sample_img2img(self, samples, noise, None, None, steps=self.hr_second_pass_steps or self.steps)
        self.sampler = None
        self.is_hr_pass = False
        return samples

    def _sample_img2img(self) -> torch.Tensor:
        x = self.rng.next()
        if self.initial_noise_multiplier != 1.0:
            x *= self.initial_noise_multiplier
        self._before(x=self.init_latent, noise=x)
        if self.host.flavour == FORGE and self.modified_noise is not None:
            x, self.modified_noise = self.modified_noise, None
        return self.sampler.sample_img2img(self, self.init_latent, x, None, None)

    def _before(self, **tensors: torch.Tensor) -> None:
        if self.host.flavour != OLD:
            self.scripts.call("process_before_every_sampling", self, c=None, uc=None, **tensors)


class Scripts:
    """The host's script runner: hands each script its own arguments; what a script raises is logged and forgotten."""

    def __init__(self, script: Any, args: List[Any]) -> None:
        self.script, self.args = script, args
        self.logged: List[str] = []

    def call(self, name: str, p: Any, **kwargs: Any) -> None:
        try:
            getattr(self.script, name)(p, *self.args, **kwargs)
        except Exception:
            self.logged.append(traceback.format_exc())


@dataclasses.dataclass
class Processed:
    noises: List[torch.Tensor]  # [C, H, W], what the last pass of each picture was sampled from
    infotexts: List[str]
    comments: List[str]
    logged: List[str]


class AxisOption:
    def __init__(self, label: str, type: Any, apply: Callable[..., None], confirm: Any = None, cost: float = 0.0, choices: Any = None) -> None:
        self.label, self.type, self.apply, self.confirm, self.choices = label, type, apply, confirm, choices


class OptionInfo:
    def __init__(self, default: Any, label: str = "", section: Any = None) -> None:
        self.default = default

    def info(self, text: str) -> "OptionInfo":
        return self


class Host:
    """The host of one flavour with the extension loaded, as `modules.*` in sys.modules."""

    def __init__(self, flavour: str) -> None:
        self.flavour = flavour
        self.passes: List[torch.Tensor] = []
        self.while_sampling: Callable[[], None] = lambda: None
        self.axes = [AxisOption("Nothing", str, lambda p, x, xs: None)]
        self._before_ui: List[Callable[[], None]] = []
        self._install()
        self.script = self._load()
        self.components = self.script.ui(False)
        for callback in self._before_ui:
            callback()

    def _install(self) -> None:
        for name in [name for name in sys.modules if name == "modules" or name.startswith("modules.")]:
            del sys.modules[name]
        gradio = types.ModuleType("gradio")
        for kind in ("Row", "Accordion", "Checkbox", "Radio", "Dropdown", "Slider", "Number", "Textbox"):
            setattr(gradio, kind, Component)
        sys.modules["gradio"] = gradio
        modules = self._module("modules")
        opts = types.SimpleNamespace(randn_source="CPU", CLIP_stop_at_last_layers=1, live_previews_enable=True, prenoise_release_memory=False,
                                     prenoise_address="", add_option=lambda name, info: None)
        info = types.SimpleNamespace(filename="/models/Stable-diffusion/shapes.safetensors", name="shapes.safetensors", sha256=None, shorthash=None)
        self.unet, self.encoder = tiny_network.UNet(), tiny_network.Encoder()
        model = types.SimpleNamespace(sd_checkpoint_info=info, alphas_cumprod=ALPHAS, is_sdxl=False, is_sd2=False)
        if self.flavour == FORGE:
            patcher = types.SimpleNamespace(model=types.SimpleNamespace(diffusion_model=self.unet, predictor=types.SimpleNamespace(prediction_type="epsilon")))
            model.forge_objects = types.SimpleNamespace(unet=patcher)
            model.text_processing_engine = types.SimpleNamespace(process_texts=self.encoder.process_texts, tokenizer=self.encoder.wrapped.tokenizer)
        else:
            model.model = types.SimpleNamespace(diffusion_model=self.unet)
            model.cond_stage_model, model.parameterization = self.encoder, "eps"
        self.shared = self._module("modules.shared", opts=opts, state=State(), sd_model=model, OptionInfo=OptionInfo,
                                   device=torch.device("cpu"))
        methods = ["title", "show", "ui", "process", "process_batch", "before_hr"] + (["process_before_every_sampling"] if self.flavour != OLD else [])
        script = type("Script", (), {name: lambda self, *args, **kwargs: None for name in methods})
        script.elem_id = lambda self, name: f"script_txt2img_prenoise_{name}"
        xyz = types.SimpleNamespace(axis_options=self.axes, AxisOption=AxisOption)
        grid = types.SimpleNamespace(module=xyz, script_class=type("Script", (), {"__module__": "xyz_grid.py"}))
        self._module("modules.scripts", Script=script, AlwaysVisible=object(), basedir=lambda: str(EXTENSION), scripts_data=[grid])
        self._module("modules.script_callbacks", on_ui_settings=lambda callback: callback(), on_before_ui=self._before_ui.append)
        self._module("modules.ui_components", InputAccordion=InputAccordion)
        self._module("modules.sd_samplers", create_sampler=lambda name, model: self.make_sampler(name))
        self._module("modules.rng", ImageRNG=ImageRNG)
        self._module("modules.processing", decode_latent_batch=tiny_network.decode)
        self._module("modules.prompt_parser", get_learned_conditioning_prompt_schedules=schedules)
        for name in ("shared", "scripts", "script_callbacks", "ui_components", "sd_samplers", "rng", "processing", "prompt_parser"):
            setattr(modules, name, sys.modules[f"modules.{name}"])

    def _module(self, name: str, **members: Any) -> Any:
        module = types.ModuleType(name)
        module.__dict__.update(members)
        sys.modules[name] = module
        return module

    def _load(self) -> Any:
        spec = importlib.util.spec_from_file_location("better_noise.py", EXTENSION / "scripts" / "better_noise.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.PrenoiseScript()

    def make_sampler(self, name: str) -> Any:
        sampler = DdimSampler(self) if name == "DDIM" else KDiffusionSampler(self)
        if "SDE" in name:
            sampler.more = {"noise_sampler": lambda *_: None}
        return sampler

    def sampled(self, p: Any, noise: torch.Tensor) -> torch.Tensor:
        self.while_sampling()
        self.passes.append(noise.clone())
        return noise

    def args(self, **given: Any) -> List[Any]:
        """The components' values, as the host collects them for a run."""
        from prenoise_a1111.settings import Settings

        names = [field.name for field in dataclasses.fields(Settings)]
        values = [component.value for component in self.components]
        for name, value in given.items():
            values[names.index(name)] = value
        return values

    def processing(self, **given: Any) -> Processing:
        return Processing(self, **given)

    def run(self, p: Processing, args: List[Any]) -> Processed:
        """The host's process_images; what is printed to its console is not shown."""
        with contextlib.redirect_stderr(io.StringIO()):
            return self._run(p, args)

    def _run(self, p: Processing, args: List[Any]) -> Processed:
        p.scripts = Scripts(self.script, args)
        count = p.batch_size * p.n_iter
        p.all_prompts = list(p.prompt) if isinstance(p.prompt, (list, tuple)) else [p.prompt] * count
        p.all_negative_prompts = [p.negative_prompt] * count
        p.all_seeds = [p.seed + (0 if p.subseed_strength else i) for i in range(count)]
        p.all_subseeds = [p.subseed + i for i in range(count)]
        p.scripts.call("process", p)
        noises: List[torch.Tensor] = []
        infotexts: List[str] = []
        if p.init_latent is not None:
            p.sampler = self.make_sampler(p.sampler_name)
        for n in range(p.n_iter):
            p.iteration = n
            self.shared.state.skipped = False
            if self.shared.state.interrupted or self.shared.state.stopping_generation:
                break
            part = slice(n * p.batch_size, (n + 1) * p.batch_size)
            p.prompts, p.negative_prompts = p.all_prompts[part], p.all_negative_prompts[part]
            p.seeds, p.subseeds = p.all_seeds[part], p.all_subseeds[part]
            p.rng = ImageRNG((4, p.height // 8, p.width // 8), p.seeds, p.subseeds, p.subseed_strength, p.seed_resize_from_h, p.seed_resize_from_w)
            p.prompts, p.extra_network_data = parse_prompts(p.prompts)
            p.scripts.call("process_batch", p, batch_number=n, prompts=p.prompts, seeds=p.seeds, subseeds=p.subseeds)
            p.c = tiny_network.Multicond((len(p.prompts),), [[self.encoder.encode(text) for text in prompt.split("AND")] for prompt in p.prompts])
            p.uc = [self.encoder.encode(prompt) for prompt in p.negative_prompts]
            with torch.inference_mode() if self.flavour == FORGE else torch.no_grad():
                samples = p.sample()
            noises += [one.clone() for one in samples]
            infotexts += [self._infotext(p, i) for i in range(len(p.seeds))]
        return Processed(noises, infotexts, list(p.comments), p.scripts.logged)

    def _infotext(self, p: Any, index: int) -> str:
        params = {"Steps": p.steps, "Sampler": p.sampler_name, "Seed": p.seeds[index], **p.extra_generation_params}
        if self.flavour != OLD:
            for key, value in params.items():
                if isinstance(value, list):
                    params[key] = value[index]
                elif callable(value):
                    params[key] = value(p=p, index=index, all_seeds=p.seeds, use_main_prompt=False)
        text = ", ".join(f"{key}: {quote(value)}" for key, value in params.items() if value is not None)
        return f"{p.prompts[index]}\n{text}"

    def paste(self, infotext: str) -> List[Any]:
        """The components' values after infotext was pasted."""
        params = {key: unquote(value) for key, value in re.findall(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)', infotext.splitlines()[-1])}
        values = {id(component): component.value for component in self.components}
        for component, key in self.script.infotext_fields:
            value = key(params) if callable(key) else params.get(key)
            if value is not None:
                kind = type(component.value)
                values[id(component)] = False if kind is bool and value == "False" else kind(float(value) if kind is int else value)
        return [values[id(component)] for component in self.components]


def quote(value: Any) -> str:
    return json.dumps(value) if re.search("[,\n:]", str(value)) else str(value)


def unquote(text: str) -> str:
    return json.loads(text) if text.startswith('"') else text


def parse_prompts(prompts: List[str]) -> Any:
    found: Dict[str, List[Any]] = {}
    for kind, args in re.findall(r"<(\w+):([^>]+)>", prompts[0]):
        found.setdefault(kind, []).append(types.SimpleNamespace(positional=[a for a in args.split(":") if "=" not in a],
                                                                named=dict(a.split("=") for a in args.split(":") if "=" in a)))
    return [re.sub(r"<(\w+):([^>]+)>", "", prompt) for prompt in prompts], found


def schedules(prompts: List[str], steps: int) -> List[Any]:
    """Of `[from:to:when]` alone."""
    def one(prompt: str) -> Any:
        found = re.search(r"\[([^:\]]*):([^:\]]*):([\d.]+)\]", prompt)
        if not found:
            return [[steps, prompt]]
        parts = [prompt[: found.start()] + word + prompt[found.end():] for word in found.groups()[:2]]
        return [[int(float(found.group(3)) * steps), parts[0]], [steps, parts[1]]]

    return [one(prompt) for prompt in prompts]


def cell(p: Processing) -> Processing:
    """A cell of the host's X/Y/Z plot: a shallow copy."""
    return copy.copy(p)
