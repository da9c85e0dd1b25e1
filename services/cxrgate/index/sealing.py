"""A snapshot, written again sealed: the same digest, and so the same policy, certificate and verdicts."""

from __future__ import annotations

import shutil
from pathlib import Path

from cxrgate.certification import CERTIFICATE
from cxrgate.core import SnapshotCorrupt
from cxrgate.index.build import whole
from cxrgate.index.snapshot import ARRAYS, DATA_KEY, Snapshot, write_array, write_manifest
from cxrgate.storage import create_data_key


def seal_snapshot(plain: Snapshot, folder: Path, storage_key: bytes) -> Snapshot:
    """Write a snapshot sealed, with its certificate where it has one, whole or not at all, and open it.

    Args:
        plain: what to seal; verified here.
        folder: where the sealed one will lie; it must not exist.
        storage_key: 32 bytes.

    Raises:
        SnapshotError: the folder exists, or the snapshot is not what its manifest says (SnapshotCorrupt).
    """
    plain.verify()
    with whole(folder) as partial:
        data_key = create_data_key(partial / DATA_KEY, storage_key)
        written = {name: write_array(partial, name, getattr(plain, name), data_key) for name in ARRAYS}
        if written != plain.manifest.arrays:
            raise SnapshotCorrupt(f"{plain.path}: expected arrays that are written again as they were")
        write_manifest(partial, plain.manifest, data_key)
        if (plain.path / CERTIFICATE).exists():
            shutil.copyfile(plain.path / CERTIFICATE, partial / CERTIFICATE)
    return Snapshot.open(folder, storage_key)
