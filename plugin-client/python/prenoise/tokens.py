"""Which positions of a host's own token sequence the words of a prompt have.

The sidecar finds a prompt's subjects and says where their words stand in the text; the host knows only its pieces. `align` lays the pieces back over
the text, by their characters and in order, so that the same word twice has two places. Case, Unicode form, curly quotes, white space and
characters without width are looked through, because tokenizers change them each in its own way.

Pieces are written as tokenizers keep them in their vocabularies: CLIP's and GPT-2's byte-level pieces ("cat</w>", "\\u00f0\\u0141", "\\u0120cat"), T5's
("\\u2581cat", "<0xE2>", "<unk>"), or as plain text. Pieces that stand for no text are "".
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

from . import wire
from .errors import PrenoiseError

SPECIAL = frozenset(("<|startoftext|>", "<|endoftext|>", "<s>", "</s>", "<pad>", "<|im_start|>", "<|im_end|>"))
UNKNOWN = frozenset(("<unk>", "[UNK]"))

Span = Tuple[int, int]  # of a text, in code points, the end exclusive


class WordNotFound(PrenoiseError, ValueError):
    """A word of the prompt that the pieces do not have, or not whole; `word` is it."""

    def __init__(self, word: str, why: str) -> None:
        super().__init__(f'"{word}" {why}')
        self.word = word


def align(text: str, pieces: Sequence[str]) -> List[Optional[Span]]:
    """For each piece the stretch of the text that it stands for, or None where it stands for none.

    Pieces that share a character (one of several bytes) have it in both stretches. Text that no piece stands for, because it was cut off or is
    the name of an embedding, is in none.
    """
    return list(_align(text, tuple(pieces))[0])


def token_indices(found: wire.FoundSubject, text: str, pieces: Sequence[str]) -> wire.Subject:
    """The subject with the positions of its words, attributes first and the noun last, as the contract asks for them.

    `found` and `text` are of one FindSubjectsResponse. Raises WordNotFound where a word is missing from the pieces or was cut off.
    """
    spans, covered = _align(text, tuple(pieces))
    positions: List[int] = []
    for word in found.words:
        own = [i for i, span in enumerate(spans) if span is not None and span[0] < word.end and word.start < span[1]]
        name = text[word.start : word.end]
        if not own:
            raise WordNotFound(name, "has no token (expected: a word that the model reads; was it cut off, or changed before it was tokenised?)")
        if not covered.issuperset(i for i in range(word.start, word.end) if _folded(text[i])):
            raise WordNotFound(name, "has tokens for a part of it only (expected: a word that the model reads whole; it was cut off)")
        positions = [i for i in positions if i not in own] + own
    if not positions:
        raise WordNotFound(found.subject.text if found.subject else "", "has no place in the text (expected: the spans of its words)")
    subject = found.subject or wire.Subject()
    return wire.Subject(subject.text, list(subject.attributes), positions)


class _Char(NamedTuple):
    """A character as it is compared, and where it comes from."""

    char: str
    first: int  # of a text: its place; of pieces: the first piece that has a byte of it
    last: int
    begins: bool  # a word, or a mark, begins with it
    apart: bool = False  # of a text: white space, or what is looked through, stands before it


_UNKNOWN = "\ufffc"  # stands for what a tokenizer did not know: any characters of one word
_BROKEN = "\ufffd"  # stands for a byte that is of no whole character: the others were cut off


@functools.lru_cache(maxsize=4096)
def _folded(char: str) -> str:
    """A character without case, compatibility form, width; "" for those that are looked through."""
    char = _QUOTES.get(char, char)
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    return "".join(c for c in decomposed if not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf") and not "\ufe00" <= c <= "\ufe0f")


_QUOTES = {**dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc", "'"), **dict.fromkeys("\u201c\u201d\u201e\u201f", '"')}


def _chars(source: Sequence[Tuple[str, int, int, bool]]) -> List[_Char]:
    """Comparable characters of characters, combining marks in canonical order."""
    out: List[_Char] = []
    begins = apart = False
    for char, first, last, starts in source:
        begins = begins or starts
        folded = char if char in (_UNKNOWN, _BROKEN) else _folded(char)
        for c in folded:
            out.append(_Char(c, first, last, begins, apart))
            begins = apart = False
            at = len(out) - 1
            weight = unicodedata.combining(c)
            while weight and at > 0 and unicodedata.combining(out[at - 1].char) > weight:
                out[at - 1], out[at] = out[at], out[at - 1]
                at -= 1
        apart = apart or not folded
    return out


def _text_chars(text: str) -> List[_Char]:
    return _chars([(char, i, i, i == 0 or text[i - 1].isspace() or not char.isalnum()) for i, char in enumerate(text)])


@functools.lru_cache(maxsize=1)
def _byte_level() -> Dict[str, int]:
    """GPT-2's and CLIP's stand-ins for bytes: printable ones stand for themselves, the others for what follows U+00FF."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {**{chr(byte): byte for byte in printable}, **{chr(256 + i): byte for i, byte in enumerate(others)}}


def _bytes(piece: str, byte_level: bool) -> bytes:
    if not byte_level:
        return piece.encode("utf-8", "replace")
    table = _byte_level()
    return b"".join(bytes((table[char],)) if char in table else char.encode("utf-8", "replace") for char in piece)


def _piece_chars(pieces: Sequence[str]) -> List[_Char]:
    clip = any(piece.endswith("</w>") for piece in pieces)
    sentence = not clip and any("\u2581" in piece for piece in pieces)
    byte_level = clip or not sentence and any(piece.startswith(("\u0120", "\u010a", "\u0109")) for piece in pieces)  # space, line feed, tab
    data = bytearray()
    owners: List[int] = []
    starts = set()
    begins = True
    for i, piece in enumerate(pieces):
        if not piece or piece in SPECIAL:
            begins = True
            continue
        if piece in UNKNOWN:
            own = _UNKNOWN.encode("utf-8")
        elif sentence:
            byte = re.fullmatch(r"<0x([0-9A-Fa-f]{2})>", piece)
            begins = begins or piece.startswith("\u2581")
            own = bytes((int(byte.group(1), 16),)) if byte else _bytes(piece.replace("\u2581", " "), False)
        else:
            ends = clip and piece.endswith("</w>")
            begins = begins or piece[0] in "\u0120 "
            own = _bytes(piece[: -len("</w>")] if ends else piece, byte_level)
        if begins:
            starts.add(len(data))
        begins = clip and piece.endswith("</w>")
        data += own
        owners += [i] * len(own)
    source, at = [], 0
    for char, length in _decoded(bytes(data)):
        source.append((char, owners[at], owners[at + length - 1], at in starts))
        at += length
    return _chars(source)


def _decoded(data: bytes) -> List[Tuple[str, int]]:
    """Characters of UTF-8 with their length in bytes; bytes that are of none are U+FFFD each."""
    out: List[Tuple[str, int]] = []
    at = 0
    while at < len(data):
        lead = data[at]
        length = 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
        try:
            out.append((data[at : at + length].decode("utf-8"), length))
            at += length
        except UnicodeDecodeError:
            out.append((_BROKEN, 1))
            at += 1
    return out


_SURE = 4  # so many characters in a row that agree, or all that are left, end a stretch that does not
_FARTHEST = 1024  # characters that such a stretch has at most; behind a longer one nothing is looked for


@functools.lru_cache(maxsize=8)  # a prompt's subjects come one after the other
def _align(text: str, pieces: Tuple[str, ...]) -> Tuple[Tuple[Optional[Span], ...], FrozenSet[int]]:
    """The spans of `align`, and the places of the text that have a token."""
    here, there = _text_chars(text), _piece_chars(pieces)
    spans: List[Optional[Span]] = [None] * len(pieces)
    covered = set()
    i = j = 0
    while i < len(here) and j < len(there):
        if here[i].char == there[j].char:
            _cover(spans, there[j], here[i].first, here[i].last + 1)
            covered.add(here[i].first)
            i, j = i + 1, j + 1
            continue
        if there[j].char in (_UNKNOWN, _BROKEN):
            a, b = _unknown(here, there, i, j)
            for char in there[j : j + b]:
                _cover(spans, char, here[i].first, here[i + a - 1].last + 1)
            if there[j].char == _UNKNOWN:
                covered.update(char.first for char in here[i : i + a])
        else:
            skipped = _resync(here, there, i, j)
            if skipped is None:
                break
            a, b = skipped
        i, j = i + a, j + b
    return tuple(spans), frozenset(covered)


def _cover(spans: List[Optional[Span]], char: _Char, start: int, end: int) -> None:
    for i in range(char.first, char.last + 1):
        span = spans[i]
        spans[i] = (start, end) if span is None else (min(span[0], start), max(span[1], end))


def _unknown(here: List[_Char], there: List[_Char], i: int, j: int) -> Tuple[int, int]:
    """How many characters of the text something unknown stands for, at least one and all of one word, and how many of the pieces' it is."""
    b = 1
    while j + b < len(there) and there[j + b].char == there[j].char and not there[j + b].begins:
        b += 1
    a = 1
    while i + a < len(here) and not here[i + a].apart:
        if j + b < len(there) and not there[j + b].begins and _agree(here, there, i + a, j + b):
            break
        a += 1
    return a, b


def _resync(here: List[_Char], there: List[_Char], i: int, j: int) -> Optional[Tuple[int, int]]:
    """How many characters of the text and of the pieces to leave out, as few as possible, until words agree again; None = they do not within reach."""
    best: Optional[Tuple[int, int]] = None
    piece_side = [b for b in range(min(len(there) - j, _FARTHEST)) if b == 0 or there[j + b].begins]
    for a in range(min(len(here) - i, _FARTHEST)):
        if best is not None and a >= sum(best):
            break
        if a and not here[i + a].begins:
            continue
        for b in piece_side:
            if best is not None and a + b >= sum(best):
                break
            if a + b and _agree(here, there, i + a, j + b):
                best = (a, b)
                break
    return best


def _agree(here: List[_Char], there: List[_Char], i: int, j: int) -> bool:
    """Whether the next characters are the same, up to one that is unknown."""
    for k in range(min(_SURE, len(here) - i, len(there) - j)):
        if there[j + k].char in (_UNKNOWN, _BROKEN):
            return k > 0
        if here[i + k].char != there[j + k].char:
            return False
    return True
