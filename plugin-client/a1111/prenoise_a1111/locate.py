"""Finds the package `prenoise`, which the plugins for all hosts share."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def add_prenoise(extension: Path) -> Path:
    """Makes `import prenoise` work and says from which folder.

    In a packaged extension the package lies in the extension's own folder; in a checkout, also one that `extensions/` has a symbolic link to, in
    `../python`; else an installed one is taken. Raises ModuleNotFoundError where there is none.
    """
    loaded = sys.modules.get("prenoise")
    if loaded is not None and getattr(loaded, "__file__", None):
        return Path(str(loaded.__file__)).parent
    for home in (extension, extension.resolve(), extension.resolve().parent / "python"):
        if (home / "prenoise" / "__init__.py").is_file():
            if str(home) not in sys.path:
                sys.path.append(str(home))
            return home / "prenoise"
    found = importlib.util.find_spec("prenoise")
    if found is not None and found.origin:
        return Path(found.origin).parent
    raise ModuleNotFoundError(
        f"the package prenoise is neither in {extension} (a packaged extension) nor in {extension.resolve().parent / 'python'} (a checkout). "
        "Copy the whole extension again, or link the folder plugin-client/a1111 of a complete checkout."
    )
