"""The released folder, file by file: hashed, decoded and held against the manifest and the journal."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from cxrgate.verify_run.records import MANIFEST, RELEASED
from cxrgate.verify_run.violation import Kind, Violation

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PLAIN = {b"IHDR", b"IDAT", b"IEND"}


def changed_files(
    folder: Path, manifest: Mapping[str, str], journal: Mapping[str, set[str]], pixels: Mapping[str, set[str]]
) -> Iterator[Violation]:
    """What is wrong with the files.

    Args:
        folder: the released set.
        manifest: name to sha256, as the set lists it.
        journal: name to each sha256 that a line of the journal gives it.
        pixels: name to the digest of the pixels that were decided on, per line of the journal.
    """
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
            yield from _changed_file(there[name], name, manifest[name], journal, pixels)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _changed_file(
    path: Path, name: str, listed: str, journal: Mapping[str, set[str]], pixels: Mapping[str, set[str]]
) -> Iterator[Violation]:
    if path.is_symlink() or not path.is_file():
        yield Violation(Kind.FILE_CHANGED, name, "is a link or no file")
        return
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != listed:
        yield Violation(Kind.FILE_CHANGED, name, f"has the sha256 {sha256}, the manifest says {listed}")
    if name not in journal:
        yield Violation(Kind.RELEASED_UNPROVEN, name, "no line of the journal releases it")
    elif sha256 not in journal[name]:
        yield Violation(Kind.FILE_CHANGED, name, f"has the sha256 {sha256}, which no line of the journal gives it")
    if not is_plain_png(content):
        yield Violation(Kind.FILE_HOLDS_MORE, name, "is no PNG of IHDR, IDAT and IEND alone")
        return
    try:
        digest = png_pixel_digest(path)
    except (OSError, ValueError, SyntaxError) as error:
        yield Violation(Kind.FILE_HOLDS_MORE, name, f"cannot be decoded as 8-bit grey: {type(error).__name__}")
        return
    if digest not in pixels.get(name, ()):
        yield Violation(Kind.PIXELS_DIFFER, name, f"has the pixels {digest}, others were decided on")


def is_plain_png(content: bytes) -> bool:
    """Whether a PNG holds pixels alone: no other chunk, and nothing after its end."""
    position, names = len(_SIGNATURE), []
    if not content.startswith(_SIGNATURE):
        return False
    while position + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, position)
        names.append(name)
        position += 12 + length
        if name == b"IEND":
            break
    return position == len(content) and set(names) == _PLAIN and names[-1] == b"IEND"


def png_pixel_digest(path: Path) -> str:
    """Sha256 of shape (two little-endian uint32) and pixels; ValueError where it is not 8-bit grey."""
    with Image.open(path, formats=["PNG"]) as image:
        if image.mode != "L":
            raise ValueError(f"expected mode L, got {image.mode}")
        pixels = np.asarray(image, dtype=np.uint8)
    return hashlib.sha256(np.asarray(pixels.shape, "<u4").tobytes() + pixels.tobytes()).hexdigest()
