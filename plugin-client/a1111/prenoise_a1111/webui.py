"""What the host says about a run. The only module, beside the host evaluation, that knows the host's own names.

Names are those of AUTOMATIC1111 1.6 to 1.10 and of Forge; where a version lacks one, what is said is less exact, and nothing fails.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

# The host's sampler, lower case, without a schedule's name at its end -> the sidecar's nearest. Attention losses look at the first step only,
# which is the same for all; when pictures are judged, a sampler that the sidecar has not is replaced by the most alike.
SAMPLERS = {
    "euler": "euler", "euler a": "euler_ancestral", "heun": "heun", "heunpp2": "heun", "ddim": "ddim", "ddim cfg++": "ddim", "plms": "ddim",
    "unipc": "dpmpp_2m", "dpm++ 2m": "dpmpp_2m", "dpm++ 2m sde": "dpmpp_2m_sde", "dpm++ 2m sde heun": "dpmpp_2m_sde",
    "dpm++ 3m sde": "dpmpp_2m_sde", "dpm++ sde": "dpmpp_2m_sde", "dpm++ 2s a": "euler_ancestral", "dpm2": "heun", "dpm2 a": "euler_ancestral",
    "lms": "dpmpp_2m", "dpm fast": "dpmpp_2m", "dpm adaptive": "dpmpp_2m", "restart": "heun", "lcm": "euler_ancestral", "ipndm": "dpmpp_2m",
    "ipndm_v": "dpmpp_2m", "deis": "dpmpp_2m",
}
SCHEDULES = ("karras", "exponential", "polyexponential", "sgm uniform")  # as 1.6 to 1.8 put them behind the sampler's name


@dataclass(frozen=True)
class Checkpoint:
    """The file that the host's model came from."""

    name: str
    file: str  # its name alone
    sha256: str  # "" = the host has not hashed it
    short_hash: str


@dataclass(frozen=True)
class SamplingPlan:
    """How the host will sample, in the sidecar's words."""

    sampler: str
    steps: int
    guidance_scale: float
    sigmas: Tuple[float, ...]  # highest first, 0 last; empty: the host does not say


@dataclass(frozen=True)
class PromptText:
    text: str
    negative: str
    notes: Tuple[str, ...]  # what of the host's language the sidecar cannot be told


@dataclass(frozen=True)
class LoraUse:
    name: str  # the file's, without its extension
    strength: float
    text_strength: float


def shared() -> Any:
    from modules import shared as module

    return module


def has_sampling_hook() -> bool:
    """Whether the host calls `process_before_every_sampling`: Forge, and A1111 from 1.10 on."""
    from modules import scripts

    return hasattr(scripts.Script, "process_before_every_sampling")


def option(name: str, default: Any) -> Any:
    return getattr(shared().opts, name, default)


def stopped() -> Optional[str]:
    """Why the user wants no more searching, or None."""
    state = shared().state
    for name in ("interrupted", "skipped", "stopping_generation"):
        if getattr(state, name, False):
            return name
    return None


def say(text: str) -> None:
    """The line beside the progress bar."""
    shared().state.textinfo = text


def show(png: bytes) -> None:
    """Makes a picture the live preview, where the host shows any."""
    state = shared().state
    if not option("live_previews_enable", True) or not hasattr(state, "assign_current_image"):
        return
    from PIL import Image

    state.assign_current_image(Image.open(io.BytesIO(png)).convert("RGB"))


def checkpoint(p: Any) -> Optional[Checkpoint]:
    model = getattr(p, "sd_model", None) or shared().sd_model
    info = getattr(model, "sd_checkpoint_info", None)
    if info is None:
        return None
    file = Path(str(getattr(info, "filename", "") or "").replace("\\", "/")).name
    return Checkpoint(str(getattr(info, "name", "") or file), file, (getattr(info, "sha256", None) or "").lower(),
                      (getattr(info, "shorthash", None) or "").lower())


def clip_skip(p: Any) -> int:
    """0 = the model family's own layer. Only SD 1 heeds the setting."""
    model = getattr(p, "sd_model", None) or shared().sd_model
    if any(getattr(model, family, False) for family in ("is_sdxl", "is_sd2", "is_sd3")):
        return 0
    layers = int(getattr(p, "clip_skip", None) or option("CLIP_stop_at_last_layers", 1))
    return layers if layers > 1 else 0


def noise_is_philox() -> bool:
    """Whether the host draws from CUDA's generator, on the card or computed ("NV")."""
    if option("forge_try_reproduce", "None") in ("ComfyUI", "DrawThings"):
        return False
    source = option("randn_source", "GPU")
    if source == "NV":
        return True
    device = getattr(getattr(shared(), "device", None), "type", "cpu")
    return source == "GPU" and device == "cuda"


def prompt(p: Any, index: int, hires: bool) -> PromptText:
    """The texts of one picture of the batch at its first step: schedules resolved, extra networks taken out by the host already."""
    def at(name: str) -> str:
        texts = getattr(p, ("hr_" if hires else "") + name, None) or getattr(p, name)
        return str(texts[index])

    notes: List[str] = []
    text = first_step(at("prompts"), p, notes)
    return PromptText(text, first_step(at("negative_prompts"), p, []), tuple(notes))


def first_step(text: str, p: Any, notes: List[str]) -> str:
    """What stands of `[cat:dog:0.5]` and `a AND b` when the first step is taken."""
    parts = []
    for part in re.split(r"\bAND\b", text):
        weighted = re.fullmatch(r"(.*?)(?:\s*:\s*([-+]?(?:\d+\.?|\d*\.\d+)))?\s*", part, re.DOTALL)
        if weighted and (weighted.group(2) is None or float(weighted.group(2)) > 0):
            parts.append(weighted.group(1) if "AND" in text else part)
    if len(parts) > 1:
        notes.append("the sidecar reads a prompt with AND as one prompt")
    text = ", ".join(part.strip() for part in parts) if len(parts) > 1 else (parts[0] if parts else text)
    if "[" not in text:
        return text
    try:
        from modules import prompt_parser

        schedule = prompt_parser.get_learned_conditioning_prompt_schedules([text], int(p.steps))[0]
    except Exception:  # a host of another version; brackets then mean what they mean to the sidecar
        return text
    if len(schedule) > 1:
        notes.append("of a prompt that changes between steps, the sidecar is told the first")
    return str(schedule[0][1])


def loras(p: Any) -> List[LoraUse]:
    """Those that the prompt asks for, by their files' names."""
    if getattr(p, "disable_extra_networks", False):
        return []
    networks = (getattr(p, "hr_extra_network_data", None) if getattr(p, "is_hr_pass", False) else None) or getattr(p, "extra_network_data", None) or {}
    found: Dict[str, LoraUse] = {}
    for kind in ("lora", "lyco"):
        for params in networks.get(kind, ()):
            use = _lora(params)
            if use is not None:
                found[use.name] = use
    return list(found.values())


def _lora(params: Any) -> Optional[LoraUse]:
    positional = list(getattr(params, "positional", None) or getattr(params, "items", ()))
    named = dict(getattr(params, "named", None) or {})
    if not positional or not positional[0]:
        return None

    def number(at: int, name: str, default: float) -> float:
        try:
            return float(named.get(name, positional[at] if len(positional) > at else default))
        except ValueError:
            return default

    text = number(1, "te", 1.0)
    return LoraUse(_lora_file(str(positional[0])), number(2, "unet", text), text)


def _lora_file(name: str) -> str:
    """The host's own list maps aliases (a name inside the file) to files; without it the name is taken for the file's."""
    module = sys.modules.get("networks") or sys.modules.get("lora")
    for table in ("available_network_aliases", "available_networks", "available_lora_aliases", "available_loras"):
        entry = (getattr(module, table, None) or {}).get(name)
        if entry is not None and getattr(entry, "filename", None):
            return Path(str(entry.filename).replace("\\", "/")).stem
    return name


def sampler_name(name: str) -> str:
    """The sidecar's name of the host's sampler; "" = it has none alike."""
    text = name.lower().strip()
    for schedule in SCHEDULES:
        if text.endswith(" " + schedule):
            text = text[: -len(schedule) - 1]
    return SAMPLERS.get(text, "")


def sampling(p: Any, hires: bool) -> SamplingPlan:
    """The whole schedule of the pass that comes next, also where the host begins on the way (img2img, hires)."""
    name = (getattr(p, "hr_sampler_name", None) if hires else None) or p.sampler_name
    steps = int((getattr(p, "hr_second_pass_steps", 0) if hires else 0) or p.steps)
    return SamplingPlan(sampler_name(str(name)), steps, float(p.cfg_scale), tuple(sigmas(p, steps)))


def sigmas(p: Any, steps: int) -> List[float]:
    """The host's own, from the sampler that it has just made; [] where that one does not say or says what no schedule is."""
    sampler = getattr(p, "sampler", None)
    with _as_it_was(p):
        try:
            if hasattr(sampler, "get_sigmas"):
                values = [float(value) for value in sampler.get_sigmas(p, steps)]
            elif hasattr(sampler, "get_timesteps"):
                values = _sigmas_of_timesteps(p, sampler.get_timesteps(p, steps))
            else:
                return []
        except Exception:  # whatever a sampler of some extension does; the schedule's shape is not worth the picture
            return []
    falling = all(math.isfinite(high) and high > low >= 0 for high, low in zip(values, values[1:]))
    return values if len(values) > 1 and falling else []


def _sigmas_of_timesteps(p: Any, timesteps: Any) -> List[float]:
    """DDIM and its kin count in timesteps, upwards: sigma = sqrt((1 - a) / a) of each one's alpha product, highest first, then 0."""
    alphas = (getattr(p, "sd_model", None) or shared().sd_model).alphas_cumprod
    products = [float(alphas[int(step)]) for step in timesteps]
    return [math.sqrt((1 - product) / product) for product in reversed(products)] + [0.0]


@contextlib.contextmanager
def _as_it_was(p: Any) -> Iterator[None]:
    """Samplers note in infotext what they were asked; the host asks again itself."""
    noted = getattr(p, "extra_generation_params", None)
    kept = dict(noted) if noted is not None else {}
    try:
        yield
    finally:
        if noted is not None:
            noted.clear()
            noted.update(kept)


def is_img2img(p: Any) -> bool:
    return getattr(p, "init_latent", None) is not None


def multiplier(p: Any, hires: bool) -> float:
    """By what img2img has multiplied its noise before anyone sees it."""
    return 1.0 if hires or not is_img2img(p) else float(getattr(p, "initial_noise_multiplier", None) or 1.0)


def comment(p: Any, text: str) -> None:
    """A line under the pictures, and in the console for those who call by API."""
    line = f"Prenoise: {text}"
    if line not in getattr(p, "comments", {}):
        print(line, file=sys.stderr)
    if hasattr(p, "comment"):
        p.comment(line)


def seeds(p: Any) -> Sequence[int]:
    return [int(seed) for seed in p.seeds]
