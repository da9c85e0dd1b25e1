"""The released set: staged file by file, published whole by a rename."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from cxrgate.core import UsageError
from cxrgate.core.digest import bytes_digest, file_digest
from cxrgate.images import ImageFile
from cxrgate.storage import replaced_folder

MANIFEST = "manifest.json"


def release_names(files: Sequence[ImageFile]) -> dict[str, str]:
    """Per image id the name under which it would be released: its own with .png, made distinct where two collide.

    Class folders are kept. Names are compared without case, for file systems that do.
    """
    plain = {file.image_id: PurePosixPath(file.image_id).with_suffix(".png").as_posix() for file in files}
    taken: dict[str, int] = {}
    for name in plain.values():
        taken[name.casefold()] = taken.get(name.casefold(), 0) + 1
    return {
        image_id: name if taken[name.casefold()] == 1 else f"{image_id}.{_suffix(image_id)}.png"
        for image_id, name in plain.items()
    }


def _suffix(image_id: str) -> str:
    return bytes_digest(image_id.encode())[:8]


def stage(folder: Path, name: str, content: bytes) -> str:
    """Write one released file and give its sha256."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # it may be one file with what an earlier run released, see _link
    path.write_bytes(content)
    return bytes_digest(content)


def is_staged(folder: Path, released: Mapping[str, str]) -> bool:
    """Whether every file of {name: sha256} lies there unchanged."""
    return all((folder / name).is_file() and file_digest(folder / name) == sha for name, sha in released.items())


def publish(staged: Path, folder: Path, released: Mapping[str, str], about: Mapping[str, Any]) -> None:
    """Make `folder` exactly the given files and a manifest of their sha256; whatever lay there before is gone.

    Everything is on the disk before it has the folder's name. `staged` may be the folder itself.

    Raises:
        OSError: the set cannot be written, or what lay there before cannot be removed.
    """
    with replaced_folder(folder) as partial:
        for name in released:
            target = partial / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(staged / name, target)
        manifest = {**about, "files": dict(sorted(released.items()))}
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a released set; `files` holds {name: sha256}.

    Raises:
        UsageError: there is no released set of cxrgate's.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return {**manifest, "files": dict(manifest["files"])}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{folder} is no released set: it has no {MANIFEST} that can be read") from error


def _link(source: Path, target: Path) -> None:
    """A hard link, or a copy on file systems without: never a symbolic link, which could not be handed on."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
