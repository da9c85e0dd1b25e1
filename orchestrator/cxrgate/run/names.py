"""The names of released files: the images' own with .png, made distinct over the whole set before checking starts."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath

from cxrgate.core.digest import bytes_digest
from cxrgate.images import ImageFile

NAME_BYTES = 255
"""The longest name of a file on the usual file systems."""

_SUFFIX = ".png"


def release_names(files: Sequence[ImageFile], reserved: Collection[str] = ()) -> dict[str, str]:
    """Per image id the name of its released file, with its class folders.

    Two names clash where a file system that knows neither case nor Unicode forms would take them for one, where one is
    a folder of the other, or where one is too long or reserved. What clashes gets a part of its digest. A name that
    was made to clash with that gets one too, so this is repeated until nothing clashes.

    Args:
        files: all images of the run.
        reserved: names at the top of the set that are taken.
    """
    taken = {_key(name) for name in reserved}
    names = {file.image_id: _named(file.image_id, taken) for file in files}
    for attempt in range(len(names) + 2):
        clashing = _clashing(names, taken)
        if not clashing:
            break
        names.update({image_id: _distinct(image_id, taken, attempt) for image_id in clashing})
    return names


def _named(image_id: str, taken: Collection[str]) -> str:
    name = (_folder(image_id, taken) / PurePosixPath(image_id).name).with_suffix(_SUFFIX).as_posix()
    return image_id if name == image_id else name  # one text for both


def _folder(image_id: str, taken: Collection[str]) -> PurePosixPath:
    """The image's class folders; one with a reserved name gets a part of its digest."""
    first, *rest = PurePosixPath(image_id).parent.parts or ("",)
    if _key(first) in taken:
        first = f"{first}.{bytes_digest(first.encode())[:8]}"
    return PurePosixPath(first, *rest)


def _distinct(image_id: str, taken: Collection[str], attempt: int) -> str:
    """The image's whole name and a digest, cut to what a file's name may be."""
    seed = image_id if attempt == 0 else f"{attempt}:{image_id}"
    end = f".{bytes_digest(seed.encode())[: 8 if attempt == 0 else 16]}{_SUFFIX}"
    stem = PurePosixPath(image_id).name.encode()[: NAME_BYTES - len(end)].decode(errors="ignore")
    return (_folder(image_id, taken) / (stem + end)).as_posix()


def _clashing(names: Mapping[str, str], taken: Collection[str]) -> list[str]:
    keys = {image_id: _key(name) for image_id, name in names.items()}
    counts = Counter(keys.values())
    folders = {parent.as_posix() for key in counts for parent in PurePosixPath(key).parents}
    return [
        image_id
        for image_id, key in keys.items()
        if counts[key] > 1 or key in folders or key in taken or _is_too_long(names[image_id])
    ]


def _is_too_long(name: str) -> bool:
    return len(PurePosixPath(name).name.encode()) > NAME_BYTES


def _key(name: str) -> str:
    """Equal for names that some file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
