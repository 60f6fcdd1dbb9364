#!/usr/bin/env python3
"""Asks a running sidecar for better noise, shows the candidates as they come, and keeps the best: picture, noise and recipe.

pip install ./plugin-client/python
./prenoise serve                                    # in the repository's root, in another terminal
python plugin-client/python/examples/optimize.py "a red circle and a blue square"
python plugin-client/python/examples/optimize.py "a red circle and a blue square" --verifier oracle -n 8
"""

import argparse
import sys
from pathlib import Path

import prenoise
from prenoise import recipes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prompt")
    parser.add_argument("--target", default="127.0.0.1:50551")
    parser.add_argument("-n", type=int, default=16, help="candidates to score")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--verifier", action="append", default=[], help="judges pictures, in place of an attention loss; may be given again")
    parser.add_argument("--output", type=Path, default=Path("prenoise-example.png"))
    args = parser.parse_args()
    try:
        with prenoise.optimize(args.prompt, n=args.n, seed=args.seed, verifiers=args.verifier, target=args.target) as found:
            for candidate in found:
                star = " *" if candidate.best_so_far else ""
                print(f"candidate {candidate.index:3d}  {recipes.describe(candidate.recipe)}  {candidate.score:.4f}{star}")
            best, plain = found.best, found.summary.baseline
    except KeyboardInterrupt:
        sys.exit(130)  # the search was stopped when the block was left
    except prenoise.PrenoiseError as error:
        sys.exit(str(error))
    print(f"plain seed {plain.score:.4f}, best {best.score:.4f}: {recipes.to_text(best.recipe)}")
    args.output.write_bytes(best.preview_png)
    # Little-endian float32, unit variance, [1, C, H, W]; multiply by your sampler's first sigma. prenoise.arrays makes numpy's or torch's of it.
    args.output.with_suffix(".noise").write_bytes(best.noise.data)
    print(f"picture in {args.output}, noise of shape {best.noise.shape} in {args.output.with_suffix('.noise')}")


if __name__ == "__main__":
    main()
