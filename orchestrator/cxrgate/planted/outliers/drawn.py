"""Drawn outliers: pages of text, line drawings, noise of many spectra, gradients and blank images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Pixels = NDArray[np.uint8]

PAGES, DRAWINGS, NOISES, GRADIENTS = 40, 40, 48, 24
_SIDES = (192, 512)
_LETTERS = "aaabcdeeefghiiijklmnnnooopqrrssttuvwxyz"


def text_pages(random: Generator) -> Iterator[tuple[str, str, Pixels]]:
    """Words in lines, dark on light or light on dark."""
    for number in range(PAGES):
        yield "drawn text", f"page {number}", _page(random)


def drawings(random: Generator) -> Iterator[tuple[str, str, Pixels]]:
    """Lines, boxes and ellipses, some of them blurred."""
    for number in range(DRAWINGS):
        yield "drawn shapes", f"drawing {number}", _drawing(random)


def noises(random: Generator) -> Iterator[tuple[str, str, Pixels]]:
    """Gaussian fields whose power falls with the frequency's 0th to 4th power, and uniform pixels."""
    for number in range(NOISES):
        exponent = 4 * number / NOISES
        field = _field(random, exponent) if number % 6 else random.random(_shape(random))
        yield "noise", f"power {exponent:.2f}, {number}", _to_pixels(field)


def gradients(random: Generator) -> Iterator[tuple[str, str, Pixels]]:
    """Slopes and bright spots, and images of one grey level."""
    for number in range(GRADIENTS):
        down, right = (np.linspace(-1, 1, side) for side in _shape(random))
        if number % 4 == 0:
            yield "blank", f"grey {number}", np.full((len(down), len(right)), random.integers(256), np.uint8)
            continue
        slope, spot = random.normal(size=2), random.uniform(-0.6, 0.6, 2)
        plane = slope[0] * down[:, None] + slope[1] * right
        bright = np.exp(-((down[:, None] - spot[0]) ** 2 + (right - spot[1]) ** 2) / random.uniform(0.1, 1))
        yield "gradient", f"gradient {number}", _to_pixels(plane if number % 2 else bright)


def _shape(random: Generator) -> tuple[int, int]:
    height, width = random.integers(*_SIDES, size=2)
    return int(height), int(width)


def _page(random: Generator) -> Pixels:
    height, width = _shape(random)
    paper, ink = (int(grey) for grey in random.permutation([random.integers(180, 256), random.integers(90)]))
    image = Image.new("L", (width, height), paper)
    draw = ImageDraw.Draw(image)
    size = int(random.integers(9, 30))
    font = ImageFont.load_default(size)
    for top in range(int(random.integers(4, 40)), height, round(size * random.uniform(1.1, 1.9))):
        words = ("".join(random.choice(list(_LETTERS), random.integers(2, 10))) for _ in range(width // size))
        draw.text((int(random.integers(2, 30)), top), " ".join(words), ink, font)
    return np.asarray(image)


def _drawing(random: Generator) -> Pixels:
    height, width = _shape(random)
    image = Image.new("L", (width, height), int(random.integers(256)))
    draw = ImageDraw.Draw(image)
    for _ in range(random.integers(1, 25)):
        left, right = sorted(int(x) for x in random.integers(width, size=2))
        top, bottom = sorted(int(y) for y in random.integers(height, size=2))
        grey, stroke = int(random.integers(256)), int(random.integers(1, 8))
        match random.integers(4):
            case 0:
                draw.line((left, bottom, right, top), grey, stroke)
            case 1:
                draw.rectangle((left, top, right, bottom), grey if random.random() < 0.5 else None, grey, stroke)
            case 2:
                draw.ellipse((left, top, right, bottom), grey if random.random() < 0.5 else None, grey, stroke)
            case _:
                start, end = sorted(float(degrees) for degrees in random.integers(360, size=2))
                draw.arc((left, top, right, bottom), start, end, grey, stroke)
    blurred = image.filter(ImageFilter.GaussianBlur(float(random.choice([0, 0, 1, 4, 10]))))
    return np.asarray(blurred)


def _field(random: Generator, exponent: float) -> NDArray[np.float64]:
    """A Gaussian field, float64[height, width], with power over frequency to the minus `exponent`."""
    height, width = _shape(random)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    radius[0, 0] = np.inf
    spectrum = np.fft.rfft2(random.normal(size=(height, width))) * radius ** (-exponent / 2)
    return np.asarray(np.fft.irfft2(spectrum, (height, width)))


def _to_pixels(values: NDArray[np.float64]) -> Pixels:
    low, high = values.min(), values.max()
    pixels: Pixels = np.rint(255 * (values - low) / (high - low)).astype(np.uint8)
    return pixels
