"""Axes of the X/Y/Z plot: each sets one field of `Settings` for its cells."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, List

from .settings import Settings, read

AXES = ("enabled", "where", "strategy", "loss", "then", "optimize", "algorithm", "verifiers", "candidates", "keep", "search_steps", "hires", "subjects")
CHANGES = "prenoise_xyz"  # the attribute of the host's p that carries a cell's fields


def options(axis_option: Callable[..., Any]) -> List[Any]:
    """One option for each of AXES, made by the host's own class."""
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    return [_option(axis_option, fields[name]) for name in AXES]


def _option(axis_option: Callable[..., Any], field: "dataclasses.Field[Any]") -> Any:
    kind = type(field.default)
    choices = list(field.metadata["choices"]) or (["True", "False"] if kind is bool else None)

    def confirm(p: Any, values: List[Any]) -> None:
        for value in values:
            read(field, value)

    more = {"choices": lambda: choices} if choices else {}
    return axis_option(f"[Prenoise] {field.metadata['label']}", int if kind is int else str, _apply(field), confirm=confirm, **more)


def _apply(field: "dataclasses.Field[Any]") -> Callable[[Any, Any, Any], None]:
    def apply(p: Any, value: Any, values: Any) -> None:
        # A new dictionary: cells are shallow copies of one p.
        setattr(p, CHANGES, {**getattr(p, CHANGES, {}), field.name: read(field, value)})

    return apply


def register(scripts_data: Any) -> bool:
    """Adds the axes to the host's X/Y/Z script, once; False where the host has none."""
    for entry in scripts_data:
        module = getattr(entry, "module", None)
        options_there = getattr(module, "axis_options", None)
        if options_there is None or not str(getattr(entry.script_class, "__module__", "")).endswith("xyz_grid.py"):
            continue
        if not any(option.label.startswith("[Prenoise]") for option in options_there):
            options_there.extend(options(module.AxisOption))
        return True
    return False
