"""A snapshot, written again sealed: the same digest, and so the same policy, certificate and verdicts."""

from __future__ import annotations

import shutil
from pathlib import Path

from cxrgate.certification import CERTIFICATE
from cxrgate.core import SnapshotCorrupt
from cxrgate.index.array_files import write_array
from cxrgate.index.build import whole
from cxrgate.index.manifest import ARRAYS, write_manifest
from cxrgate.index.parts import write_part
from cxrgate.index.snapshot import DATA_KEY, Snapshot
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
        written = {name: write_array(partial, name, plain.arrays[name], data_key) for name in ARRAYS}
        count = plain.manifest.references
        parts = {name.value: write_part(partial, name, part, count, data_key) for name, part in plain.parts.items()}
        if (written, parts) != (plain.manifest.arrays, plain.manifest.parts):
            raise SnapshotCorrupt(
                f"{plain.path} changed while it was sealed, or was damaged before: verify it and seal again"
            )
        write_manifest(partial, plain.manifest, data_key)
        if (plain.path / CERTIFICATE).exists():
            shutil.copyfile(plain.path / CERTIFICATE, partial / CERTIFICATE)
    return Snapshot.open(folder, storage_key)
