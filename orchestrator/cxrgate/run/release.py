"""The released set: staged file by file, published whole by a rename."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cxrgate.core import CxrgateError, UsageError
from cxrgate.core.digest import bytes_digest, file_digest
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.run.released_files import ReleasedFiles
from cxrgate.storage import make_folder, replaced_folder
from cxrgate.storage.regular_file import read_regular_file

MANIFEST = "manifest.json"


class ReleaseChanged(CxrgateError):
    """A file that was to be published is not the one that was checked. It is checked anew by the next run."""

    code = "DATA_LOSS"
    reason = "RELEASE_CHANGED"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} is not the file that was checked and nothing was published: find out who writes into the output "
            "folder, then run again"
        )


def stage(folder: Path, name: str, content: bytes) -> str:
    """Write one released file and give its sha256."""
    path = folder / name
    make_folder(path.parent)
    path.unlink(missing_ok=True)  # it may be one file with what an earlier run released, see _link
    path.write_bytes(content)
    return bytes_digest(content)


def is_staged(folder: Path, released: Mapping[str, str]) -> bool:
    """Whether every file of {name: sha256} lies there unchanged; a link to an equal one is none."""
    return all(_is_file(folder / name) and file_digest(folder / name) == sha for name, sha in released.items())


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def publish(staged: Path, folder: Path, released: Mapping[str, str], about: Mapping[str, Any]) -> None:
    """Make `folder` exactly the given files and a manifest of their sha256; whatever lay there before is gone.

    Everything is on the disk before it has the folder's name. `staged` may be the folder itself. Each file is read
    again where it will be published, so that journal, manifest and file agree.

    Raises:
        ReleaseChanged: a file is gone, or is not the one that was checked; nothing is published.
        OSError: the set cannot be written, or what lay there before cannot be removed.
    """
    with replaced_folder(folder) as partial:
        for name, sha256 in released.items():
            target = partial / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(staged / name, target)
            if target.is_symlink() or file_digest(target) != sha256:
                raise ReleaseChanged(name)
        with (partial / MANIFEST).open("w") as file:
            file.writelines(_manifest(released, about))


def _manifest(released: Mapping[str, str], about: Mapping[str, Any]) -> Iterator[str]:
    """The text of a manifest, piece by piece: the whole of it is as large as all names."""
    files = released if isinstance(released, ReleasedFiles) else ReleasedFiles(released.items())
    yield json.dumps({**about, "files": {}}, indent=2, ensure_ascii=False).removesuffix("}\n}")
    between = "\n"
    for name, sha256 in files.items():
        yield f'{between}    {json.dumps(name, ensure_ascii=False)}: "{sha256}"'
        between = ",\n"
    yield "\n  }\n}\n" if files else "}\n}\n"


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a released set; `files` holds {name: sha256}.

    Raises:
        UsageError: there is no released set of cxrgate's.
    """
    try:
        manifest: dict[str, Any] = parse_json(read_regular_file(folder / MANIFEST))
        return {**manifest, "files": dict(manifest["files"])}
    except (OSError, *MALFORMED) as error:
        raise UsageError(f"{folder} is no released set: it has no {MANIFEST} that can be read") from error


def _link(source: Path, target: Path) -> None:
    """A hard link, or a copy on file systems without: never a symbolic link, which could not be handed on."""
    try:
        os.link(source, target)
    except FileNotFoundError as error:
        raise ReleaseChanged(target.name) from error
    except OSError:
        shutil.copyfile(source, target)
