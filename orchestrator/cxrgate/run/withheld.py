"""What reviewers withheld, and publishing without it.

A reviewer's log (a hash-chained log, see `audit`) has one event per withheld image. It is read whenever a set is
published, by a run or after a review, under one lock: so an image that was withheld before is never published. A
withheld image stays withheld: a wrong withholding costs one synthetic image.

Results stay as the gate recorded them. What is released is what the released set's manifest lists: reports count that.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cxrgate.core import UsageError
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.hashlog import Line, LogBroken, head_path, read_known_lines
from cxrgate.run.release import MANIFEST, publish, read_manifest
from cxrgate.run.released_files import ReleasedFiles
from cxrgate.run.rows import SOURCE
from cxrgate.run.sources import Source
from cxrgate.storage import FILE_MODE, OWNER_MODE, finish_replacement, make_folder, write_durably
from cxrgate.storage.regular_file import read_regular_file

WITHHELD = "image_withheld"
NAMED = ("image_id", "pixel_digest", "released_as", *SOURCE)
"""The columns of results by which withheld images are found."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """What a reviewers' log withholds.

    Attributes:
        pixels: digests, under whatever policy.
        sources: digests of the files' bytes; events of before do not say them.
        names: by the id of an image the policy digests under which it was withheld, each with how the image was
            decoded; None for events of before, which do not say it.
    """

    pixels: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    names: Mapping[str, frozenset[tuple[str, str | None]]] = field(default_factory=dict)

    def holds(self, image_id: str, pixel_digest: str, source: Source, policy: str) -> bool:
        """Whether an image stays away: by its pixels, its file's bytes, or its name where its pixels may be others.

        Under another policy, one with another `release.side`, say, or decoded otherwise, the same image has other
        pixels, and its file may have been written anew. Decoded alike under the same one equal names with other pixels
        are another image. An event of before is taken for one of an image without a float_range.
        """
        alike = {(policy, source.decoding)} | (set() if source.has_range else {(policy, None)})
        named = self.names.get(image_id, frozenset()) - alike
        return pixel_digest in self.pixels or source.digest in self.sources or bool(named)


def read_withheld(log: Path | None) -> Withheld:
    """What was withheld; nothing without a log.

    Raises:
        LogBroken: the chain does not hold, or lines are missing that its head counts, so that nobody knows what was
            withheld.
        UsageError: the head is torn.
    """
    if log is None or not (log.exists() or head_path(log).exists()):
        return Withheld()
    pixels, sources = set(), set()
    names: dict[str, frozenset[tuple[str, str | None]]] = {}
    for line in read_known_lines(log):
        if line.content["event"] == WITHHELD:
            pixels.add(_digest(log, line))
            # "" is said of an image in older results, and by no means of all others without a source.
            sources |= {source} if (source := line.content.get("source_digest")) else set()
            if isinstance(image := line.content.get("image_id"), str):
                under = (str(line.content.get("policy_digest")), line.content.get("decoding") or None)
                names[image] = names.get(image, frozenset()) | {under}
    return Withheld(frozenset(pixels), frozenset(sources), names)


def _digest(log: Path, line: Line) -> str:
    digest = line.content.get("pixel_digest")
    if not isinstance(digest, str):
        told = f"{log}: line {line.head.count} withholds an image and does not say which: restore the log"
        raise LogBroken(log, line.head.count, told)
    return digest


def without(released: Mapping[str, str], names: Collection[str]) -> tuple[ReleasedFiles, int]:
    """The released files {name: sha256} that remain without those of these names, and how many do not."""
    remaining = ReleasedFiles((name, sha256) for name, sha256 in released.items() if name not in names)
    return remaining, len(released) - len(remaining)


def withheld_names(results: Iterable[pd.DataFrame], withheld: Withheld, policy: str) -> set[str]:
    """The names under which withheld images were released; "" is that of images that were not.

    Args:
        results: parts of `results.parquet`, with NAMED.
        withheld: see read_withheld.
        policy: digest of the one that the images were judged under.
    """
    return {
        name
        for part in results
        for image, digest, name, *source in part[list(NAMED)].itertuples(index=False, name=None)
        if withheld.holds(image, digest, Source(*source), policy)
    }


def expect_withheld(released: Path, withheld: int, digests: frozenset[str]) -> None:
    """Let no image come back that reviewers withheld because their log is gone, cut, or another one is named.

    Where it was noted which they were, by remember_withheld, those have to be in the log; else how many there are.

    Args:
        released: the folder that is to be published again.
        withheld: how many images would stay away.
        digests: of the pixels that the reviewers' log withholds, held against what remember_withheld noted.

    Raises:
        UsageError: more or others have been withheld before, or the manifest or the note cannot be read.
    """
    remembered = _remembered(_memory(released))
    # The count is for sets that have no note: an image that left the list counts no more, and stays in the note.
    counted = not remembered and (released / MANIFEST).exists()
    before = int(read_manifest(released).get("withheld", 0)) if counted else 0
    missing = len(remembered - digests)
    if withheld < before or missing:
        told = f"{missing} that were withheld before are not in the log"
        told = told if missing else f"it was published without {before} before"
        raise UsageError(
            f"the reviewers' log withholds {withheld} images of this set, and {told}: check `review:` in the "
            "configuration"
        )


def remember_withheld(released: Path, digests: frozenset[str]) -> None:
    """Note beside the journal what the log withholds, for the next publication; what was noted before stays."""
    memory = _memory(released)
    noted = sorted(_remembered(memory) | digests)
    if noted:
        make_folder(memory.parent)
        write_durably(memory, f"{json.dumps(noted)}\n".encode(), OWNER_MODE)


def _memory(released: Path) -> Path:
    """Not in the released set, which anybody may see: which images looked like a patient to a reviewer is private."""
    return released.parent / "work" / "withheld.json"


def _remembered(memory: Path) -> frozenset[str]:
    try:
        return frozenset(map(str, parse_json(read_regular_file(memory))))
    except FileNotFoundError:
        return frozenset()
    except (OSError, *MALFORMED) as error:
        raise UsageError(f"{memory} cannot be read; it says what reviewers withheld: restore it") from error


@contextmanager
def publishing(released: Path) -> Iterator[None]:
    """Hold the lock of a released folder: from reading what is withheld until the folder is there.

    What a crash interrupted is finished first: an image that was withheld must not stay beside the folder either.
    """
    make_folder(released.parent)
    lock = os.open(released.with_name(f".{released.name}.lock"), os.O_WRONLY | os.O_CREAT, FILE_MODE)
    with os.fdopen(lock, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        finish_replacement(released)
        yield


def withdraw_withheld(released: Path, read_images: Callable[[], pd.DataFrame], log: Path) -> int:
    """Publish a released set again without what has been withheld; give how many images left it.

    They leave it first of all, so that they have left whatever keeps the rest from being published again: a full disk,
    or another file that is gone.

    Args:
        released: folder of the set.
        read_images: reads the rows of `results.parquet`; called under the lock, because a run may have published
            another set, under other names, since they were read before.
        log: of the reviewers.

    Raises:
        ReleaseChanged: a file of the set is gone or was changed; what was withheld has left it all the same.
        OSError: the set cannot be published again.
        UsageError: there is no released set of cxrgate's, the log is broken, or the results are not those of the set,
            so that nobody knows which of its files are withheld.
    """
    with publishing(released):
        manifest = read_manifest(released)
        files = manifest.pop("files")
        withheld = read_withheld(log)
        remember_withheld(released, withheld.pixels)
        # Before anything else of the manifest is looked at: another entry of it may be damaged.
        images = read_images()
        names = files.keys() & withheld_names([images], withheld, str(manifest.get("policy")))
        for name in names:
            (released / name).unlink(missing_ok=True)
        unknown = len(files.keys() - set(images["released_as"]))
        if unknown and withheld.pixels:
            raise UsageError(
                f"{released} has {unknown} images that are not in the results beside it, so that nobody knows whether "
                "they are withheld: run again, so that both are of one run"
            )
        remaining, left = without(files, names)
        if left:
            about = {**manifest, "withheld": int(manifest.get("withheld", 0)) + left}
            publish(released, released, remaining, about)
    return left
