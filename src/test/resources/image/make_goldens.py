"""Makes resize.csv and crop.csv: see README.md. Pillow, transformers and numpy."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image
from transformers.image_transforms import center_crop

HERE = Path(__file__).parent
FILTERS = {"BILINEAR": Image.Resampling.BILINEAR, "BICUBIC": Image.Resampling.BICUBIC, "LANCZOS": Image.Resampling.LANCZOS}
SIZES = [
    (37, 23, 16, 9), (37, 23, 61, 50), (37, 23, 5, 77), (64, 48, 64, 20), (64, 48, 19, 48), (31, 31, 31, 31), (1, 1, 7, 5), (3, 200, 150, 2),
    (257, 129, 1, 1), (2, 2, 3, 3), (223, 225, 224, 224), (97, 101, 224, 233), (512, 384, 298, 224),
]
CROPS = [(37, 23, 16, 16), (37, 24, 16, 17), (20, 33, 24, 24), (19, 18, 24, 25), (24, 24, 24, 24), (9, 40, 16, 11)]


def picture(width, height):
    """Smooth, noisy and hard-edged places; the tests draw the same."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    noisy = (x * x * 3 + y * y * 5 + x * y * 7 + c * 85) % 256
    smooth = (x * 2 + y + c * 40) % 256
    edges = np.where((x // 4 + y // 3 + c) % 2 == 0, 255, 0)
    return np.choose((x // 16 + y // 16) % 3, [noisy, smooth, edges]).astype(np.uint8)


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def main():
    with open(HERE / "resize.csv", "w") as out:
        for width, height, new_width, new_height in SIZES:
            for name, resample in FILTERS.items():
                resized = Image.fromarray(picture(width, height)).resize((new_width, new_height), resample)
                out.write(f"{width},{height},{new_width},{new_height},{name},{sha(np.asarray(resized))}\n")
    with open(HERE / "crop.csv", "w") as out:
        for width, height, crop_width, crop_height in CROPS:
            cropped = center_crop(picture(width, height), (crop_height, crop_width))
            out.write(f"{width},{height},{crop_width},{crop_height},{sha(cropped)}\n")


if __name__ == "__main__":
    main()
