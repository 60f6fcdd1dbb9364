"""The texts of the tokens that a model's attention sees, in the order in which it sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_CLIPS = ("l", "g", "h")


class UnknownLayout(ValueError):
    """The conditioning is not what the text's tokens would give; the message is for the user."""


def pieces_of(tokens: Mapping[str, Any], tokenizer: Any, text: str, length: int) -> list[str]:
    """The token texts of a prompt, "" for each that stands for no text.

    tokens: what ComfyUI's tokenizer makes of the text, chunks of (token, weight) by text encoder. length: of the conditioning, [1, length, D],
    which tells SD3's CLIP followed by T5 from CLIP alone and from Flux' T5 alone. Raises UnknownLayout where no layout of the tokens is that
    long: then the conditioning was not made from this text, or not by this kind of text encoder.
    """
    parts = {name: _pieces(_inner(tokenizer, name), chunks) for name, chunks in tokens.items()}
    clip = next((parts[name] for name in _CLIPS if name in parts), None)
    t5 = next((parts[name] for name in parts if "t5" in name), None)
    if clip is not None and t5 is not None:
        layouts = [clip + t5, clip, t5]
    else:
        layouts = [part for part in (clip, t5) if part is not None] or list(parts.values())[:1]
    for layout in layouts:
        if len(layout) == length:
            return layout
    expected = " or ".join(str(len(layout)) for layout in layouts)
    raise UnknownLayout(
        f"the conditioning has {length} tokens, but the text {_short(text)} gives {expected}: connect the text that was encoded to prompt, "
        "or the text encoder to clip"
    )


def _inner(tokenizer: Any, name: str) -> Any:
    """The tokenizer of one text encoder: ComfyUI keeps them as clip_l, clip_g, t5xxl, ..."""
    for attribute in (f"clip_{name}", name):
        if hasattr(tokenizer, attribute):
            return getattr(tokenizer, attribute)
    return tokenizer


def _pieces(tokenizer: Any, chunks: Sequence[Sequence[Sequence[Any]]]) -> list[str]:
    names: Mapping[int, str] = tokenizer.inv_vocab
    silent = {getattr(tokenizer, attribute, None) for attribute in ("start_token", "end_token", "pad_token")}
    # A textual inversion's vectors stand where a token would, and are no text.
    return [names.get(token[0], "") if isinstance(token[0], int) and token[0] not in silent else "" for chunk in chunks for token in chunk]


def _short(text: str) -> str:
    return f'"{text}"' if len(text) <= 60 else f'"{text[:57]}..."'
