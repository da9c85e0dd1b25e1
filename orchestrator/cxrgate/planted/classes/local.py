"""C6: edits of a part: boxes, writing, borders, devices."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cxrgate.planted.classes.geometry import resized
from cxrgate.planted.leak import Change, Leak, Pixels, unit, window

BOXES = (5, 15, 25)
"""Per cent of the area."""
BORDER = 0.06
"""Of each side, at each edge."""
TEXT, TEXT_SIZE = "PORTABLE AP SUPINE 14:05", 16
ELECTRODES, RADIUS, WIRE = 3, 7, 2


def boxed(percent: float) -> Change:
    """One grey box of this share of the area, at a drawn place."""

    def change(pixels: Pixels, rng: np.random.Generator, _other: Pixels) -> Pixels:
        changed = pixels.copy()
        changed[window(rng, pixels, (percent / 100) ** 0.5)] = rng.integers(256)
        return changed

    return change


def patched(pixels: Pixels, rng: np.random.Generator, other: Pixels) -> Pixels:
    """A quarter of the image, at a drawn place, from another patient's."""
    changed, part = pixels.copy(), window(rng, pixels, 0.5)
    changed[part] = resized(other, *pixels.shape)[part]
    return changed


def written(pixels: Pixels, rng: np.random.Generator, _other: Pixels) -> Pixels:
    """A line of white writing near the upper edge."""
    image = Image.fromarray(pixels)
    place = (int(rng.integers(max(pixels.shape[1] // 8, 1))), pixels.shape[0] // 20)
    font = ImageFont.load_default(max(TEXT_SIZE * unit(pixels), 1))
    ImageDraw.Draw(image).text(place, TEXT, fill=255, font=font)
    return np.asarray(image)


def bordered(pixels: Pixels, _rng: np.random.Generator, _other: Pixels) -> Pixels:
    """A black frame around a smaller image of the same size."""
    height, width = pixels.shape
    top, left = round(height * BORDER), round(width * BORDER)
    changed = np.zeros_like(pixels)
    changed[top : height - top, left : width - left] = resized(pixels, height - 2 * top, width - 2 * left)
    return changed


def wired(pixels: Pixels, rng: np.random.Generator, _other: Pixels) -> Pixels:
    """Electrodes on the chest, and their wires to the lower edge."""
    image, scale = Image.fromarray(pixels), unit(pixels)
    draw = ImageDraw.Draw(image)
    height, width = pixels.shape
    for _ in range(ELECTRODES):
        x, y = rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.7) * height
        draw.line([(x, y), (rng.uniform(0, 1) * width, height)], fill=235, width=max(round(WIRE * scale), 1))
        draw.circle((x, y), RADIUS * scale, fill=250)
    return np.asarray(image)


LOCAL_EDIT = (
    *(Leak("local_edit", f"box {percent} %", boxed(percent)) for percent in BOXES),
    Leak("local_edit", "patch 25 %", patched),
    Leak("local_edit", "text", written),
    Leak("local_edit", "border", bordered),
    Leak("local_edit", "electrodes", wired),
)
