"""Reads what a workflow says beside the objects that it hands on: which file a model came from, which text a sampler's conditioning.

A graph is ComfyUI's API form: node id -> {"class_type": ..., "inputs": {name: literal, or [node id, output index]}}. Nodes of other packs
are recognised by the names of their inputs, never by their class.
"""

from __future__ import annotations

import ntpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

Graph = Mapping[str, Mapping[str, Any]]

_FILES = ("ckpt_name", "unet_name", "model_name", "model_path")
_TEXTS = ("text", "text_g", "t5xxl", "clip_g", "clip_l", "text_l", "prompt", "string", "value", "populated_text", "wildcard_text")
_CONDITIONINGS = ("conditioning", "conditioning_1", "conditioning_to", "cond1", "conditionings")
_LONGEST_TEXT = 100_000  # characters of a joined one; a sidecar takes far fewer
_LONGEST_CHAIN = 32  # nodes that a text comes through


@dataclass(frozen=True)
class Lora:
    """One LoRA on the way to a model: its file name without folders, and both strengths."""

    name: str
    strength: float
    text_strength: float


@dataclass(frozen=True)
class ModelSource:
    """Where a model comes from: its file's name as the workflow has it, "" where none was found, and the LoRAs put on it, first one first."""

    file: str
    loras: tuple[Lora, ...]

    @property
    def file_name(self) -> str:
        """The file's name without folders, which is what a sidecar is asked for."""
        return base_name(self.file)


@dataclass(frozen=True)
class Texts:
    """The texts of a sampler's conditionings; None where the graph does not show one."""

    positive: Optional[str]
    negative: Optional[str]


def base_name(path: str) -> str:
    """The last part of a path in either system's spelling: workflows travel between them."""
    return ntpath.basename(path)


def model_source(graph: Graph, node_id: str) -> ModelSource:
    """Follows the `model` inputs from a node, or from its guider, up to the loader."""
    loras: list[Lora] = []
    for inputs in _upwards(graph, node_id, ("model", "model1", "base_model", "guider")):
        loras[:0] = _loras(inputs)
        file = next((inputs[name] for name in _FILES if isinstance(inputs.get(name), str)), None)
        if file is not None:
            return ModelSource(file, tuple(loras))
    return ModelSource("", tuple(loras))


def texts_for(graph: Graph, sampler_id: Optional[str], model_node_id: Optional[str]) -> Texts:
    """The texts of the sampler that runs, or where that is not known, of the only sampler that uses a node's outputs."""
    if sampler_id is not None and _has_conditioning(_inputs(graph, sampler_id)):
        return _texts(graph, sampler_id)
    if model_node_id is None:
        return Texts(None, None)
    found = {_texts(graph, node_id) for node_id in _downstream(graph, model_node_id) if _has_conditioning(_inputs(graph, node_id))}
    return found.pop() if len(found) == 1 else Texts(None, None)


def _texts(graph: Graph, sampler_id: str) -> Texts:
    inputs = _inputs(graph, sampler_id)
    guider = _link(inputs.get("guider"))
    if guider is not None:
        inputs = _inputs(graph, guider[0])
    positive = next((inputs[name] for name in ("positive", *_CONDITIONINGS) if name in inputs), None)
    return Texts(_conditioning_text(graph, positive, "positive"), _conditioning_text(graph, inputs.get("negative"), "negative"))


def _has_conditioning(inputs: Mapping[str, Any]) -> bool:
    return "guider" in inputs or ("positive" in inputs and ("latent_image" in inputs or "model" in inputs))


def _conditioning_text(graph: Graph, value: Any, role: str) -> Optional[str]:
    """The text that a conditioning was made from. Where several were joined it is the first one's: the main prompt."""
    seen: set[str] = set()
    while True:
        link = _link(value)
        if link is None:
            return value if isinstance(value, str) else None
        node_id, output = link
        if node_id in seen:
            return None
        seen.add(node_id)
        inputs = _inputs(graph, node_id)
        if "positive" in inputs and "negative" in inputs:
            role = "negative" if output == 1 else "positive"
            value = inputs[role]
            continue
        through = next((name for name in (role, *_CONDITIONINGS) if _link(inputs.get(name)) is not None), None)
        if through is not None:
            value = inputs[through]
            continue
        texts = [_string(graph, inputs[name]) for name in _TEXTS if name in inputs]
        known = [text for text in texts if text is not None]
        if known:
            return next((text for text in known if text), "")
        value = inputs.get(role, _only_link(inputs))


def _string(graph: Graph, value: Any, known: Optional[dict[tuple[str, int], Optional[str]]] = None, depth: int = 0) -> Optional[str]:
    """A text that is written or linked; None where the graph does not show it, or it goes on and on.

    `known` has the texts that were followed already, None those that are being followed: joined texts that are joined again double at each step.
    """
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else None
    link = _link(value)
    if link is None or depth > _LONGEST_CHAIN:
        return None
    known = {} if known is None else known
    if link not in known:
        known[link] = None
        known[link] = _node_string(_inputs(graph, link[0]), graph, known, depth + 1)
    return known[link]


def _node_string(inputs: Mapping[str, Any], graph: Graph, known: dict[tuple[str, int], Optional[str]], depth: int) -> Optional[str]:
    if "string_a" in inputs and "string_b" in inputs:
        delimiter = inputs.get("delimiter", "")
        parts = [_string(graph, inputs[name], known, depth) for name in ("string_a", "string_b")]
        if None in parts or not isinstance(delimiter, str):
            return None
        joined = delimiter.join(part for part in parts if part is not None)
        return joined if len(joined) <= _LONGEST_TEXT else None
    named = [name for name in _TEXTS if name in inputs]
    return _string(graph, inputs[named[0]] if len(named) == 1 else _only_link(inputs), known, depth)


def _loras(inputs: Mapping[str, Any]) -> list[Lora]:
    found = []
    name = inputs.get("lora_name")
    if isinstance(name, str) and name not in ("", "None"):
        strength = _number(inputs.get("strength_model", inputs.get("strength")), 1.0)
        # A loader without a text strength is one for the model alone.
        found.append(Lora(base_name(name), strength, _number(inputs.get("strength_clip"), 0.0)))
    for value in inputs.values():
        if isinstance(value, Mapping) and isinstance(value.get("lora"), str) and value.get("on", True):
            strength = _number(value.get("strength"), 1.0)
            found.append(Lora(base_name(value["lora"]), strength, _number(value.get("strengthTwo"), strength)))
    return found


def _number(value: Any, default: float) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def _upwards(graph: Graph, node_id: str, names: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    """A node's inputs, then those of the node that its named input comes from, and so on."""
    seen: set[str] = set()
    next_id: Optional[str] = node_id
    while next_id is not None and next_id not in seen:
        seen.add(next_id)
        inputs = _inputs(graph, next_id)
        yield inputs
        link = next((link for link in (_link(inputs.get(name)) for name in names) if link), None) or _link(_only_link(inputs))
        next_id = link[0] if link else None


def _downstream(graph: Graph, node_id: str) -> list[str]:
    reached = [node_id]
    for source in reached:
        for other, node in graph.items():
            links = (_link(value) for value in node.get("inputs", {}).values())
            if other not in reached and any(link is not None and link[0] == source for link in links):
                reached.append(other)
    return reached[1:]


def _only_link(inputs: Mapping[str, Any]) -> Any:
    """The one linked input of a node that hands something on under another name, such as a reroute."""
    links = [value for value in inputs.values() if _link(value) is not None]
    return links[0] if len(links) == 1 else None


def _inputs(graph: Graph, node_id: str) -> Mapping[str, Any]:
    node = graph.get(node_id, {})
    inputs = node.get("inputs", {}) if isinstance(node, Mapping) else {}
    return inputs if isinstance(inputs, Mapping) else {}


def _link(value: Any) -> Optional[tuple[str, int]]:
    if isinstance(value, (list, tuple)) and len(value) == 2 and isinstance(value[0], (str, int)) and isinstance(value[1], int):
        return str(value[0]), value[1]
    return None
