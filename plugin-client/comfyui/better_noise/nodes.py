"""The nodes as a ComfyUI user sees them. Each is a thin front of the modules beside it."""

from __future__ import annotations

from typing import Any, Optional

import torch

from . import recipes, status
from .sampling import BetterNoise, BetterNoiseWrapper, GivenNoise, Node, RecipeWrapper, wrapped
from .searching import Record
from .settings import (
    ALGORITHMS,
    ATTENTION,
    DEFAULT_TARGET,
    HOST,
    IMAGES_OF_A_BATCH,
    LOSSES,
    NO_LOSS,
    ON_ERROR,
    PLACES,
    PLAIN_NOISE,
    PREVIEWS,
    STRATEGIES,
    WHEN_FREE,
    Options,
    SettingsError,
    settings_of,
    verifiers_of,
)

try:
    from comfy_execution.graph_utils import ExecutionBlocker
except ImportError:  # before 0.3.50
    from comfy_execution.graph import ExecutionBlocker

CATEGORY = "sampling/noise"
SEARCH = "PRENOISE_SEARCH"
OPTIONS = "PRENOISE_OPTIONS"
_MAX_SEED = 0xFFFFFFFFFFFFFFFF

_WIDGETS: dict[str, tuple[Any, dict[str, Any]]] = {
    "strategy": (
        STRATEGIES,
        {
            "default": ATTENTION,
            "tooltip": "How noise is judged. attention ranking: draws noises and keeps the one whose first step attends best to the prompt's "
            "subjects; cheap. optimise: also moves each noise along the loss' gradient. verifier search: draws pictures and lets verifiers "
            "choose; costs whole pictures. cascade: ranks many by attention, then verifiers choose among the best.",
        },
    ),
    "loss": (
        LOSSES,
        {
            "default": LOSSES[0],
            "tooltip": "The attention loss of attention ranking, optimise and cascade. initno: every subject is attended to and their regions do not "
            "overlap. conform: a subject's words attend alike, different subjects apart. self-cross: where one subject is, the other's "
            "self-attention is not. attend-and-excite: every subject is attended to somewhere.",
        },
    ),
    "verifiers": (
        "STRING",
        {
            "default": "clip",
            "tooltip": "Who judges the pictures of a verifier search or cascade, separated by commas: clip, aesthetic, image-reward, pick, ... as "
            "the sidecar lists them. name*0.5 is a weight, name=tabby cat a classifier's class.",
        },
    ),
    "search": (
        ALGORITHMS,
        {
            "default": ALGORITHMS[0],
            "tooltip": "How a verifier search proposes noise. random: draws and keeps the best. zero-order: turns the best noise a little, again and "
            "again. paths: adds noise on the way and keeps what looks best. first-order: follows the gradient of a verifier.",
        },
    ),
    "loss_evaluations": (
        "INT",
        {
            "default": 0,
            "min": 0,
            "max": 100000,
            "tooltip": "Budget of attention ranking, optimise and a cascade's ranking: loss evaluations, each less than one model call. 0: the "
            "sidecar's default, 16 (optimise 50, cascade 64).",
        },
    ),
    "pictures": (
        "INT",
        {
            "default": 0,
            "min": 0,
            "max": 10000,
            "tooltip": "Budget of a verifier search or cascade: as much as drawing so many pictures costs. 0: the sidecar's default, 16 for a search.",
        },
    ),
    "subjects": (
        "STRING",
        {
            "default": "",
            "tooltip": "Which words of the prompt are its subjects, separated by commas, such as: cat, red apple. Empty: found by themselves.",
        },
    ),
    "evaluate_on": (
        PLACES,
        {
            "default": HOST,
            "tooltip": "Whose copy of the model is asked. host: this very model with its LoRAs and patches, no second copy in memory. sidecar: "
            "the sidecar's copy of the same checkpoint, which it finds by file name in its own folder of models.",
        },
    ),
    "on_error": (
        ON_ERROR,
        {
            "default": PLAIN_NOISE,
            "tooltip": "When no better noise can be had, for example because the sidecar does not run. plain noise: the picture is made as without "
            "this node, and you are told. stop: the run ends with the error.",
        },
    ),
    "img2img": (
        "BOOLEAN",
        {
            "default": False,
            "tooltip": "Also search where sampling starts from a picture: image to image, inpainting at less than full denoise, second and hires "
            "stages. Needs evaluate_on host.",
        },
    ),
}
_LINKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "clip": (
        "CLIP",
        {"tooltip": "The text encoder that made the prompt's conditioning. Needed only for models whose tokens are not known otherwise."},
    ),
    "vae": ("VAE", {"tooltip": "Decodes the pictures of a verifier search, and previews, when evaluate_on is host."}),
    "prompt": (
        "STRING",
        {"forceInput": True, "tooltip": "The positive prompt's text. Needed only where the workflow does not show it: text that another node makes."},
    ),
    "options": (OPTIONS, {"tooltip": "The rarer choices, from Better Noise Options."}),
}
_HIDDEN = {"unique_id": "UNIQUE_ID", "workflow": "PROMPT"}


def _node(widgets: dict[str, Any]) -> Node:
    return Node(
        node_id=str(widgets["unique_id"]),
        settings=settings_of(widgets),
        record=Record(),
        graph=widgets.get("workflow") or {},
        text=widgets.get("prompt"),
        clip=widgets.get("clip"),
        vae=widgets.get("vae"),
    )


def _check_widgets(strategy: str, verifiers: str) -> Any:
    """True, or what is wrong with the widgets: before a run, without asking anybody."""
    try:
        if strategy not in STRATEGIES:
            return f"strategy: {strategy} (expected: one of {', '.join(STRATEGIES)})"
        verifiers_of(verifiers)
    except SettingsError as problem:
        return str(problem)
    return True


class BetterNoiseModel:
    """MODEL in, MODEL out: every sampler behind it starts from better noise."""

    CATEGORY = CATEGORY
    DESCRIPTION = (
        "Put it between the checkpoint (after LoRAs) and the sampler: each picture starts from the best of several noises instead of the seed's "
        "first. Needs the Prenoise sidecar: run `prenoise serve`."
    )
    SEARCH_ALIASES = ["prenoise", "better noise", "initial noise", "seed search", "best of n"]
    RETURN_TYPES = ("MODEL", SEARCH)
    RETURN_NAMES = ("model", "search")
    OUTPUT_TOOLTIPS = ("The model, for KSampler or a guider.", "What was found, for Better Noise Candidates and Better Noise Recipe.")
    FUNCTION = "wrap"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {"model": ("MODEL", {"tooltip": "The model after all LoRAs and patches."}), **_WIDGETS},
            "optional": _LINKS,
            "hidden": _HIDDEN,
        }

    @classmethod
    def IS_CHANGED(cls, unique_id: Any = "", **_: Any) -> str:
        return status.change_marker(str(unique_id))

    @classmethod
    def VALIDATE_INPUTS(cls, strategy: Optional[str] = None, verifiers: Optional[str] = None) -> Any:
        return _check_widgets(strategy or ATTENTION, verifiers or "")

    def wrap(self, model: Any, **widgets: Any) -> tuple[Any, Record]:
        node = _node(widgets)
        return wrapped(model, BetterNoiseWrapper(node)), node.record


class BetterNoiseNoise:
    """NOISE for SamplerCustomAdvanced."""

    CATEGORY = CATEGORY
    DESCRIPTION = (
        "A NOISE for SamplerCustomAdvanced, in place of RandomNoise: give it the guider, sampler and sigmas that the sampler node gets too. Needs "
        "the Prenoise sidecar: run `prenoise serve`."
    )
    SEARCH_ALIASES = ["prenoise", "better noise", "initial noise", "random noise"]
    RETURN_TYPES = ("NOISE", SEARCH)
    RETURN_NAMES = ("noise", "search")
    OUTPUT_TOOLTIPS = ("For SamplerCustomAdvanced.", "What was found, for Better Noise Candidates and Better Noise Recipe.")
    FUNCTION = "make"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "guider": ("GUIDER", {"tooltip": "The same guider that goes into SamplerCustomAdvanced."}),
                "sampler": ("SAMPLER", {"tooltip": "The same sampler."}),
                "sigmas": ("SIGMAS", {"tooltip": "The same sigmas: the noise is judged at the first of them."}),
                "noise_seed": (
                    "INT",
                    {
                        "default": 0,
                        "min": 0,
                        "max": _MAX_SEED,
                        "control_after_generate": True,
                        "tooltip": "The seed of the plain noise, which is the first candidate, and of what stochastic samplers add.",
                    },
                ),
                **_WIDGETS,
            },
            "optional": _LINKS,
            "hidden": _HIDDEN,
        }

    @classmethod
    def IS_CHANGED(cls, unique_id: Any = "", **_: Any) -> str:
        return status.change_marker(str(unique_id))

    @classmethod
    def VALIDATE_INPUTS(cls, strategy: Optional[str] = None, verifiers: Optional[str] = None) -> Any:
        return _check_widgets(strategy or ATTENTION, verifiers or "")

    def make(self, guider: Any, sampler: Any, sigmas: torch.Tensor, noise_seed: int, **widgets: Any) -> tuple[BetterNoise, Record]:
        node = _node(widgets)
        return BetterNoise(node, noise_seed, guider, sampler, sigmas), node.record


class BetterNoiseOptions:
    """The rarer choices."""

    CATEGORY = CATEGORY
    DESCRIPTION = "The rarer choices of Better Noise. Without this node each has the default that it shows."
    RETURN_TYPES = (OPTIONS,)
    RETURN_NAMES = ("options",)
    FUNCTION = "make"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        plain = Options()
        return {
            "required": {
                "target": (
                    "STRING",
                    {
                        "default": DEFAULT_TARGET,
                        "tooltip": "The sidecar's address. One that is not this machine must stand in the file of allowed hosts; see the README.",
                    },
                ),
                "then": (
                    (NO_LOSS, *LOSSES),
                    {
                        "default": NO_LOSS,
                        "tooltip": "A second attention loss, which decides among what the first found. For attention ranking and optimise.",
                    },
                ),
                "stop_on_plateau": (
                    "BOOLEAN",
                    {
                        "default": False,
                        "tooltip": "End a search when going on is not worth it. Without a budget of your own up to eight times the default.",
                    },
                ),
                "wall_seconds": (
                    "FLOAT",
                    {
                        "default": 0.0,
                        "min": 0.0,
                        "max": 86400.0,
                        "step": 1.0,
                        "tooltip": "The most seconds for one image's search. 0: no such limit.",
                    },
                ),
                "batch": (
                    IMAGES_OF_A_BATCH,
                    {
                        "default": IMAGES_OF_A_BATCH[0],
                        "tooltip": "Several images in a batch. each its own search: from its own noise. the best of one search: the batch is the best "
                        "candidates of the first image's search, to look at them finished.",
                    },
                ),
                "keep": (
                    "INT",
                    {"default": plain.keep, "min": 1, "max": 64, "tooltip": "How many of the best candidates are kept for Better Noise Candidates."},
                ),
                "preview": (
                    PREVIEWS,
                    {
                        "default": WHEN_FREE,
                        "tooltip": "Show the best so far while the search runs. when free: where verifiers have it drawn anyway. best so far: always; an "
                        "attention ranking then draws whole pictures, which cost more than its search.",
                    },
                ),
                "judged_steps": (
                    "INT",
                    {
                        "default": 0,
                        "min": 0,
                        "max": 1000,
                        "tooltip": "Sampling steps of the pictures that verifiers judge. 0: as many as the picture has.",
                    },
                ),
                "screened": (
                    "INT",
                    {"default": 0, "min": 0, "max": 1024, "tooltip": "Cascade: how many of the ranked noises the verifiers see. 0: 8."},
                ),
                "neighbors": ("INT", {"default": 0, "min": 0, "max": 64, "tooltip": "zero-order: neighbours tried in each round. 0: 2."}),
                "step_size": (
                    "FLOAT",
                    {
                        "default": 0.0,
                        "min": 0.0,
                        "max": 10.0,
                        "step": 0.01,
                        "tooltip": "zero-order and first-order: how far the noise turns, as a tangent. 0: the sidecar's default.",
                    },
                ),
                "initial_paths": ("INT", {"default": 0, "min": 0, "max": 512, "tooltip": "paths: how many begin. 0: 2."}),
                "gradient_calls": (
                    "INT",
                    {
                        "default": 0,
                        "min": 0,
                        "max": 1000,
                        "tooltip": "first-order: the gradient goes back through so many of a picture's last model calls. 0: all.",
                    },
                ),
                "host_batch": (
                    "INT",
                    {
                        "default": plain.host_batch,
                        "min": 0,
                        "max": 64,
                        "tooltip": "evaluate_on host: noises that the model takes at once. 0: as many as fit its memory. Never more than what comes of them fits in one message of 64 MB.",
                    },
                ),
                "backbone": (
                    "STRING",
                    {
                        "default": "",
                        "tooltip": "evaluate_on sidecar: the model's name or SHA-256 there. Empty: the checkpoint's file name in this workflow.",
                    },
                ),
                "release_memory": (
                    "BOOLEAN",
                    {
                        "default": True,
                        "tooltip": "Have the sidecar free its memory before the picture is sampled. Off is faster where both fit the card.",
                    },
                ),
                "wait_seconds": (
                    "FLOAT",
                    {"default": plain.wait_seconds, "min": 1.0, "max": 86400.0, "step": 1.0, "tooltip": "A search that takes longer has failed."},
                ),
            }
        }

    def make(self, **widgets: Any) -> tuple[Options]:
        return (Options(**widgets),)


class BetterNoiseCandidates:
    """The best candidates of a search, to look at."""

    CATEGORY = CATEGORY
    DESCRIPTION = (
        "The best candidates of a search: their preview pictures, their noise, and their scores. Set how many with keep in Better Noise Options."
    )
    RETURN_TYPES = ("IMAGE", "NOISE", "LATENT", "STRING")
    RETURN_NAMES = ("images", "noise", "latents", "scores")
    OUTPUT_TOOLTIPS = (
        "The preview pictures, best first.",
        "For SamplerCustomAdvanced with a batch as large: each image is drawn from one candidate.",
        "The noise itself, unit variance, one candidate a batch position.",
        "One line for each candidate.",
    )
    FUNCTION = "show"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "search": (SEARCH, {"tooltip": "From Better Noise."}),
                "count": ("INT", {"default": 4, "min": 1, "max": 64, "tooltip": "At most so many."}),
                "image": ("INT", {"default": 0, "min": 0, "max": 4095, "tooltip": "Which image of the batch, counted from 0."}),
                "seed": ("INT", {"default": 0, "min": 0, "max": _MAX_SEED, "tooltip": "For what stochastic samplers add on the way."}),
            },
            "optional": {"samples": ("LATENT", {"tooltip": "The sampler's output, so that this node runs after the search."})},
        }

    def show(self, search: Record, count: int, image: int, seed: int, samples: Any = None) -> tuple[Any, ...]:
        candidates = recipes.candidates_of(search, image)[:count]
        if not candidates:
            # A search that failed or was skipped has left its picture; what hangs on this node is skipped without an error.
            return (*(ExecutionBlocker(None),) * 3, recipes.NOTHING_FOUND)
        noises = torch.cat([recipes.noise_of(candidate) for candidate in candidates])
        pictures = recipes.pictures_of(candidates)
        shown = ExecutionBlocker(recipes.NO_PICTURES) if pictures is None else pictures
        return shown, GivenNoise(noises, seed), {"samples": noises}, recipes.scores_of(candidates)


class BetterNoiseRecipe:
    """What was found, as text."""

    CATEGORY = CATEGORY
    DESCRIPTION = (
        "The noise that was found, as text: paste it into Better Noise From Recipe to have it again without a search. Lead the sampler's latent "
        "through this node and saved pictures carry the recipe too."
    )
    RETURN_TYPES = ("STRING", "LATENT")
    RETURN_NAMES = ("recipe", "samples")
    OUTPUT_TOOLTIPS = ("One line for each image of the batch.", "The latent that came in.")
    FUNCTION = "show"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "search": (SEARCH, {"tooltip": "From Better Noise."}),
                "samples": ("LATENT", {"tooltip": "The sampler's output, so that this node runs after the search."}),
            },
            "hidden": {"png": "EXTRA_PNGINFO"},
        }

    def show(self, search: Record, samples: Any, png: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        text = recipes.recipes_of(search)
        if text and isinstance(png, dict):
            png["prenoise_recipe"] = text
        return {"ui": {"text": [text or recipes.NOTHING_FOUND]}, "result": (text, samples)}


class BetterNoiseFromRecipe:
    """Noise that was found before, without a search."""

    CATEGORY = CATEGORY
    DESCRIPTION = "Has the noise of a recipe again, without a search and, for most recipes, without the sidecar."
    RETURN_TYPES = ("MODEL",)
    RETURN_NAMES = ("model",)
    OUTPUT_TOOLTIPS = ("The model, for KSampler or a guider.",)
    FUNCTION = "wrap"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "required": {
                "model": ("MODEL", {"tooltip": "The model after all LoRAs and patches."}),
                "recipe": (
                    "STRING",
                    {"default": "", "multiline": True, "tooltip": "The text of Better Noise Recipe, one line for each image of the batch."},
                ),
                "on_error": _WIDGETS["on_error"],
                "img2img": _WIDGETS["img2img"],
                "target": ("STRING", {"default": DEFAULT_TARGET, "tooltip": "The sidecar's address, for recipes that need it."}),
            },
            "hidden": {"unique_id": "UNIQUE_ID"},
        }

    @classmethod
    def IS_CHANGED(cls, unique_id: Any = "", **_: Any) -> str:
        return status.change_marker(str(unique_id))

    def wrap(self, model: Any, recipe: str, on_error: str, img2img: bool, target: str, unique_id: Any = "") -> tuple[Any]:
        return (wrapped(model, RecipeWrapper(str(unique_id), recipe, on_error, img2img, target)),)


NODE_CLASS_MAPPINGS = {
    "PrenoiseBetterNoise": BetterNoiseModel,
    "PrenoiseBetterNoiseNoise": BetterNoiseNoise,
    "PrenoiseOptions": BetterNoiseOptions,
    "PrenoiseCandidates": BetterNoiseCandidates,
    "PrenoiseRecipe": BetterNoiseRecipe,
    "PrenoiseFromRecipe": BetterNoiseFromRecipe,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "PrenoiseBetterNoise": "Better Noise (model)",
    "PrenoiseBetterNoiseNoise": "Better Noise (noise)",
    "PrenoiseOptions": "Better Noise Options",
    "PrenoiseCandidates": "Better Noise Candidates",
    "PrenoiseRecipe": "Better Noise Recipe",
    "PrenoiseFromRecipe": "Better Noise From Recipe",
}
