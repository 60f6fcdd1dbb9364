"""A verifier of your own: saves a PyTorch module as TorchScript with the card that says how pictures are shown to it.

    python export_verifier.py DIR        with torch; writes DIR/colourfulness.pt and DIR/colourfulness.verifier.json

Then give DIR to --verifiers and "colourfulness" to a search. Replace Colourfulness and CARD by yours; docs/verifiers.md ("Your own, as
TorchScript") says what a card may hold. The module is called as forward(pixels), or forward(pixels, ids, mask) where the card has "text".
"""
import json
import sys
from pathlib import Path

import torch
from torch import Tensor


class Colourfulness(torch.nn.Module):
    """Hasler and Suesstrunk 2003: how far the colours of a picture are from grey, and from each other."""

    def forward(self, pixels: Tensor) -> Tensor:
        """[B, 3, size, size], normalised as the card says, here left in [0, 1], to [B], higher is better"""
        red, green, blue = 255 * pixels[:, 0], 255 * pixels[:, 1], 255 * pixels[:, 2]
        rg = (red - green).flatten(1)
        yb = (0.5 * (red + green) - blue).flatten(1)
        spread = (rg.var(1) + yb.var(1)).sqrt()
        return spread + 0.3 * (rg.mean(1) ** 2 + yb.mean(1) ** 2).sqrt()


CARD = {
    "name": "colourfulness",
    "title": "Colourfulness of Hasler and Suesstrunk: 0 (grey) to about 110",
    "size": 256,
    "resize": "exact",
    "filter": "bilinear",
    "mean": [0, 0, 0],
    "std": [1, 1, 1],
    "text": "none",
    "output": "score",
    "differentiable": True,
}


def export(module, card, folder):
    folder.mkdir(parents=True, exist_ok=True)
    torch.jit.save(torch.jit.script(module.eval()), folder / f"{card['name']}.pt")
    (folder / f"{card['name']}.verifier.json").write_text(json.dumps(card, indent=2) + "\n")


if __name__ == "__main__":
    export(Colourfulness(), CARD, Path(sys.argv[1]))
