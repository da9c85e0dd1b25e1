"""The released folder, file by file: hashed, decoded and held against the manifest and the journal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxrgate.verify_run.png import is_encoding, is_plain_png
from cxrgate.verify_run.records import MANIFEST, RELEASED
from cxrgate.verify_run.violation import Kind, Violation


@dataclass(frozen=True, slots=True)
class Proven:
    """What a journal says of the files.

    Attributes:
        hashes: name to each sha256 that a line gives it.
        pixels: name to the digest of the pixels that were decided on, per line.
        encoder: what wrote them; None in journals from before it was noted.
    """

    hashes: Mapping[str, set[str]] = field(repr=False)
    pixels: Mapping[str, set[str]] = field(repr=False)
    encoder: str | None


def changed_files(folder: Path, manifest: Mapping[str, str], proven: Proven) -> Iterator[Violation]:
    """What is wrong with the files of a released set, of which `manifest` lists the sha256 by name."""
    if folder.is_symlink():
        yield Violation(Kind.FILE_CHANGED, RELEASED, "is a link: the set lies elsewhere, where others may change it")
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not _is_folder(path)}
    there.pop(MANIFEST, None)
    for name in sorted(there.keys() - manifest.keys()):
        yield Violation(Kind.FILE_UNLISTED, name, "lies in the released folder, and the manifest does not name it")
    for name in sorted(manifest):
        if name not in there:
            yield Violation(Kind.FILE_MISSING, name, "the manifest names it, and it is not there")
        else:
            yield from _changed_file(there[name], name, manifest[name], proven)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _changed_file(path: Path, name: str, listed: str, proven: Proven) -> Iterator[Violation]:
    if path.is_symlink() or not path.is_file():
        yield Violation(Kind.FILE_CHANGED, name, "is a link or no file")
        return
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != listed:
        yield Violation(Kind.FILE_CHANGED, name, f"has the sha256 {sha256}, the manifest says {listed}")
    if name not in proven.hashes:
        yield Violation(Kind.RELEASED_UNPROVEN, name, "no line of the journal releases it")
    elif sha256 not in proven.hashes[name]:
        yield Violation(Kind.FILE_CHANGED, name, f"has the sha256 {sha256}, which no line of the journal gives it")
    yield from _changed_pixels(content, name, proven)


def _changed_pixels(content: bytes, name: str, proven: Proven) -> Iterator[Violation]:
    if not is_plain_png(content):
        told = "is no PNG that holds the rows of one 8-bit grey picture and nothing else"
        yield Violation(Kind.FILE_HOLDS_MORE, name, told)
        return
    try:
        pixels = _decoded(BytesIO(content))
    except (Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        yield Violation(Kind.FILE_HOLDS_MORE, name, f"cannot be decoded as 8-bit grey: {type(error).__name__}")
        return
    if (digest := _pixel_digest(pixels)) not in proven.pixels.get(name, ()):
        yield Violation(Kind.PIXELS_DIFFER, name, f"has the pixels {digest}, others were decided on")
    if is_encoding(content, pixels, proven.encoder) is False:
        told = f"has other bytes than the encoder makes of its pixels, and room in them: {proven.encoder}"
        yield Violation(Kind.FILE_HOLDS_MORE, name, told)


def png_pixel_digest(path: Path) -> str:
    """Sha256 of shape (two little-endian uint32) and pixels; ValueError where it is not 8-bit grey."""
    with path.open("rb") as file:
        return _pixel_digest(_decoded(file))


def _decoded(file: IO[bytes]) -> NDArray[np.uint8]:
    with Image.open(file, formats=["PNG"]) as image:
        if image.mode != "L":
            raise ValueError(f"expected mode L, got {image.mode}")
        return np.asarray(image, dtype=np.uint8)


def _pixel_digest(pixels: NDArray[np.uint8]) -> str:
    return hashlib.sha256(np.asarray(pixels.shape, "<u4").tobytes() + pixels.tobytes()).hexdigest()
