"""New snapshots from old ones: patients added, replaced and withdrawn. The old snapshot is never touched.

Rows keep their order, new ones follow. The mean layout stays that of the base: it says what kind of picture is
enrolled, thresholds were chosen against it, and no single patient shows in it. A full build computes it anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import SnapshotError
from cxrgate.core.counted import counted
from cxrgate.index.array_files import join_rows, write_array
from cxrgate.index.build import whole
from cxrgate.index.keypoint_rows import expect_rows, with_rows
from cxrgate.index.manifest import ARRAYS, PartName, write_manifest
from cxrgate.index.parts import Arrays, Derive, Part, following, no_parts, write_part
from cxrgate.index.snapshot import DATA_KEY, Snapshot
from cxrgate.index.space_codes import codes_part
from cxrgate.storage import create_data_key

PER_REFERENCE = tuple(name for name in ARRAYS if name != "mean_layout")


@dataclass(frozen=True, slots=True, eq=False)
class Addition:
    """Rows to add: for each array with one row per reference, its rows in its dtype; equal numbers of rows.

    Rows of parts go by PART.ARRAY, and may be missing; see parts.following.
    """

    rows: Mapping[str, NDArray[Any]] = field(repr=False)

    def __post_init__(self) -> None:
        lengths = {name: len(rows) for name, rows in self.rows.items()}
        if not set(lengths) >= set(PER_REFERENCE) or len(set(lengths.values())) != 1:
            raise ValueError(f"expected equal numbers of rows of {PER_REFERENCE}, got {lengths}")


def change_snapshot(
    base: Snapshot,
    folder: Path,
    withdrawn: Collection[bytes],
    addition: Addition | None = None,
    derive: Derive = no_parts,
) -> Snapshot:
    """Write, whole or not at all, the base without some patients and with some rows added, and open it.

    Parts with a row per reference follow their references; others are in the new snapshot only where `derive` makes
    them: a measurement of the base is none of the new one.

    Args:
        base: what to start from.
        folder: where the new snapshot will lie; it must not exist.
        withdrawn: patient keys whose references are left out.
        addition: references to add.
        derive: makes parts from the new arrays.

    Raises:
        SnapshotError: a withdrawn patient is not in the base, a reference would be there twice, nothing would be
            left, or the folder exists.
    """
    keys = [row.tobytes() for row in np.asarray(base.patient_keys)]
    missing = set(withdrawn) - set(keys)
    if missing:
        raise SnapshotError(
            f"{counted(len(missing), 'patient is', 'patients are')} not in the snapshot, such as "
            f"{min(missing).hex()}: name those that are"
        )
    return _write(base, folder, keys, set(withdrawn), addition, derive)


def without_references(base: Snapshot, folder: Path, references: Collection[bytes]) -> Snapshot:
    """Write the base without some references, whoever's they are, and open it; errors as change_snapshot."""
    return _write(base, folder, [row.tobytes() for row in np.asarray(base.reference_ids)], set(references))


def replace_references(
    base: Snapshot,
    folder: Path,
    leaving: Collection[bytes],
    addition: Addition | None,
    excluded: int,
    listing: Mapping[str, Any],
    derive: Derive = no_parts,
) -> Snapshot:
    """Write the base without some references and with rows added, as a list is now that changed; open it.

    Args:
        base: what to start from; its parts may differ from those on the disk.
        folder: where the new snapshot will lie; it must not exist.
        leaving: reference ids that are left out.
        addition: references to add.
        excluded: images that the operator leaves out by name.
        listing: as for build_snapshot.
        derive: makes parts from the new arrays.

    Raises:
        SnapshotError: as change_snapshot.
    """
    ids = [row.tobytes() for row in np.asarray(base.reference_ids)]
    part = base.parts[PartName.IMAGES]
    told = replace(base, parts={**base.parts, PartName.IMAGES: replace(part, about=dict(listing))})
    told = replace(told, manifest=replace(base.manifest, excluded=excluded))
    return _write(told, folder, ids, leaving, addition, derive)


def _write(
    base: Snapshot,
    folder: Path,
    keys: Sequence[bytes],
    leaving: Collection[bytes],
    addition: Addition | None = None,
    derive: Derive = no_parts,
) -> Snapshot:
    """The base without the rows whose key is leaving; `keys` has one per row."""
    kept = np.array([row for row, key in enumerate(keys) if key not in leaving], dtype=np.int64)
    added = {name: base.arrays[name][:0] for name in PER_REFERENCE} if addition is None else addition.rows
    if addition is not None:
        expect_rows(base.parts.get(PartName.KEYPOINTS), added)
    _check_ids(base.reference_ids, kept, added["reference_ids"])
    with whole(folder) as partial:
        key = base.storage_key
        data_key = None if key is None else create_data_key(partial / DATA_KEY, key)
        arrays = {name: _joined(partial, name, base, kept, added, data_key) for name in PER_REFERENCE}
        arrays["mean_layout"] = base.mean_layout
        count = len(arrays["reference_ids"])
        parts = following(partial, base.parts, kept, added, count - len(kept), data_key)
        parts |= {**derive(with_rows(arrays, parts)), **codes_part(arrays)}
        described = {name: write_array(partial, name, arrays[name], data_key) for name in ARRAYS}
        manifest = replace(
            base.manifest,
            references=count,
            patients=len({row.tobytes() for row in arrays["patient_keys"]}),
            images=_chained(base, leaving, arrays["reference_ids"]),
            arrays=described,
            parts={str(name): write_part(partial, name, part, count, data_key) for name, part in parts.items()},
        )
        write_manifest(partial, manifest, data_key)
    return Snapshot.open(folder, base.storage_key)


def with_parts(base: Snapshot, folder: Path, parts: Mapping[PartName, Part]) -> Snapshot:
    """Write the base again with these parts in place of its own of the same names, and open it.

    It gets a digest of its own, and so wants a certificate of its own.

    Raises:
        SnapshotError: the folder exists, or a part has not the rows that it should have.
    """
    merged = {**base.parts, **parts}
    with whole(folder) as partial:
        data_key = None if base.storage_key is None else create_data_key(partial / DATA_KEY, base.storage_key)
        described = {name: write_array(partial, name, base.arrays[name], data_key) for name in ARRAYS}
        count = base.manifest.references
        entries = {name.value: write_part(partial, name, part, count, data_key) for name, part in merged.items()}
        write_manifest(partial, replace(base.manifest, arrays=described, parts=entries), data_key)
    return Snapshot.open(folder, base.storage_key)


def _joined(
    folder: Path, name: str, base: Snapshot, kept: NDArray[np.int64], added: Arrays, data_key: bytes | None
) -> NDArray[Any]:
    rows, more = base.arrays[name], added[name]
    if more.dtype != rows.dtype or more.shape[1:] != rows.shape[1:]:
        raise SnapshotError(
            f"{name} is {rows.dtype}{rows.shape[1:]} here and {more.dtype}{more.shape[1:]} in what is added"
        )
    return join_rows(folder, name, rows, kept, more, data_key)


def _check_ids(ids: NDArray[np.uint8], kept: NDArray[np.int64], added: NDArray[np.uint8]) -> None:
    found = [row.tobytes() for row in (*np.asarray(ids[kept]), *np.asarray(added))]
    if not found:
        raise SnapshotError("no reference would be left: a snapshot needs one or more")
    if len(set(found)) != len(found):
        raise SnapshotError("a reference is there twice: add each image under one name")


def _chained(base: Snapshot, withdrawn: Collection[bytes], ids: NDArray[np.uint8]) -> str:
    """Stands for the images of a changed snapshot, whose pixels are not at hand: the base's digest and the change."""
    sha = hashlib.sha256(bytes.fromhex(base.manifest.images))
    for key in sorted(withdrawn):
        sha.update(key)
    sha.update(np.ascontiguousarray(ids).tobytes())
    return sha.hexdigest()
