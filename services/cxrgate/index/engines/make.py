"""The engines by their names."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxrgate.index.engines.coded.codes import Codes
from cxrgate.index.engines.coded.engine import CodedEngine
from cxrgate.index.engines.engine import Engine, EngineName
from cxrgate.index.engines.matrix import MatrixEngine


def make_engine(name: EngineName, rows: NDArray[np.float32], codes: Codes | None = None) -> Engine:
    """The engine of that name over float32[n, d]; codes that were stored beside the rows save it making them."""
    if name == EngineName.CODES:
        return CodedEngine(rows, codes)
    if name == EngineName.MATRIX:
        return MatrixEngine(rows)
    from cxrgate.index.engines.kdtree import KDTreeEngine  # noqa: PLC0415 - loads scipy.spatial, which few ask for

    return KDTreeEngine(rows)
