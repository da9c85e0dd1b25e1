"""The names of released files: the images' own with .png, made distinct over the whole set before checking starts."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import UsageError
from cxrgate.core.digest import bytes_digest
from cxrgate.core.made_sequence import MadeSequence
from cxrgate.images import ImageFile

NAME_BYTES = 255
"""The longest name of a file on the usual file systems."""

PATH_BYTES = 4095
"""The longest path that Linux opens."""

_BESIDE = 128
"""What a path of a staged or published file has more than the output folder and the name, at most."""

_IGNORED = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What Unicode calls ignorable by default: file systems that fold case, such as ext4 and HFS+, ignore it in names."""

_FORBIDDEN = re.compile(r'[\x00-\x1f<>:"\\|?*]')
"""What Windows has in no name; what copies or unpacks files there writes another sign for each."""

_ENDS = re.compile(r"[ .]+(?=/|$)")
"""Windows and SMB leave out dots and spaces at the end of a file's or folder's name."""

_SUFFIX = ".png"
_DIGEST = 16
"""Bytes that stand for a name while names are compared; two of one digest would only be told apart without need."""


def release_names(files: Sequence[ImageFile], output: Path, reserved: Collection[str] = ()) -> Sequence[str]:
    """The name of each image's released file, with its class folders, in the files' order.

    Two names clash where they are one to Windows, or to a file system that knows neither case nor Unicode forms nor
    invisible signs, where one is a folder of the other, or where one is too long or reserved. What clashes gets a part
    of its digest; of folders that are too long together the first is kept. A name that was made to clash with that gets
    a digest too, so this is repeated until nothing clashes.

    Args:
        files: all images of the run.
        output: below which they are staged and published.
        reserved: names at the top of the set that are taken.

    Raises:
        UsageError: two files have one image id, or the output folder's path is too long for any name.
    """
    room = PATH_BYTES - _BESIDE - len(os.fsencode(output.absolute()))
    if room < 3 * NAME_BYTES:
        raise UsageError(f"{output}: the path is too long for files below it: name a shorter output")
    names = _ReleaseNames(files, {_key(name) for name in reserved}, room)
    for attempt in range(len(names) + 2):
        clashing = names.clashing()
        if not len(clashing):
            break
        if attempt == 0:
            _expect_distinct(files[place].image_id for place in clashing)
        names.rename(clashing, attempt)
    return names


def _expect_distinct(image_ids: Iterable[str]) -> None:
    name, count = Counter(image_ids).most_common(1)[0]
    if count > 1:
        raise UsageError(f"{count} images are called {name!r}, and would be released as one file: rename them")


class _ReleaseNames(MadeSequence[str]):
    """Each is made anew when it is asked for; kept is which attempt at a distinct name counts, four bytes an image."""

    def __init__(self, files: Sequence[ImageFile], taken: Collection[str], room: int) -> None:
        self._files, self._taken, self._room = files, taken, room
        self._attempts = np.full(len(files), -1, np.int32)

    def __len__(self) -> int:
        return len(self._files)

    def make(self, place: int) -> str:
        """See MadeSequence."""
        image_id, attempt = self._files[place].image_id, int(self._attempts[place])
        return _named(image_id, self._taken) if attempt < 0 else self._distinct(image_id, attempt)

    def rename(self, places: NDArray[np.int64], attempt: int) -> None:
        """Give the images at these places the names of an attempt."""
        self._attempts[places] = attempt

    def clashing(self) -> NDArray[np.int64]:
        """The places of the names that clash, int64[m]; names are compared by their digests, sixteen bytes each."""
        digests, unusable = bytearray(), bytearray()
        folders, last = set[bytes](), ""
        for name in self:
            key = _key(name)
            digests += _digest(key)
            unusable.append(key in self._taken or self._is_too_long(name))
            folder = key.rpartition("/")[0]
            if folder != last:
                folders.update(map(_digest, _folders(folder)))
                last = folder
        keys = np.frombuffer(digests, f"S{_DIGEST}")
        unique, counts = np.unique(keys, return_counts=True)
        several = np.concatenate([unique[counts > 1], np.array(list(folders), keys.dtype)])
        return np.flatnonzero(np.isin(keys, several) | np.frombuffer(unusable, bool))

    def _is_too_long(self, name: str) -> bool:
        return len(PurePosixPath(name).name.encode()) > NAME_BYTES or len(name.encode()) > self._room

    def _distinct(self, image_id: str, attempt: int) -> str:
        """The image's whole name and a digest, cut to what a file's name may be."""
        seed = image_id if attempt == 0 else f"{attempt}:{image_id}"
        end = f".{bytes_digest(seed.encode())[: 8 if attempt == 0 else 16]}{_SUFFIX}"
        name = PurePosixPath(image_id).name.encode()[: NAME_BYTES - len(end)].decode(errors="ignore") + end
        folder = _folder(image_id, self._taken)
        if self._is_too_long(whole := (folder / name).as_posix()):
            return (PurePosixPath(folder.parts[0]) / name).as_posix()
        return whole


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=_DIGEST).digest()


def _folders(folder: str) -> Iterator[str]:
    """A folder and those that it lies in."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _named(image_id: str, taken: Collection[str]) -> str:
    return (_folder(image_id, taken) / PurePosixPath(image_id).name).with_suffix(_SUFFIX).as_posix()


def _folder(image_id: str, taken: Collection[str]) -> PurePosixPath:
    """The image's class folders; one with a reserved name gets a part of its digest."""
    first, *rest = PurePosixPath(image_id).parent.parts or ("",)
    if _key(first) in taken:
        first = f"{first}.{bytes_digest(first.encode())[:8]}"
    return PurePosixPath(first, *rest)


def _key(name: str) -> str:
    """Equal for names that some file system takes for one, or that are one when they are copied there."""
    if not name.isascii():
        name = _IGNORED.sub("", unicodedata.normalize("NFC", name))
    folded = _FORBIDDEN.sub("_", name.casefold())
    return unicodedata.normalize("NFC", _ENDS.sub("", folded))
