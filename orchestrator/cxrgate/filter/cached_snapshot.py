"""The snapshot of a folder or a list, enrolled once and kept, with its key, under the user's cache folder.

    CACHE/snapshots/DIGEST/snapshot   the enrolled images
    CACHE/snapshots/DIGEST/key        the HMAC key of their opaque ids
    CACHE/snapshots/DIGEST/map.csv    the way back from opaque ids to files and patients
    CACHE/digests/DIGEST.csv          digests of the files of one source, by size and time of change

DIGEST covers the images' contents, names and patients, the models and how snapshots measure themselves: a set that was
moved finds its snapshot again, one that changed gets another. All of it is readable by its owner alone.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from platformdirs import user_cache_path
from pydantic import ValidationError

from cxrgate.core import Failure, UsageError
from cxrgate.core.digest import bytes_digest
from cxrgate.core.keypoints import METHOD
from cxrgate.core.progress import Progress, Tell, silent, untold
from cxrgate.filter.content import content_digest
from cxrgate.gate.config import Enrol
from cxrgate.gate.local import LocalModels
from cxrgate.gate.suggestions import explain
from cxrgate.index import ensure_key
from cxrgate.index.array_files import array_path
from cxrgate.index.build import EnrolmentError
from cxrgate.index.manifest import MANIFEST, MANIFEST_SEAL
from cxrgate.run.enrol import enrol_listed
from cxrgate.run.enrolment_list import EnrolmentList, list_enrolment
from cxrgate.run.first_look import look_before_enrolment

_OWNER = 0o700
_DIGITS = 32


@dataclass(frozen=True, slots=True)
class CachedSnapshot:
    """Where the snapshot of a set of references lies.

    Attributes:
        snapshot: its folder.
        key: the HMAC key of its opaque ids; None for a snapshot that was given, whose key is its owner's.
        reference_map: CSV from opaque ids to files and patients; None as `key`.
        is_new: whether it was enrolled just now.
    """

    snapshot: Path
    key: Path | None = None
    reference_map: Path | None = None
    is_new: bool = False


def cache_folder() -> Path:
    """The user's cache folder of cxrgate; CXRGATE_CACHE in the environment names another."""
    given = os.environ.get("CXRGATE_CACHE")
    return Path(given).absolute() if given else user_cache_path("cxrgate")


def is_snapshot(path: Path) -> bool:
    """Whether there is a snapshot at `path`, and not a folder of images or a list."""
    return (path / MANIFEST).is_file() and (array_path(path, "identity").exists() or (path / MANIFEST_SEAL).exists())


def open_or_enrol(
    reference: Path,
    models: LocalModels,
    *,
    listing: Mapping[str, Any] | None = None,
    workers: int = 1,
    progress: Progress = silent,
    tell: Tell = untold,
    cache: Path | None = None,
    remember: bool = True,
    keypoints: bool = False,
) -> CachedSnapshot:
    """The snapshot of `reference`, enrolled where it is not in the cache yet.

    A stopped enrolment goes on where it was. Two processes that ask for one snapshot enrol it once.

    Args:
        reference: a snapshot's folder, which is taken as it is; or a folder of images, or a list with the columns
            image and patient_id, or a data set's root.
        models: what enrolment and checking share, see gate.local.local_models.
        listing: more keys of `enrol` in a configuration, such as layout, columns or exclude; see gate.config.Enrol.
        workers: decode workers.
        progress: called with "headers", "read", "look" and "enrol", images or files done now and in all.
        tell: called with how the list was understood, and what was seen at the first look.
        cache: instead of cache_folder().
        remember: keep the files' digests for the next time; of no use for files that are written anew each time.
        keypoints: the snapshot keeps keypoints, for a policy that asks for matches.

    Raises:
        UsageError: the list cannot be read, a key of `listing` has no such value or goes with a snapshot, or the disk
            has too little room.
        EnrolmentError: images could not be enrolled; every one is named in a file.
        HostFault: nothing could be decoded, through no fault of the images, or memory ran out.
    """
    if is_snapshot(reference):
        _expect_no_listing(reference, listing or {})
        return CachedSnapshot(reference)
    root = cache or cache_folder()
    settings = _settings(reference, listing or {}, root)
    listed = list_enrolment(settings, workers, progress)
    for sentence in listed.sentences:
        tell(sentence)
    folder = _folder(root, listed, reference if remember else None, models, progress, keypoints=keypoints)
    settings, snapshot = _settings(reference, listing or {}, folder), folder / "snapshot"
    with _locked(folder):
        if is_snapshot(snapshot):
            return CachedSnapshot(snapshot, settings.key, settings.reference_map)
        ensure_key(settings.key)
        look_before_enrolment(settings, listed, snapshot, workers, progress, tell)
        enrol_listed(
            settings, listed, snapshot, models, progress, workers=workers, storage_key=None, keypoints=keypoints
        )
    return CachedSnapshot(snapshot, settings.key, settings.reference_map, is_new=True)


def open_or_enrol_readable(
    reference: Path, models: LocalModels, *, listing: Mapping[str, Any] | None = None, **more: Any
) -> tuple[CachedSnapshot, tuple[Failure, ...]]:
    """As open_or_enrol, without the images that cannot be read, which are given with it.

    Only for what protects nobody: copies of an image that is left out would pass a gate.

    Raises:
        CxrgateError: as open_or_enrol; an EnrolmentError where images failed through this host's fault.
    """
    try:
        return open_or_enrol(reference, models, listing=listing, **more), ()
    except EnrolmentError as error:
        if any(failure.is_host_fault for failure in error.failures):
            raise
        failures = error.failures
    given = (listing or {}).get("exclude")
    names = [] if given is None else [line for line in Path(given).read_text().splitlines() if line.strip()]
    with TemporaryDirectory(prefix="cxrgate-") as folder:
        exclude = Path(folder) / "exclude.txt"
        exclude.write_text("\n".join([*names, *(failure.image_id for failure in failures)]), encoding="utf-8")
        kept = {**(listing or {}), "exclude": exclude}
        return open_or_enrol(reference, models, listing=kept, **more), failures


def _expect_no_listing(snapshot: Path, listing: Mapping[str, Any]) -> None:
    """Raise UsageError for keys that say what of a list is enrolled: of a snapshot all is, whatever they say."""
    if given := [name for name, value in listing.items() if value]:
        raise UsageError(
            f"{snapshot} is a snapshot, which is taken as it is, and {', '.join(given)} would change nothing of it: "
            "leave out what says how images are listed, or give the list or folder that it was made from"
        )


def _settings(reference: Path, listing: Mapping[str, Any], folder: Path) -> Enrol:
    places = {"key": folder / "key", "reference_map": folder / "map.csv"}
    try:
        return Enrol.model_validate({"images": reference.absolute(), **listing, **places})
    except ValidationError as error:
        raise UsageError("\n".join(explain(Enrol, error.errors()))) from error


def _folder(
    root: Path,
    listed: EnrolmentList,
    remembered: Path | None,
    models: LocalModels,
    progress: Progress,
    *,
    keypoints: bool,
) -> Path:
    """The folder of the snapshot of what is listed, made where it is not there; `remembered` is what was listed."""
    about = {
        "models": asdict(models.digests),
        "terms": models.terms.to_json(),
        "left_out": dict(listed.left_out),
        "excluded": listed.excluded,
        **({"keypoints": METHOD} if keypoints else {}),
    }
    table = None
    if remembered is not None:
        table = _made(root, "digests") / f"{bytes_digest(os.fsencode(remembered.resolve()))[:_DIGITS]}.csv"
    content = content_digest(listed.files, about, table, progress)
    return _made(root, "snapshots", content[:_DIGITS])


def _made(root: Path, *names: str) -> Path:
    """A folder below `root` for its owner alone: names in it are patients'."""
    root.mkdir(parents=True, exist_ok=True)
    for name in names:
        root /= name
        root.mkdir(_OWNER, exist_ok=True)
    return root


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Wait until no other process enrols here."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
