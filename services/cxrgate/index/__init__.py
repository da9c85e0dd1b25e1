"""Exact search engines, the snapshot and its building."""

from cxrgate.index.build import Enrolment, EnrolmentError, ModelDigests, build_snapshot
from cxrgate.index.engines.engine import Engine, EngineName, Neighbors
from cxrgate.index.engines.kdtree import KDTreeEngine
from cxrgate.index.engines.matrix import MatrixEngine
from cxrgate.index.keys import create_key, ensure_key, opaque_id, read_key
from cxrgate.index.manifest import PartName, SnapshotManifest
from cxrgate.index.parts import Part
from cxrgate.index.search import LocalSearcher, make_engine
from cxrgate.index.snapshot import Snapshot

__all__ = [
    "Engine",
    "EngineName",
    "Enrolment",
    "EnrolmentError",
    "KDTreeEngine",
    "LocalSearcher",
    "MatrixEngine",
    "ModelDigests",
    "Neighbors",
    "Part",
    "PartName",
    "Snapshot",
    "SnapshotManifest",
    "build_snapshot",
    "create_key",
    "ensure_key",
    "make_engine",
    "opaque_id",
    "read_key",
]
