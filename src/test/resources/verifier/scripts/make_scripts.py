"""Makes the TorchScript verifiers of this folder, the first by the example that users start from. Run it in this folder, with torch."""
import sys
import zipfile
from pathlib import Path

import torch
from torch import Tensor

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "../../../../tools"))
from export_verifier import CARD, Colourfulness, export  # noqa: E402


class Agreement(torch.nn.Module):
    """Learnt weights of the picture's mean colour, times the sum of the text's ids."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([0.5, -0.25, 2.0]))
        self.dropout = torch.nn.Dropout(0.9)

    def forward(self, pixels: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        return ((self.dropout(pixels.mean([2, 3])) * self.weight).sum(1) * (ids * mask).sum(1) + ids.size(1)).unsqueeze(1)


class Means(torch.nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.mean([2, 3])


class Endless(torch.nn.Module):
    """One through the difference of red and green: nothing finite for a grey picture."""

    def forward(self, pixels: Tensor) -> Tensor:
        return 1 / (pixels[:, 0, 0, 0] - pixels[:, 1, 0, 0])


class Failing(torch.nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        assert pixels.size(1) == 4, "four channels, please"
        return pixels


def card(name, **values):
    return dict(name=name, size=16, mean=[0.5] * 3, std=[0.25] * 3) | values


def strip(script):
    """Of debug records, which hold the path of this file on the machine that ran it."""
    with zipfile.ZipFile(script) as full:
        kept = {name: full.read(name) for name in full.namelist() if not name.endswith(".debug_pkl")}
    with zipfile.ZipFile(script, "w", zipfile.ZIP_STORED) as small:
        for name, content in kept.items():
            small.writestr(zipfile.ZipInfo(name), content)


if __name__ == "__main__":
    export(Colourfulness(), CARD, HERE)
    export(Agreement(), card("agreement", text=dict(tokenizer="words", length=12), differentiable=True), HERE)
    export(Means(), card("means", output="embedding"), HERE)
    export(Means(), card("three-scores"), HERE)
    export(Endless(), card("endless", mean=[0] * 3, std=[2] * 3), HERE)
    export(Failing(), card("failing"), HERE)
    for script in HERE.glob("*.pt"):
        strip(script)
