"""Duplicates by the names of their images and patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cxrgate.core import MismatchError
from cxrgate.core.progress import Progress
from cxrgate.core.spaces import SAME_PATIENT
from cxrgate.filter.cached_snapshot import CachedSnapshot
from cxrgate.filter.duplicates import DuplicateSearch, Pair
from cxrgate.gate.binding import PolicyBinder, SnapshotFacts
from cxrgate.gate.config import GateConfig
from cxrgate.gate.local import LocalModels
from cxrgate.images.sources.tables import read_table
from cxrgate.index import Snapshot
from cxrgate.index.manifest import MANIFEST_SEAL


@dataclass(frozen=True, slots=True)
class NamedPair:
    """Two images that show one patient, or are one picture.

    Attributes:
        image: of the second set or, within one set, the one that comes first; its name in the list, or an opaque id
            where a snapshot was given.
        other: of the first set.
        what: "same picture", "same patient" or both.
        patient: whose the image is, as its list says.
        other_patient: whose the other is.
        deciding: standout of the two, 0 to 1, or the same-patient score where that decides.
        similarity: how alike the pictures are; None where the rule has no cosine space.
    """

    image: str
    other: str
    what: str
    patient: str
    other_patient: str
    deciding: float
    similarity: float | None


def find_pairs(
    config: GateConfig, models: LocalModels, first: CachedSnapshot, second: CachedSnapshot | None, progress: Progress
) -> tuple[list[NamedPair], str]:
    """The pairs, the surest first, and what the thresholds promise.

    Args:
        config: has the rule; its snapshot is the first. Its storage key is that of snapshots that are sealed.
        models: by which both snapshots were made.
        first: the set that is searched.
        second: the set that is asked; None asks the first.
        progress: called with "compare", images done now and in all.

    Raises:
        MismatchError: a snapshot was made by other models; or see PolicyBinder.bind.
        SnapshotError: a snapshot is sealed with no key or another one.
    """
    storage_key = config.read_storage_key()
    searched = _opened(first, storage_key)
    policy, _ = PolicyBinder.of(config, models).bind(SnapshotFacts.of(searched.manifest), None)
    search = DuplicateSearch(searched, policy, models.terms.head)
    asked = searched if second is None else _opened(second, storage_key)
    if SnapshotFacts.of(asked.manifest).built_with != models.digests:
        raise MismatchError(f"{asked.path} was made with other models: enrol again, or name them by --models")
    found = search.within(progress) if second is None else search.between(asked, progress)
    names = _names(first), _names(second or first)
    pairs = [_named(pair, asked, searched, names) for pair in found]
    pairs.sort(key=lambda pair: (-max(pair.deciding, pair.similarity or 0), pair.image, pair.other))
    promise = policy.promise or "nothing is promised of them, thresholds were set by hand"
    return pairs, str(promise)


def _opened(made: CachedSnapshot, storage_key: bytes | None) -> Snapshot:
    """In memory; the key is for a snapshot that was given, for what is in the cache is not sealed."""
    sealed = made.key is None and (made.snapshot / MANIFEST_SEAL).exists()
    return Snapshot.open(made.snapshot, storage_key if sealed else None).in_memory()


Names = Mapping[str, tuple[str, str]]


def _names(made: CachedSnapshot) -> Names:
    """Image and patient by reference id; nothing for a snapshot that was given."""
    if made.reference_map is None:
        return {}
    rows = read_table(made.reference_map, ("reference_id", "image", "patient_id"))
    return {row["reference_id"]: (row["image"], row["patient_id"]) for row in rows}


def _named(pair: Pair, asked: Snapshot, searched: Snapshot, names: tuple[Names, Names]) -> NamedPair:
    known, of_asked = names
    image, patient = _name(asked, pair.row, of_asked)
    other, other_patient = _name(searched, pair.other, known)
    same = [reason for reason in pair.reasons if reason != SAME_PATIENT]
    what = ["same picture"] if same else []
    what += ["same patient"] if SAME_PATIENT in pair.reasons else []
    alike = max(pair.similarities.values(), default=None)
    return NamedPair(image, other, ", ".join(what), patient, other_patient, pair.deciding, alike)


def _name(snapshot: Snapshot, row: int, names: Names) -> tuple[str, str]:
    reference = snapshot.reference_ids[row].tobytes().hex()
    return names.get(reference, (reference, snapshot.patient_keys[row].tobytes().hex()))
