"""The page of a snapshot: what it measured of itself, with the curve of the two rates and a table by references."""

from __future__ import annotations

from pathlib import Path

from cxrgate.core import SnapshotError
from cxrgate.index.manifest import SnapshotManifest
from cxrgate.index.self_measurement import read_measurement
from cxrgate.run_page.environment import make_environment
from cxrgate.run_page.measured import Measured
from cxrgate.storage import write_durably


def write_snapshot_page(manifest: SnapshotManifest, rate: float, output: Path) -> None:
    """Write the page: one file, without scripts, network and ids.

    Args:
        manifest: of the snapshot.
        rate: the false-flag rate whose sentences are told.
        output: the HTML file.

    Raises:
        SnapshotError: the snapshot never measured itself.
    """
    measurement = read_measurement(manifest)
    if measurement is None:
        raise SnapshotError("the snapshot never measured itself: `cxrgate index measure` writes one that did")
    html = (
        make_environment("cxrgate.run_page")
        .get_template("snapshot.html.j2")
        .render(
            manifest=manifest,
            measured=Measured.of(measurement, rate if measurement.points else None),
            points=measurement.points,
            groups=[item.label for item in measurement.points[0].recognised] if measurement.points else [],
        )
    )
    write_durably(output, html.encode())
