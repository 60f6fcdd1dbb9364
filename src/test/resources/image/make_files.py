"""Makes files/: see README.md. Pillow and numpy."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from make_goldens import picture

HERE = Path(__file__).parent / "files"
WIDTH, HEIGHT = 35, 27
RGB = Image.fromarray(picture(WIDTH, HEIGHT))
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def alpha():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return Image.fromarray(((x * 5 + y * 3) % 256).astype(np.uint8))


def rgba():
    image = RGB.convert("RGBA")
    image.putalpha(alpha())
    return image


def photo():
    """What pictures are like: smooth, with some saturated edges."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / 8.0
    values = np.stack([128 + 100 * np.sin(x + y), 128 + 90 * np.cos(x * 0.7), 120 + 100 * np.sin(y * 1.3)], -1)
    values[4:13, 5:17] = [255, 0, 0]
    values[11:23, 19:30] = [0, 255, 255]
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def save(image, **options):
    out = io.BytesIO()
    image.save(out, **options)
    return out.getvalue()


def sixteen(channels):
    """Pillow writes no 16-bit colours."""
    high = np.asarray({1: RGB.convert("L"), 2: RGB.convert("LA"), 3: RGB, 4: rgba()}[channels]).reshape(HEIGHT, WIDTH, -1).astype(np.uint16)
    rows = (high << 8 | (high * 7 + 201) % 256).astype(">u2")
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def few_bits(bits):
    """Grey of few bits a pixel."""
    levels = (np.asarray(RGB.convert("L")) >> (8 - bits)).astype(np.uint8)
    rows = b""
    for row in levels:
        rows += b"\0" + np.packbits(np.unpackbits(row[:, None], axis=1)[:, 8 - bits:].reshape(-1)).tobytes()
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def interlaced(image):
    """Adam7, which Pillow reads only."""
    values = np.asarray(image)
    data = b""
    for top, left, down, right in [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]:
        for row in values[top::down, left::right]:
            data += b"\0" + row.tobytes()
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def with_adobe_transform(jpeg, transform):
    at = jpeg.index(b"Adobe")
    return jpeg[:at + 11] + bytes([transform]) + jpeg[at + 12:]


def files():
    texts = PngInfo()
    texts.add_text("parameters", "a cat", zip=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "rgb.png", save(RGB, format="PNG", pnginfo=texts, icc_profile=PROFILE)
    yield "rgba.png", save(rgba(), format="PNG")
    yield "grey.png", save(RGB.convert("L"), format="PNG")
    yield "grey_alpha.png", save(RGB.convert("LA"), format="PNG")
    yield "palette.png", save(RGB.quantize(200), format="PNG")
    yield "palette_transparent.png", save(RGB.quantize(13), format="PNG", transparency=3)
    yield "colour_key.png", save(RGB, format="PNG", transparency=(255, 255, 0))
    for bits in (1, 2, 4):
        yield f"grey_{bits}.png", few_bits(bits)
    for channels, name in ((1, "grey"), (2, "grey_alpha"), (3, "rgb"), (4, "rgba")):
        yield f"{name}_16.png", sixteen(channels)
    yield "interlaced.png", interlaced(RGB)
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        yield f"{name}.jpg", save(photo(), format="JPEG", quality=85, subsampling=subsampling, exif=exif, icc_profile=PROFILE)
    yield "edges_420.jpg", save(RGB, format="JPEG", quality=95)
    yield "progressive.jpg", save(photo(), format="JPEG", quality=75, progressive=True, restart_marker_blocks=1)
    yield "grey.jpg", save(photo().convert("L"), format="JPEG", quality=85)
    yield "kept_rgb.jpg", save(photo(), format="JPEG", quality=85, keep_rgb=True)
    cmyk = save(photo().convert("CMYK"), format="JPEG", quality=85)
    yield "cmyk.jpg", cmyk
    yield "ycck.jpg", with_adobe_transform(cmyk, 2)
    yield "lossy.webp", save(photo(), format="WEBP", quality=85)
    yield "edges_lossy.webp", save(RGB, format="WEBP", quality=95)
    faded = photo().convert("RGBA")
    faded.putalpha(alpha())
    yield "lossy_alpha.webp", save(faded, format="WEBP", quality=85, exif=exif, icc_profile=PROFILE)
    yield "lossless.webp", save(RGB, format="WEBP", lossless=True)
    yield "lossless_alpha.webp", save(rgba(), format="WEBP", lossless=True, exact=True)
    yield "lossless_few_colours.webp", save(RGB.quantize(5).convert("RGB"), format="WEBP", lossless=True)
    yield "animated.webp", save(photo(), format="WEBP", save_all=True, append_images=[RGB], duration=100)


def main():
    HERE.mkdir(exist_ok=True)
    for name, data in files():
        (HERE / name).write_bytes(data)
        pillow = Image.open(io.BytesIO(data)).convert("RGB")
        if not name.startswith("animated"):
            (HERE / f"{name}.rgb.z").write_bytes(zlib.compress(np.asarray(pillow).tobytes(), 9))


if __name__ == "__main__":
    main()
