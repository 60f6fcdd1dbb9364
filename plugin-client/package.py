#!/usr/bin/env python3
"""Makes the plugins that users install: prenoise-comfyui.zip and prenoise-a1111.zip, each with the package `prenoise` inside.

    python3 plugin-client/package.py            # into plugin-client/target
    python3 plugin-client/package.py --output DIR

Unpacked into custom_nodes/ or extensions/ a zip is one folder that needs grpcio and nothing else. The same sources make the same bytes: names are
sorted, times and modes fixed, caches and tests left out.
"""

import argparse
import stat
import sys
import zipfile
from pathlib import Path
from typing import Iterator, List, Tuple

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
PLUGINS = ("comfyui", "a1111")
LEFT_OUT_FOLDERS = frozenset(("tests", "__pycache__", "target", "build", "dist"))
LEFT_OUT_ENDINGS = (".pyc", ".pyo", ".orig", ".rej", ".swp", "~")
TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can tell


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE / "target", metavar="DIR", help="default: %(default)s")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for plugin in PLUGINS:
        path = args.output / f"prenoise-{plugin}.zip"
        files = contents(plugin)
        write(path, files)
        print(f"{path}: {len(files)} files, {path.stat().st_size / 1024:.0f} KiB")
    return 0


def contents(plugin: str) -> List[Tuple[str, Path]]:
    """The names in a plugin's zip and the files that they are of, sorted by name."""
    folder = f"prenoise-{plugin}"
    found = [(f"{folder}/{name}", path) for name, path in sources(HERE / plugin)]
    found += [(f"{folder}/prenoise/{name}", path) for name, path in sources(HERE / "python" / "prenoise")]
    found.append((f"{folder}/LICENSE", REPOSITORY / "LICENSE"))
    return sorted(found)


def sources(root: Path) -> Iterator[Tuple[str, Path]]:
    """Every file below a folder that users need, with its path from there."""
    if not root.is_dir():
        raise FileNotFoundError(f"{root} (expected: a folder of plugin-client)")
    for path in root.rglob("*"):
        inner = path.relative_to(root)
        hidden = any(part.startswith(".") for part in inner.parts)
        if path.is_file() and not hidden and not LEFT_OUT_FOLDERS.intersection(inner.parts[:-1]) and not path.name.endswith(LEFT_OUT_ENDINGS):
            yield inner.as_posix(), path


def write(path: Path, files: List[Tuple[str, Path]]) -> None:
    """Writes a zip whose bytes follow from the files' names and contents alone."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, source in files:
            entry = zipfile.ZipInfo(name, TIME)
            entry.create_system = 3  # Unix, also where it is made on Windows: it decides how modes are read
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, source.read_bytes(), zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    sys.exit(main())
