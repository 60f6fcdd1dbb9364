"""The contract's enum values as people type them: AttentionLoss.SELF_CROSS is "self-cross"."""

from __future__ import annotations

from enum import IntEnum
from typing import List, Type, TypeVar, Union

E = TypeVar("E", bound=IntEnum)


def of(value: IntEnum) -> str:
    """The value as it is typed."""
    return value.name.lower().replace("_", "-")


def choices(kind: Type[E]) -> List[str]:
    """Every name but "unspecified", in the contract's order."""
    return [of(value) for value in kind if value != 0]


def parse(kind: Type[E], name: Union[str, E], field: str) -> E:
    """The value of a name, or the value itself. Raises ValueError, which names the field and lists the names there are."""
    if isinstance(name, kind):
        return name
    if name not in choices(kind):
        raise ValueError(f"{field}: {name!r} (expected: one of {', '.join(choices(kind))})")
    return kind[str(name).upper().replace("-", "_")]
