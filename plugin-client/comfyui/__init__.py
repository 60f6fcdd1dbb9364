"""Better Noise for ComfyUI: pictures start from the best of several noises, as the Prenoise sidecar finds it."""

from .better_noise.shared import add_prenoise_to_path

add_prenoise_to_path()

from .better_noise.nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS  # noqa: E402  (imports prenoise)

WEB_DIRECTORY = "./web"

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS", "WEB_DIRECTORY"]
