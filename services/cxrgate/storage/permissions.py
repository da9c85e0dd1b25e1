"""Who may read what is written: its owner and its group, nobody else; the process's umask may take more away.

The group is that of the folder where the folder hands it down (`chmod g+s`), else the process's own.
"""

from __future__ import annotations

import os
from pathlib import Path

FILE_MODE, FOLDER_MODE = 0o640, 0o750

OWNER_MODE = 0o600
"""Of files that name patients."""

EVERYBODY_MODE = 0o666
"""Of files about nobody, such as a model's, which a model server of another user reads."""

_OTHERS = 0o007


def make_folder(folder: Path) -> None:
    """Make a folder and what is missing above it; one that is there stays as it is.

    Raises:
        OSError: it cannot be made, or is a file.
    """
    for path in reversed([folder, *folder.parents]):
        if not path.exists() or path == folder:
            path.mkdir(FOLDER_MODE, exist_ok=True)


def close_to_others(folder: Path) -> None:
    """Take the rights of others from everything in a folder, links apart, and from the folder."""
    for parent, folders, names in os.walk(folder):
        for path in (Path(parent, name) for name in [*folders, *names]):
            if not path.is_symlink():
                _close(path)
    _close(folder)


def _close(path: Path) -> None:
    mode = path.stat().st_mode
    if mode & _OTHERS:
        path.chmod(mode & ~_OTHERS & 0o7777)
