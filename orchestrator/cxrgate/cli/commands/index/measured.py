"""What a snapshot measured of itself, in sentences."""

from __future__ import annotations

from cxrgate.index.manifest import SnapshotManifest
from cxrgate.index.measurement_text import sentences
from cxrgate.index.self_measurement import read_measurement


def measured_of(manifest: SnapshotManifest) -> list[str]:
    """The sentences, or what to do where it never measured itself."""
    measurement = read_measurement(manifest)
    if measurement is None:
        return ["The snapshot never measured itself: `cxrgate index measure` writes one that did."]
    return sentences(measurement)
