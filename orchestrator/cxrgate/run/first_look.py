"""The first look, before anything is embedded: which kinds of files there are, whether they can be read, and room.

Every file's start is read; of each set a sample is decoded, spread over all of it, and with it every file that cannot
be opened or whose start is that of no known kind. Where one of these fails among the real images, all of them are
decoded, so that every name is told at once.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from cxrgate.core import Failure, ImageError, SnapshotError, UsageError
from cxrgate.core.progress import Progress, Tell
from cxrgate.gate.config import Enrol, RunConfig
from cxrgate.images import ImageFile
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.images.sources.regular import read_start
from cxrgate.run.enrolment_list import EnrolmentList
from cxrgate.run.failed_names import enrolment_error
from cxrgate.run.host_fault import expect_no_outage
from cxrgate.run.missing_files import expect_some_there
from cxrgate.run.paths import Paths
from cxrgate.run.reading import decoded_files

SAMPLE = 200
"""Images of a set that are decoded at the first look."""

_SHOWN = 3
"""Names for each reason of images that will get no answer."""
_START = 132
_KINDS = (
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (128, b"DICM", "DICOM"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"BM", "BMP"),
    (8, b"WEBP", "WebP"),
    (0, b"\x93NUMPY", "NPY"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
)
_ZIP = b"PK\x03\x04"
"""An .npz is an archive, too, and read as one by its name alone."""
_UNOPENED, _UNKNOWN = "that cannot be opened", "of no known kind"
_REFERENCE_BYTES = 8 * 1024
"""Of a snapshot, its journal and what a measurement adds, per image: an upper estimate."""

_RELEASED_SHARE = 2.0
"""How much larger than its file an image may be that is staged as PNG and then published."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen of a set of files.

    Attributes:
        files: how many there are.
        decoded: how many were decoded.
        kinds: how many there are of each kind, by their first bytes.
        failures: of those that were decoded.
        seconds: that decoding took per image.
    """

    files: int
    decoded: int
    kinds: Counter[str]
    failures: tuple[Failure, ...]
    seconds: float

    @property
    def sentence(self) -> str:
        """Counts by kind, and what came of the sample."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.kinds.most_common())
        verb = "was" if self.decoded == 1 else "were"
        return f"{kinds}; {self.decoded} {verb} decoded at the first look, {len(self.failures)} of them failed"


def look_at(
    files: Sequence[ImageFile], decoder: SandboxedDecoder, progress: Progress, *, every: bool, until_all: bool
) -> Looked:
    """Look at a set.

    Args:
        files: of the set.
        decoder: decodes the sample.
        progress: called with "look", images decoded now and in all.
        every: decode all of it instead of a sample.
        until_all: decode the rest, too, once one of the sample fails.

    Raises:
        HostFault: nothing could be decoded, through no fault of the images.
    """
    kinds = [_kind(file.path) for file in files]
    step = 1 if every else -(-len(files) // SAMPLE)
    sample = [
        file for i, (file, kind) in enumerate(zip(files, kinds, strict=True)) if i % step == 0 or _fails(file, kind)
    ]
    started = time.perf_counter()
    failures = asyncio.run(_failures(sample, decoder, progress))
    seconds = time.perf_counter() - started
    decoded = len(sample)
    if failures and until_all and decoded < len(files):
        names = {file.image_id for file in sample}
        failures += asyncio.run(_failures([file for file in files if file.image_id not in names], decoder, progress))
        order = {file.image_id: i for i, file in enumerate(files)}
        failures.sort(key=lambda failure: order[failure.image_id])
        decoded = len(files)
    return Looked(len(files), decoded, Counter(kinds), tuple(failures), seconds / len(sample))


def look_at_real(
    settings: Enrol,
    files: Sequence[ImageFile],
    decoder: SandboxedDecoder,
    progress: Progress,
    tell: Tell,
    *,
    every: bool = False,
) -> Looked:
    """Look at the images to enrol, and say what was seen.

    Raises:
        EnrolmentError: some cannot be read; all of their names are in one file.
        HostFault: as look_at.
        UsageError: as expect_some_there.
    """
    expect_some_there(settings.images, files)
    looked = look_at(files, decoder, progress, every=every, until_all=True)
    tell(f"to enrol: {looked.sentence}")
    if looked.failures:
        raise enrolment_error(settings, looked.failures)
    return looked


def look_at_synthetic(
    files: Sequence[ImageFile], decoder: SandboxedDecoder, progress: Progress, tell: Tell, *, every: bool = False
) -> Looked:
    """Look at the images to check, and say what was seen; one that cannot be read is no error, it gets no answer.

    Raises:
        HostFault: as look_at.
    """
    looked = look_at(files, decoder, progress, every=every, until_all=False)
    tell(f"to check: {looked.sentence}")
    names: dict[str, list[str]] = {}
    for failure in looked.failures:
        names.setdefault(f"{failure.reason}, {failure.message}", []).append(failure.image_id)
    for reason, some in sorted(names.items(), key=lambda item: -len(item[1])):
        more = f" and {len(some) - _SHOWN} more" if len(some) > _SHOWN else ""
        tell(f"  no answer for {len(some)} of these ({', '.join(some[:_SHOWN])}{more}): {reason}")
    return looked


def expect_room(output: Path, files: Sequence[ImageFile], snapshot: Path, references: int) -> None:
    """Raise UsageError where the disks have less room than the output and the new snapshot may take."""
    needs: Counter[Path] = Counter()
    paths = (path for path, _ in groupby(file.path for file in files))  # the rows of an array file lie side by side
    needs[_existing(output)] += int(_RELEASED_SHARE * sum(map(_size, paths)))
    needs[_existing(snapshot)] += _REFERENCE_BYTES * references
    by_disk: Counter[int] = Counter()
    for folder, need in needs.items():
        by_disk[folder.stat().st_dev] += need
    for folder in needs:
        free, need = shutil.disk_usage(folder).free, by_disk[folder.stat().st_dev]
        if free < need:
            raise UsageError(
                f"the disk of {folder} has {free / 2**30:.1f} GiB of room, and {need / 2**30:.1f} GiB may be needed: "
                "make room, or choose another place"
            )


def look_before_enrolment(
    settings: Enrol, listed: EnrolmentList, snapshot: Path, workers: int, progress: Progress, tell: Tell
) -> None:
    """Look at what is to be enrolled, where nothing is checked afterwards.

    Raises:
        CxrgateError: as look_at_real and expect_room; a SnapshotError where there is a snapshot already.
    """
    if snapshot.exists():
        raise SnapshotError(f"{snapshot} exists: choose another --output, or bring it up to date by `index update`")
    expect_room(snapshot, (), snapshot, len(listed.files))
    with SandboxedDecoder(workers) as decoder:
        look_at_real(settings, listed.files, decoder, progress, tell)


def first_look(
    config: RunConfig,
    files: Sequence[ImageFile],
    listed: EnrolmentList | None,
    progress: Progress,
    tell: Tell,
    *,
    every: bool = False,
) -> float:
    """Look at all that a run will read, and give the seconds that decoding takes per image.

    Args:
        config: of the run.
        files: images to check; those of a run that goes on were looked at before.
        listed: images to enrol; None where there is a snapshot.
        progress: as for look_at.
        tell: called with what was seen.
        every: decode all images.

    Raises:
        CxrgateError: as look_at_real, look_at_synthetic and expect_room.
    """
    expect_room(config.output, files, config.snapshot, 0 if listed is None else len(listed.files))
    seconds = 0.0
    with SandboxedDecoder(config.decode_workers) as decoder:
        if every or not Paths(config.output).journal.exists():
            seconds = look_at_synthetic(files, decoder, progress, tell, every=every).seconds
        if listed is not None and config.enrol is not None:
            look_at_real(config.enrol, listed.files, decoder, progress, tell, every=every)
    return seconds


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _kind(path: Path) -> str:
    try:
        start = read_start(path, _START)
    except ImageError:
        return _UNOPENED
    if start.startswith(_ZIP):
        return "NPZ" if path.suffix.lower() == ".npz" else "ZIP"
    return next((kind for at, mark, kind in _KINDS if start[at : at + len(mark)] == mark), _UNKNOWN)


def _fails(file: ImageFile, kind: str) -> bool:
    """Whether it can hardly be read; DICOM need not have its mark where the file's name says that it is DICOM."""
    return kind == _UNOPENED or (kind == _UNKNOWN and file.declared is None)


async def _failures(files: Sequence[ImageFile], decoder: SandboxedDecoder, progress: Progress) -> list[Failure]:
    """The failures; a host's fault stops the look, for every image would have it."""
    failures, read = [], 0
    async for _, image in decoded_files(files, decoder):
        if isinstance(image, Failure):
            failures.append(image)
        else:
            read += 1
        progress("look", 1, len(files))
    if not read:
        expect_no_outage(failures, "decoded")
    return failures
