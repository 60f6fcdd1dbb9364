"""Which nodes fell back to plain noise: such a result must not be kept in ComfyUI's cache."""

from __future__ import annotations

import threading

_lock = threading.Lock()
_fallbacks: dict[str, int] = {}


def fell_back(node_id: str) -> None:
    """Notes that a node's search failed, so that the next run does not take the plain picture from the cache."""
    with _lock:
        _fallbacks[node_id] = _fallbacks.get(node_id, 0) + 1


def change_marker(node_id: str) -> str:
    """What IS_CHANGED answers: another text after each fallback of the node, the same as long as all goes well."""
    with _lock:
        return f"fallbacks: {_fallbacks.get(node_id, 0)}"
