"""What lies in folders of images and is none: told by its name, passed over, and counted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

_HIDDEN = "hidden"
_JUNK = {"thumbs.db", "ehthumbs.db", "desktop.ini", "dicomdir", "icon\r"}
"""Left by Windows, macOS and DICOM media; DICOMDIR is the table of contents of a folder of DICOM files."""
JUNK_FOLDERS = {"__macosx", "@eadir", "$recycle.bin"}
"""Left by macOS archives, network storage and Windows."""
_TEXTS = {
    ".csv", ".tsv", ".txt", ".md", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".html", ".log", ".pdf", ".xls",
    ".xlsx", ".md5", ".sha256",
}  # fmt: skip
"""Tables and texts that come along with data sets."""


def passed_over(name: str) -> str:
    """As what a file of this name is passed over, "" where it counts as an image."""
    base = PurePosixPath(name).name
    if base.casefold() in _JUNK:
        return base
    if base == ".DS_Store":
        return base
    if base.startswith("."):
        return _HIDDEN
    suffix = PurePosixPath(base).suffix.casefold()
    return f"*{suffix}" if suffix in _TEXTS else ""


def passed_over_note(counts: Mapping[str, int]) -> str:
    """One sentence on what was passed over, "" for nothing."""
    if not counts:
        return ""
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    return f"{sum(counts.values())} files that are no images by their names were passed over: {kinds}"
