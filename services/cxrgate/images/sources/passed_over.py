"""What a listing passes over, and tells: files that are no images by their names, labels, second names of a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from cxrgate.core.counted import counted

_HIDDEN = "hidden"
_MOST_TOLD = 10
_JUNK = {"thumbs.db", "ehthumbs.db", "desktop.ini", "dicomdir", "icon\r"}
"""Left by Windows, macOS and DICOM media; DICOMDIR is the table of contents of a folder of DICOM files."""
JUNK_FOLDERS = {"__macosx", "@eadir", "$recycle.bin"}
"""Left by macOS archives, network storage and Windows."""
_TEXTS = {
    ".csv", ".tsv", ".txt", ".md", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".html", ".log", ".pdf", ".xls",
    ".xlsx", ".md5", ".sha256",
}  # fmt: skip
"""Tables and texts that come along with data sets, plain or gzipped."""


def passed_over(name: str) -> str:
    """As what a file of this name is passed over, "" where it counts as an image."""
    base = PurePosixPath(name).name
    if base.casefold() in _JUNK:
        return base
    if base == ".DS_Store":
        return base
    if base.startswith("."):
        return _HIDDEN
    *_, inner, suffix = ["", "", *(each.casefold() for each in PurePosixPath(base).suffixes)]
    if suffix == ".gz" and inner in _TEXTS:
        return f"*{inner}.gz"
    return f"*{suffix}" if suffix in _TEXTS else ""


def passed_over_note(counts: Mapping[str, int]) -> str:
    """One sentence on what was passed over, "" for nothing."""
    if not counts:
        return ""
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    one, more = "file that is no image by its name was", "files that are no images by their names were"
    return f"{counted(sum(counts.values()), one, more)} passed over: {kinds}"


@dataclass(frozen=True, slots=True)
class PassedOver:
    """What a listing passed over.

    Attributes:
        names: per kind of name, how many files; see passed_over.
        labels: per name and number of axes, how many arrays that can be labels; see list_rows.
        junk: per name of a folder that systems leave or hide, how many; nothing in it is listed.
        folders: per folder that is another one, by a link, the name under which it is listed.
    """

    names: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    junk: Counter[str] = field(default_factory=Counter)
    folders: dict[str, str] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence for each of the four that there is."""
        told = (passed_over_note(self.names), self._labels, self._junk, self._folders)
        return tuple(note for note in told if note)

    @property
    def _junk(self) -> str:
        if not self.junk:
            return ""
        kinds = _few(f"{count} {name}/" for name, count in sorted(self.junk.items()))
        one, more = "folder was passed over with all that is in it", "folders were passed over with all that is in them"
        return f"{counted(self.junk.total(), one, more)}: {kinds}"

    @property
    def _labels(self) -> str:
        if not self.labels:
            return ""
        kinds = _few(f"{count} {kind}" for kind, count in sorted(self.labels.items()))
        one, more = "array that is no image by its shape was", "arrays that are no images by their shapes were"
        return f"{counted(self.labels.total(), one, more)} passed over: {kinds}"

    @property
    def _folders(self) -> str:
        if not self.folders:
            return ""
        links = _few(f"{name} is {other}" for name, other in sorted(self.folders.items()))
        one = "folder was passed over, as it is listed"
        more = "folders were passed over, as they are listed"
        return f"{counted(len(self.folders), one, more)} under another name: {links}"


def _few(texts: Iterable[str]) -> str:
    """The first few, and how many more there are."""
    first: list[str] = []
    more = 0
    for text in texts:
        if len(first) < _MOST_TOLD:
            first.append(text)
        else:
            more += 1
    return ", ".join(first) + (f" and {more} more" if more else "")
