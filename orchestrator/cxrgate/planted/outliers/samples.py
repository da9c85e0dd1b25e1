"""Outliers that ship in packages: photographs and microscopy of scikit-image, CT, MR and ultrasound of pydicom."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pydicom
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from pydicom.data import get_testdata_file

from cxrgate.core import UsageError

Pixels = NDArray[np.uint8]

VIEWS = 6
"""Of each photograph: the whole and crops."""
FACES = 40
SMALLEST = 64
"""Side of a crop, px: a gate refuses smaller images unseen."""
_DICOM = (
    "693_J2KI.dcm",
    "CT_small.dcm",
    "JPEG2000.dcm",
    "MR_small.dcm",
    "examples_jpeg2k.dcm",
    "examples_overlay.dcm",
    "examples_palette.dcm",
    "examples_rgb_color.dcm",
    "examples_ybr_color.dcm",
    "liver_1frame.dcm",
)
_MEDICAL = frozenset({"cell", "ihc", "microaneurysms", "phantom", "retina"})


def photographs(random: Generator) -> Iterator[tuple[str, str, Pixels]]:
    """Photographs, textures and printed pages of scikit-image, whole and cropped; small faces."""
    folder = _folder("skimage", "scikit-image")
    for path in sorted(folder.iterdir()):
        if path.suffix in {".png", ".jpg"} and path.stem not in _MEDICAL:
            yield from _views(random, "scikit-image", path.stem, _grey(path))
    faces = np.load(folder / "lfw_subset.npy")[:FACES]
    for number, face in enumerate(faces):
        enlarged = Image.fromarray(np.rint(255 * face).astype(np.uint8)).resize((256, 256), Image.Resampling.BICUBIC)
        yield "scikit-image faces", f"face {number}", np.asarray(enlarged)


def medical_samples(random: Generator) -> Iterator[tuple[str, str, Pixels]]:
    """Retina, histology, cells and a CT phantom of scikit-image; CT, MR, ultrasound, bone scan of pydicom."""
    folder = _folder("skimage", "scikit-image")
    for path in sorted(folder.iterdir()):
        if path.stem in _MEDICAL:
            yield from _views(random, "scikit-image medical", path.stem, _grey(path))
    for name in _DICOM:
        yield from _views(random, "pydicom", Path(name).stem, _dicom(name))


def _views(random: Generator, source: str, name: str, pixels: Pixels) -> Iterator[tuple[str, str, Pixels]]:
    yield source, name, pixels
    for number in range(1, VIEWS):
        share = random.uniform(0.4, 0.9)
        height, width = (max(round(side * share), min(side, SMALLEST)) for side in pixels.shape)
        height = min(height, 3 * width)
        top, left = (int(random.integers(1 + free)) for free in np.subtract(pixels.shape, (height, width)))
        yield source, f"{name}, crop {number}", pixels[top : top + height, left : left + width]


def _folder(module: str, package: str) -> Path:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise UsageError(f"the package {package} is missing: pip install 'cxrgate[audit]'")
    return Path(spec.origin).parent / "data"


def _grey(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").convert("L"))


def _dicom(name: str) -> Pixels:
    """The first frame between its 1st and 99th percentile; colour becomes its mean."""
    dataset = pydicom.dcmread(str(get_testdata_file(name, download=False)))
    values = dataset.pixel_array.astype(np.float64)
    values = values.mean(axis=-1) if dataset.SamplesPerPixel > 1 else values
    values = values.reshape(-1, *values.shape[-2:])[0]
    low, high = np.percentile(values, (1, 99))
    pixels: Pixels = np.rint(255 * np.clip((values - low) / (high - low), 0, 1)).astype(np.uint8)
    return pixels
