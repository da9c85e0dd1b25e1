"""Step 2, search_nearest_image of anonymization-pipeline: images and lookup_table.pth to nearest_images.csv."""

from __future__ import annotations

import numpy as np

from cxrgate.compat.config import PipelineConfig
from cxrgate.compat.describe import Described, describe, failures, forget
from cxrgate.compat.lookup import Table, read_lookup_table
from cxrgate.compat.origin import check_table
from cxrgate.compat.private import write_origin
from cxrgate.compat.step import Coverage, Options, load
from cxrgate.compat.tables import Nearest, write_nearest
from cxrgate.images import Layout
from cxrgate.index import EngineName
from cxrgate.index.engines.make import make_engine
from cxrgate.models import ModelKind
from cxrgate.run.enrol import list_images

NOTED = ("lookup_table", "references", "retrieval", "pixels")
"""What is noted of a search: the table's sha256 and length, the model's digest, the synthetic pixels' digests."""

NEIGHBOURS = 3
"""Rows per synthetic image, as anonymization-pipeline has them; fewer where the table holds fewer."""


def search(config: PipelineConfig, options: Options) -> Coverage:
    """Write each synthetic image's nearest real ones; an image that cannot be read gets no row, and never passes.

    Raises:
        MismatchError: the table was made with another model or another preprocessing.
        CxrgateError: see read_lookup_table, list_images and compat.step.load.
    """
    table = read_lookup_table(config.lookup_table_output)
    forward = load(config, ModelKind.RETRIEVAL, options)
    sha256 = check_table(config.lookup_table_output, table, forward)
    files = list_images(config.anonymous_dataset_path, Layout.FOLDER)
    output, progress = config.nearest_images_output, options.progress("search", len(files))
    found = describe(files, forward, output, workers=options.workers, progress=progress)
    pairs = zip(files, found, strict=True)
    described = {str(file.path): item for file, item in pairs if isinstance(item, Described)}
    write_nearest(output, _nearest(table, described))
    made_from = {"lookup_table": sha256, "references": len(table), "retrieval": forward.manifest.digest}
    write_origin(output, {**made_from, "pixels": {name: item.pixel_digest for name, item in described.items()}})
    forget(output)
    return Coverage(len(described), len(files), failures(found))


def _nearest(table: Table, described: dict[str, Described]) -> list[Nearest]:
    if not described:
        return []
    names, k = list(table), min(NEIGHBOURS, len(table))
    engine = make_engine(EngineName.CODES, np.stack(list(table.values())))
    found = engine.search(np.stack([item.row for item in described.values()]), k)
    return [
        Nearest(image, names[row], float(distance), rank)
        for image, rows, distances in zip(described, found.rows, found.distances, strict=True)
        for rank, (row, distance) in enumerate(zip(rows, distances, strict=True))
    ]
