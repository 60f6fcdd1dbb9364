"""What a user can set: the accordion's components, the arguments of the API, the axes of X/Y/Z plots and what infotext keeps.

The order of the fields of `Settings` is the order of the components and of positional API arguments: fields are appended, never moved.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

LOSSES = ("initno", "conform", "self-cross", "attend-and-excite")
ALGORITHMS = ("random", "zero-order", "paths", "zero-order-then-paths", "first-order")
WHERE = ("auto", "host", "sidecar")
STRATEGIES = ("attention", "pictures", "attention, then pictures")
ON_ERROR = ("plain noise", "stop")
NO_LOSS = "none"
PLAIN = "plain noise"  # what infotext says of a picture whose search failed


def _field(default: Any, label: str, info: str, choices: Sequence[str] = (), low: Optional[float] = None, high: Optional[float] = None,
           infotext: bool = True) -> Any:
    return dataclasses.field(default=default, metadata={"label": label, "info": info, "choices": tuple(choices), "low": low, "high": high,
                                                        "infotext": infotext})


@dataclass(frozen=True)
class Settings:
    """One user's wishes for one run; see each field's `info`."""

    enabled: bool = _field(False, "Enable", "Search for better initial noise before each picture is sampled.", infotext=False)
    where: str = _field("auto", "Evaluate on",
                        "host: the model that is loaded here, with its LoRAs; no second copy. sidecar: the sidecar's own copy of the checkpoint. "
                        "auto: host where its attention can be read, else sidecar.", WHERE)
    strategy: str = _field("attention", "Choose by",
                           "attention: what the first step looks at, one network call each. pictures: verifiers judge finished pictures. "
                           "Or screen by attention, then judge pictures of the best.", STRATEGIES)
    loss: str = _field("initno", "Attention loss", "How the first step's attention is scored.", LOSSES)
    then: str = _field(NO_LOSS, "Second loss", "A second stage by another loss, which decides.", (NO_LOSS, *LOSSES))
    optimize: bool = _field(False, "Optimise each candidate", "InitNO's gradient steps; ten evaluations a candidate.")
    algorithm: str = _field("random", "Search", "How noise is proposed when pictures are judged.", ALGORITHMS)
    verifiers: str = _field("clip", "Verifiers", "Names that the sidecar knows, with a weight where wanted: clip, aesthetic:0.5")
    candidates: int = _field(16, "Candidates", "Noises to score for each picture, its own among them; by pictures, as many pictures' worth.",
                             low=1, high=512)
    keep: int = _field(8, "Keep", "Screened noises whose pictures are judged.", low=1, high=64)
    search_steps: int = _field(0, "Steps of judged pictures", "0: as many as the picture itself.", low=0, high=150)
    plateau: bool = _field(False, "Stop when going on is not worth it", "May end before all candidates are scored.")
    time_limit: float = _field(0.0, "Seconds at most", "For each picture; 0: no limit.", low=0, high=3600)
    subjects: str = _field("", "Subjects", "Words of the prompt that must not be lost, such as: cat, red apple. Empty: found in the prompt.")
    on_error: str = _field(PLAIN, "When the search fails", "plain noise: the picture is made without it, and says so. stop: no picture.", ON_ERROR)
    hires: bool = _field(False, "Also search for hires passes", "The second pass of hires. fix keeps most of the first; seldom worth it.")
    preview: bool = _field(True, "Preview the best candidate", "Where pictures are judged, the best so far is the live preview.", infotext=False)
    recipe: str = _field("", "Noise recipe", "Of a picture made before, from its infotext: its noise is made again without a search.",
                         infotext=False)
    model: str = _field("", "Sidecar's model", "Empty: the checkpoint that is loaded here, found by hash or file name.", infotext=False)
    address: str = _field("", "Sidecar", "host:port; empty: the one in Settings. Beyond this machine only hosts on the allow-list.",
                          infotext=False)

    @classmethod
    def of(cls, args: Sequence[Any], changes: Mapping[str, Any] = {}) -> "Settings":  # noqa: B006 (never written)
        """Settings of a run.

        args: the components' values in order, or one dict of field names; missing ones keep their defaults. changes: fields that an X/Y/Z plot
        sets. Raises ValueError that names the field and what was expected.
        """
        fields = dataclasses.fields(cls)
        if args and isinstance(args[0], dict):
            given: Dict[str, Any] = dict(args[0])
        else:
            if len(args) > len(fields):
                raise ValueError(f"args: {len(args)} values (expected: at most {len(fields)})")
            given = {field.name: value for field, value in zip(fields, args)}
        given.update(changes)
        known = {field.name: field for field in fields}
        values = {}
        for name, value in given.items():
            if name not in known:
                raise ValueError(f"{name} (expected: one of {', '.join(known)})")
            if value is not None:
                values[name] = read(known[name], value)
        return cls(**values)

    def infotext(self) -> Dict[str, str]:
        """What infotext keeps beside "Prenoise: on": the settings that are not at their defaults, by label."""
        return {key_of(field): text_of(getattr(self, field.name)) for field in dataclasses.fields(self)
                if field.metadata["infotext"] and getattr(self, field.name) != field.default}


def key_of(field: "dataclasses.Field[Any]") -> str:
    """A setting's key in infotext."""
    return "Prenoise " + field.name.replace("_", " ")


def text_of(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def read(field: "dataclasses.Field[Any]", value: Any) -> Any:
    """A component's, an API call's, an axis' or an infotext's value as the field's own type. Raises ValueError that names the field."""
    kind, meta = type(field.default), field.metadata
    if kind is bool:
        return _flag(field.name, value)
    if kind is str:
        text = str(value).strip()
        if not meta["choices"]:
            return text
        matching = [choice for choice in meta["choices"] if choice.lower() == text.lower()]
        if not matching:
            raise ValueError(f"{field.name}: {text!r} (expected: one of {', '.join(map(repr, meta['choices']))})")
        return matching[0]
    try:
        number = float(value)
        if not math.isfinite(number) or (kind is int and number != int(number)):
            raise ValueError(number)
    except (TypeError, ValueError):
        raise ValueError(f"{field.name}: {value!r} (expected: a {'whole ' if kind is int else ''}number)") from None
    if not meta["low"] <= number <= meta["high"]:
        raise ValueError(f"{field.name}: {value!r} (expected: {meta['low']} to {meta['high']})")
    return kind(number)


def _flag(name: str, value: Any) -> bool:
    if isinstance(value, str):
        known = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}
        if value.strip().lower() not in known:
            raise ValueError(f"{name}: {value!r} (expected: true or false)")
        return known[value.strip().lower()]
    return bool(value)


def pasted(field: "dataclasses.Field[Any]", params: Mapping[str, Any]) -> Any:
    """What a component becomes when infotext is pasted; None: it stays as it is.

    A picture that Prenoise had no part in, or whose search failed, switches it off: pasted, it comes out as it was.
    """
    said = params.get("Prenoise")
    if field.name == "enabled":
        return said not in (None, PLAIN)
    if field.name == "recipe":
        return params.get("Prenoise recipe", "") if said is not None else ""
    if said is None or not field.metadata["infotext"]:
        return None
    value = params.get(key_of(field))
    try:
        return field.default if value is None else read(field, value)
    except ValueError:
        return None  # of a later version: better the user's own choice than none of what else was pasted


class VerifierWeight(NamedTuple):
    name: str
    weight: float  # 0: the sidecar's default, 1


def verifiers(text: str) -> List[VerifierWeight]:
    """Reads "clip, aesthetic:0.5". Raises ValueError where there is none or a weight is no number."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, colon, weight = part.partition(":")
        try:
            found.append(VerifierWeight(name.strip(), float(weight) if colon else 0.0))
        except ValueError:
            raise ValueError(f"verifiers: {part!r} (expected: NAME or NAME:WEIGHT)") from None
        if not name.strip() or not math.isfinite(found[-1].weight) or found[-1].weight < 0:
            raise ValueError(f"verifiers: {part!r} (expected: NAME or NAME:WEIGHT)")
    if not found:
        raise ValueError("verifiers: '' (expected: at least one name, such as clip)")
    return found


def words(text: str) -> Tuple[str, ...]:
    """The subjects that a user names, separated by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
