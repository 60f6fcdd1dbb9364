"""How far torch's resize is from Pillow's: the table in docs/verifiers.md. Pillow, torch, transformers (for the goldens' script) and numpy."""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent.parent / "test" / "resources" / "image"))

from make_goldens import picture  # noqa: E402

for side in (512, 97):
    drawn = picture(side, side)
    whole = torch.from_numpy(drawn.copy()).permute(2, 0, 1)[None]
    for mode, resample in (("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)):
        pillow = torch.from_numpy(np.asarray(Image.fromarray(drawn).resize((224, 224), resample)).astype(np.float32)).permute(2, 0, 1)
        for name, values, antialias in (("bytes", whole, True), ("floats", whole.float(), True), ("floats, not antialiased", whole.float(), False)):
            resized = F.interpolate(values, size=(224, 224), mode=mode, antialias=antialias)[0].float().clamp(0, 255)
            print(f"{side} {mode} {name}: {(resized - pillow).abs().max():.3f}")
