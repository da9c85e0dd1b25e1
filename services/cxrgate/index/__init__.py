"""Exact search engines, the snapshot and its building. Engines that need scipy, and building, are not re-exported."""

from cxrgate.index.engines.engine import Engine, EngineName, Neighbors
from cxrgate.index.engines.matrix import MatrixEngine
from cxrgate.index.keys import create_key, ensure_key, opaque_id, read_key, read_storage_key
from cxrgate.index.manifest import PartName, SnapshotManifest
from cxrgate.index.parts import Part
from cxrgate.index.snapshot import Snapshot

__all__ = [
    "Engine",
    "EngineName",
    "MatrixEngine",
    "Neighbors",
    "Part",
    "PartName",
    "Snapshot",
    "SnapshotManifest",
    "create_key",
    "ensure_key",
    "opaque_id",
    "read_key",
    "read_storage_key",
]
