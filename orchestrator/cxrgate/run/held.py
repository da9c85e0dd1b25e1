"""A snapshot held against what is listed: a run uses it only where it is of the very images that the list names.

Names and patients are compared always, sizes and times where the files are on this host; what differs there is decoded
again, and only other pixels are a difference.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrgate.core import Failure, GreyImage, SnapshotError, UsageError
from cxrgate.core.counted import counted
from cxrgate.core.progress import Progress
from cxrgate.gate.config import Enrol, RunConfig
from cxrgate.images import ImageFile
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.index import PartName, Snapshot, read_key
from cxrgate.index.comparison import Comparison, ImageComparer
from cxrgate.index.manifest import read_manifest
from cxrgate.run.enrolment_list import EnrolmentList, list_enrolment
from cxrgate.run.host_fault import HostFault
from cxrgate.run.reading import decoded_files, file_stamp

_SHOWN = 10
_WITHDRAWN = (
    "If patients of what is listed and not enrolled were withdrawn, take them out of the list first, or name their "
    "images in the file of `enrol.exclude`: `cxrgate index update` would enrol them again."
)


class SnapshotDiffers(UsageError):
    """The snapshot is not of the images that are listed."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a snapshot was held against.

    Attributes:
        images: references of the snapshot, and so listed images.
        patients: whose they are.
        decoded: images whose file had another size or time, and whose pixels were compared.
        not_compared: what could not be compared, in a sentence; "" where all was.
        snapshot: its digest; images are checked and released with this one alone, see expect_held.
    """

    images: int
    patients: int
    decoded: int = 0
    not_compared: str = ""
    snapshot: str = ""

    @property
    def sentence(self) -> str:
        """What every run says."""
        more = f" ({self.not_compared})" if self.not_compared else ""
        return f"held against {counted(self.images, 'image')} of {counted(self.patients, 'patient')}{more}"


def hold(
    settings: Enrol,
    snapshot: Snapshot,
    workers: int,
    progress: Progress,
    listed: EnrolmentList | None = None,
    *,
    every: bool = False,
) -> Held:
    """Compare a snapshot with what is listed.

    Args:
        settings: the list, and the key of the opaque ids.
        snapshot: open, and made under that key.
        workers: decode workers, where something has to be decoded.
        progress: called with "compare", images done now and in all.
        listed: what the list says, where it was read already.
        every: compare the pixels of every image, not only of those whose file changed.

    Raises:
        SnapshotDiffers: an image is new, gone, another patient's, or has other pixels; with names, and what to do.
        SnapshotCorrupt: what differs is the snapshot from its own manifest.
        UsageError: the list or the key cannot be read.
        HostFault: the decoder does not work.
    """
    if not settings.images.exists():
        raise UsageError(
            f"{settings.images} is not on this host, so that the snapshot cannot be held against it: bring it, or "
            "leave `enrol` out of this host's configuration; its runs then say that nothing was compared"
        )
    listed = listed or list_enrolment(settings, workers, progress)
    comparer = ImageComparer(snapshot, read_key(settings.key))
    found = comparer.compare(listed.files, [file_stamp(file.path) for file in listed.files])
    if len(found.new) == len(listed.files) and len(found.gone) == snapshot.manifest.references:
        snapshot.verify()
        raise SnapshotDiffers(
            f"{snapshot.path}: none of its images is listed in {settings.images}; either it is of other images, or it "
            f"was made with another key than {settings.key}"
        )
    asked = (*found.touched, *found.unchanged) if every else found.touched
    changed = [] if found.certain else changed_pixels(asked, comparer, workers, progress)
    if found.certain or changed:
        snapshot.verify()  # a flipped bit in its ids would look like a list that changed
        raise SnapshotDiffers(_differences(snapshot.path, settings, found, changed))
    manifest = snapshot.manifest
    return Held(manifest.references, manifest.patients, len(asked), _not_compared(found), manifest.digest)


def hold_served(config: RunConfig, served: Mapping[str, Any], progress: Progress) -> Held:
    """Compare what an index service serves with what is listed.

    Its references are told to curators alone. So names are compared where the very snapshot lies on this host too, and
    the numbers of images and patients where it does not.

    Args:
        config: of the run.
        served: digest, references and patients of the served snapshot.
        progress: as for hold.

    Raises:
        SnapshotDiffers: as hold; or the numbers are others than those of the list.
    """
    images, patients, digest = served["references"], served["patients"], served["digest"]
    settings = config.enrol
    if settings is None or not settings.images.exists():
        return Held(images, patients, not_compared="no list to compare it with is on this host", snapshot=digest)
    if config.snapshot.exists() and read_manifest(config.snapshot).digest == digest:
        snapshot = Snapshot.open(config.snapshot, config.read_storage_key())
        return hold(settings, snapshot, config.decode_workers, progress)
    listed = list_enrolment(settings, config.decode_workers, progress)
    if (len(listed.files), listed.patients) != (images, patients):
        raise SnapshotDiffers(
            f"the index serves {counted(images, 'image')} of {counted(patients, 'patient')}, {settings.images} lists "
            f"{len(listed.files)} of "
            f"{listed.patients}: take patients who were withdrawn out of the list, and enrol what is new by "
            "`cxrgate index update` and activate it"
        )
    told = "by their numbers alone: the index tells nobody but curators its names"
    return Held(images, patients, not_compared=told, snapshot=digest)


def expect_held(config: RunConfig, held: Held | None, bound: str) -> None:
    """Let nothing be checked with another snapshot than the one that was held against the list.

    A snapshot is opened more than once while a run starts, and its folder may be exchanged in between.

    Args:
        config: of the run.
        held: what was compared; None where nothing was.
        bound: digest of the snapshot that the gate decides with.

    Raises:
        SnapshotDiffers: it is another one, or none was there to be compared.
    """
    compared = None if held is None else held.snapshot
    if config.enrol is not None and compared != bound:
        raise SnapshotDiffers(
            f"the snapshot {config.snapshot} was exchanged while the run started: the one that would decide is not the "
            f"one that was held against {config.enrol.images}. Nothing was checked; run again, and exchange no "
            "snapshot until the run has begun to check"
        )


def verify_images(config: RunConfig, progress: Progress) -> Held:
    """Every byte of the snapshot, and every listed image's pixels beside what was enrolled.

    Raises:
        SnapshotError: the snapshot is not what its manifest says, or was made before images were recorded.
        CxrgateError: see hold.
    """
    if config.enrol is None:
        raise UsageError("the configuration has no `enrol`, which says what was listed and under which key: add it")
    snapshot = Snapshot.open(config.snapshot, config.read_storage_key())
    snapshot.verify()
    if PartName.IMAGES not in snapshot.parts:
        raise SnapshotError(
            f"{config.snapshot}: made before pixels were recorded, there is nothing to compare with; "
            "`cxrgate index update CONFIG` records them"
        )
    return hold(config.enrol, snapshot, config.decode_workers, progress, every=True)


def changed_pixels(
    files: Sequence[ImageFile], comparer: ImageComparer, workers: int, progress: Progress
) -> list[ImageFile]:
    """Those of the files whose pixels are not the enrolled ones; a file that cannot be decoded is one of them."""
    if not files:
        return []

    async def compare() -> list[ImageFile]:
        changed = []
        with SandboxedDecoder(workers) as decoder:
            async for file, image in decoded_files(files, decoder):
                same = isinstance(image, GreyImage) and comparer.has_pixels(image.image_id, image.digest)
                _raise_fault(image)
                if not same:
                    changed.append(file)
                progress("compare", 1, len(files))
        return changed

    return asyncio.run(compare())


def _raise_fault(image: GreyImage | Failure) -> None:
    """A decoder that broke says nothing about the image."""
    if isinstance(image, Failure) and image.is_host_fault:
        raise HostFault(f"the decoder failed, {image.reason}: {image.message}; start again")


def _not_compared(found: Comparison) -> str:
    if not found.recorded:
        return (
            "by their names and patients alone: the snapshot was made before sizes, times and pixels were recorded; "
            "`cxrgate index update CONFIG` records them"
        )
    if found.absent:
        count, verb = len(found.absent), "is" if len(found.absent) == 1 else "are"
        return f"{count} of them {verb} not on this host: names and patients were compared, not the content"
    return ""


def _differences(folder: Path, settings: Enrol, found: Comparison, changed: Sequence[ImageFile]) -> str:
    """The message: every kind of difference with its number and names, then what to do."""
    gone = _gone_names(settings.reference_map, found.gone)
    kinds = (
        ("listed and not enrolled: a copy of one of them would be found by chance only", _names(found.new)),
        ("enrolled and no longer listed", gone),
        ("enrolled as another patient's", _names(found.moved)),
        ("with other pixels than at enrolment, or no longer readable", _names(changed)),
    )
    lines = [f"{folder} is not a snapshot of the images that {settings.images} lists:"]
    for what, names in kinds:
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            lines.append(f"  {len(names)} {what}: {', '.join(names[:_SHOWN])}{more}")
    lines += [
        *([_WITHDRAWN] if found.new else []),
        "Do one of these:",
        "  `cxrgate index update CONFIG` enrols what is new or changed, and nothing else; CONFIG is this run's",
        *(["    (with --drop-unlisted where what is no longer listed may go)"] if gone else []),
        "  name in the list, or leave out by `enrol.exclude`, exactly what was enrolled",
        "  give another `snapshot`, which a run then builds from the whole list",
    ]
    return "\n".join(lines)


def _names(files: Iterable[ImageFile]) -> list[str]:
    return [file.image_id for file in files]


def _gone_names(reference_map: Path, gone: Sequence[bytes]) -> list[str]:
    """Names from the reference map where it lies here, else the opaque ids."""
    if not gone:
        return []
    try:
        with reference_map.open(newline="") as file:
            names = {row["reference_id"]: row["image"] for row in csv.DictReader(file)}
    except (OSError, KeyError, UnicodeDecodeError, csv.Error):
        names = {}
    return [names.get(reference.hex(), reference.hex()) for reference in gone]
