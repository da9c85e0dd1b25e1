"""Whether a lookup table was made with this model and this preprocessing: by its note, or by doing some of it again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxrgate.compat.describe import Described, describe, forget
from cxrgate.compat.lookup import Table
from cxrgate.compat.private import origin_path, read_origin
from cxrgate.core import MismatchError
from cxrgate.core.digest import file_digest
from cxrgate.images import ImageFile
from cxrgate.models.runtimes.forward import Forward

_SAMPLES = 8
_TOLERANCE = 0.01
"""Distance to the table's embedding, as a part of its length: other versions of decoders and torch stay far below,
another model, normalisation or size far above."""


def check_table(path: Path, table: Table, forward: Forward) -> str:
    """Check that `forward` made the table, and give the file's sha256. One without a note is not ours.

    Raises:
        MismatchError: it was made otherwise, or it was changed, or the images of a table without a note cannot be read.
        UsageError: its note is malformed.
    """
    if not origin_path(path).exists():
        _check_samples(path, table, forward)
    elif read_origin(path, "embed", ["retrieval"])["retrieval"] != forward.manifest.digest:
        raise MismatchError(
            f"{path} was made with another model than {forward.manifest.digest[:12]}: run `cxrgate embed` again"
        )
    return file_digest(path)


def _check_samples(path: Path, table: Table, forward: Forward) -> None:
    """Embed some of the table's images again."""
    names = list(table)
    chosen = [names[i] for i in np.unique(np.linspace(0, len(names) - 1, _SAMPLES).astype(int))]
    scratch = path.with_name(path.name + ".check")
    files = [ImageFile(Path(name), name) for name in chosen]
    found = describe(files, forward, scratch, workers=1, progress=lambda _: None)
    forget(scratch)
    rows = [item.row for item in found if isinstance(item, Described)]
    if len(rows) != len(chosen) or not _agree(rows, [table[name] for name in chosen]):
        raise MismatchError(
            f"{path} does not hold this model's embeddings of its images: it has no note by `cxrgate embed`, and "
            "embedding some of them again gives something else. Run `cxrgate embed` again"
        )


def _agree(rows: Sequence[NDArray[np.float32]], stated: Sequence[NDArray[np.float32]]) -> bool:
    return all(
        row.shape == other.shape and np.linalg.norm(row - other) <= _TOLERANCE * np.linalg.norm(other)
        for row, other in zip(rows, stated, strict=True)
    )
