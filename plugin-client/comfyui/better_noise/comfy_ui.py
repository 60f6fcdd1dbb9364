"""What a search shows in ComfyUI, and what it hears from there."""

from __future__ import annotations

import io
import logging
import sys
from typing import Any, Optional

import comfy.model_management
import comfy.utils

from .graph import Graph

_PROGRESS_UNITS = 1000
_PREVIEW_SIDE = 512  # pixels; ComfyUI makes a larger picture smaller
_LOG = logging.getLogger("prenoise")


def interrupts() -> tuple[type[BaseException], ...]:
    """The exceptions by which ComfyUI says that its user wants no more."""
    return (comfy.model_management.InterruptProcessingException,)


class NodeUi:
    """Progress and messages of one Better Noise node.

    The bar and the preview stand on the node that runs, the sampler; the text on the Better Noise node itself and in the log.
    """

    def __init__(self, node_id: str) -> None:
        self._node_id = node_id
        self._bar = comfy.utils.ProgressBar(_PROGRESS_UNITS)
        self._shown: Optional[tuple[int, Optional[bytes]]] = None

    def poll(self) -> None:
        """Raises InterruptProcessingException when the user pressed cancel."""
        comfy.model_management.throw_exception_if_processing_interrupted()

    def progress(self, fraction: float, picture: Optional[bytes]) -> None:
        """fraction: 0 to 1; picture: an encoded preview of the best so far."""
        value = int(_PROGRESS_UNITS * fraction)
        if (value, picture) == self._shown:
            return
        self._shown = (value, picture)
        self._bar.update_absolute(value, _PROGRESS_UNITS, None if picture is None else _preview(picture))

    def tell(self, text: str) -> None:
        """A line in the log and on the node."""
        _LOG.info("Better Noise: %s", text)
        _text_on_node(text, self._node_id)

    def warn(self, text: str) -> None:
        """A line in the log and on the node, and a message that pops up in the browser."""
        _LOG.warning("Better Noise: %s", text)
        _text_on_node(text, self._node_id)
        server = _server()
        if server is not None:
            server.send_sync("prenoise.message", {"severity": "warn", "summary": "Better Noise", "detail": text, "node": self._node_id})


def running_graph() -> tuple[Optional[Graph], Optional[str]]:
    """The graph that runs now and the id of the node that runs in it; None where this ComfyUI does not say.

    What a node was handed as its hidden PROMPT may be an older graph: a cached node is not told of a text that changed elsewhere.
    """
    prompt_id, node_id = _executing()
    server = _server()
    queue = getattr(server, "prompt_queue", None)
    if queue is None:
        return None, None
    running = [item for item in list(getattr(queue, "currently_running", {}).values()) if prompt_id is None or item[1] == prompt_id]
    if len(running) != 1 or not isinstance(running[0][2], dict):
        return None, None
    return running[0][2], node_id if node_id in running[0][2] else None


def _executing() -> tuple[Optional[str], Optional[str]]:
    try:
        from comfy_execution.utils import get_executing_context
    except ImportError:  # before 0.3.50
        server = _server()
        return getattr(server, "last_prompt_id", None), getattr(server, "last_node_id", None)
    context = get_executing_context()
    return (None, None) if context is None else (context.prompt_id, context.node_id)


def _server() -> Any:
    """ComfyUI's web server; None where the nodes are used without one."""
    return getattr(getattr(sys.modules.get("server"), "PromptServer", None), "instance", None)


def _text_on_node(text: str, node_id: str) -> None:
    send = getattr(_server(), "send_progress_text", None)
    if send is not None:
        send(text, node_id)


def _preview(picture: bytes) -> Any:
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(picture)).convert("RGB")
    except (OSError, ValueError) as problem:
        _LOG.info("Better Noise: a preview that is no picture: %s", problem)
        return None
    return "JPEG", image, _PREVIEW_SIDE
