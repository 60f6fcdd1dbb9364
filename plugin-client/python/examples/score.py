#!/usr/bin/env python3
"""Asks a running sidecar what its verifiers say of pictures, and prints the best first.

pip install ./plugin-client/python
./prenoise serve                                    # in the repository's root, in another terminal
python plugin-client/python/examples/score.py --prompt "a red circle" --verifier oracle a.png b.png
"""

import argparse
import math
import sys
from pathlib import Path

import prenoise
from prenoise import wire


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="+", type=Path, help="PNG, JPEG or WebP files")
    parser.add_argument("--prompt", default="")
    parser.add_argument("--verifier", action="append", help="may be given again; without one, those there are get listed")
    parser.add_argument("--target", default="127.0.0.1:50551")
    args = parser.parse_args()
    try:
        sidecar = prenoise.Sidecar(args.target)
        if not args.verifier:
            sys.exit("--verifier: one of " + ", ".join(v.name for v in sidecar.capabilities().verifiers if v.available))
        answer = sidecar.score_images([image.read_bytes() for image in args.images], args.prompt, [wire.Verifier(name) for name in args.verifier])
    except prenoise.PrenoiseError as error:
        sys.exit(str(error))
    scored = zip(args.images, answer.scores)
    for image, score in sorted(scored, key=lambda pair: -pair[1].ensemble if math.isfinite(pair[1].ensemble) else math.inf):
        raw = "  ".join(f"{name} {value:.4f}" for name, value in sorted(score.scores.items()))
        print(f"{score.ensemble:.4f}  {image}  {raw}")
    for warning in answer.warnings:
        print(f"warning: {warning}", file=sys.stderr)


if __name__ == "__main__":
    main()
