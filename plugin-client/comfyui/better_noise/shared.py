"""Finds the package `prenoise`, which every plugin shares."""

import importlib.util
import sys
from pathlib import Path

NODE_PACK = Path(__file__).resolve().parent.parent


def add_prenoise_to_path(node_pack: Path = NODE_PACK) -> None:
    """Makes `import prenoise` work.

    A packaged node pack carries the package in itself; in a checkout, also where the node pack's folder is a symbolic link in custom_nodes,
    it lies beside it. One that is installed, or that another plugin has already loaded, is used where neither is there.
    """
    for folder in (node_pack, node_pack.parent / "python"):
        if (folder / "prenoise" / "__init__.py").is_file():
            if str(folder) not in sys.path:
                # Last: nothing that the host ships can be shadowed by a name that happens to lie in this folder.
                sys.path.append(str(folder))
            return
    if "prenoise" not in sys.modules and importlib.util.find_spec("prenoise") is None:
        raise ImportError(
            f"the package prenoise is missing: looked in {node_pack} and {node_pack.parent / 'python'}. Install the node pack from "
            "prenoise-comfyui.zip, or link plugin-client/comfyui of a whole checkout into custom_nodes"
        )
