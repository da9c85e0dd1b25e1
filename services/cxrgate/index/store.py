"""A folder of snapshots, one of which is active.

    STORE/NAME/manifest.json ...    snapshots, built here or copied in; the name says nothing
    STORE/active                    the digest of the active one, replaced whole

A snapshot that is copied in should appear by a rename; a partial copy is refused at activation and harms nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cxrgate.core import MismatchError, SnapshotError, UsageError
from cxrgate.index.build import ModelDigests
from cxrgate.index.manifest import MANIFEST, read_manifest
from cxrgate.index.snapshot import Snapshot
from cxrgate.storage import write_durably

ACTIVE = "active"


class SnapshotStore:
    """Finds, checks and activates snapshots by digest."""

    def __init__(self, folder: Path, storage_key: bytes | None = None) -> None:
        """Raise UsageError unless the folder exists. With a storage key every snapshot in it must be sealed."""
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder of snapshots")
        self.folder, self._key = folder, storage_key

    def open_active(self) -> Snapshot:
        """The active snapshot, checked, in memory where it fits; where none was ever activated, the only one there is.

        Raises:
            SnapshotError: there is none, or it is not what its manifest says.
            UsageError: there are several and none was activated.
        """
        pointer = self.folder / ACTIVE
        if pointer.exists():
            return self.open(pointer.read_text().strip())
        found = list(self._folders())
        if len(found) != 1:
            raise UsageError(
                f"{self.folder} has {len(found)} snapshots and no file {ACTIVE} that says which one is served: write it"
            )
        return Snapshot.open(found[0], self._key).in_memory()

    def open(self, digest: str) -> Snapshot:
        """The snapshot of that digest, every byte checked, in memory where it fits.

        Raises:
            SnapshotError: there is none, or it is not what its manifest says (SnapshotCorrupt).
        """
        for folder in self._folders():
            if _digest(folder) == digest:
                return Snapshot.open(folder, self._key).in_memory()
        raise SnapshotError(f"{self.folder} has no snapshot {digest}")

    def activate(self, snapshot: Snapshot) -> None:
        """Make it the one that `open_active` gives, from now on and after a crash."""
        write_durably(self.folder / ACTIVE, f"{snapshot.manifest.digest}\n".encode())

    def _folders(self) -> Iterator[Path]:
        yield from sorted(path.parent for path in self.folder.glob(f"*/{MANIFEST}") if path.parent.suffix != ".partial")


def check_kin(snapshot: Snapshot, active: Snapshot) -> None:
    """Raise MismatchError unless both were built with the same models and the same copy descriptor."""
    made = [ModelDigests.of(item.manifest) for item in (snapshot, active)]
    if made[0] != made[1]:
        raise MismatchError(
            f"the snapshot was built with {made[0]}, and {made[1]} is served: build it with the served models"
        )


def _digest(folder: Path) -> str | None:
    """None for a manifest that cannot be trusted: it is no snapshot of any digest."""
    try:
        return read_manifest(folder).digest
    except SnapshotError:
        return None
