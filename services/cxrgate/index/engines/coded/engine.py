"""The default engine: integer codes rule rows out by a lower bound on their distance, float64 decides on the rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cxrgate.index.engines.coded.codes import Codes, encode
from cxrgate.index.engines.coded.fit import fit
from cxrgate.index.engines.coded.kernel import kernel
from cxrgate.index.engines.coded.scan import nearest
from cxrgate.index.engines.engine import Neighbors, check_queries, check_rows


class CodedEngine:
    """Exact search: compiled where this CPU and this installation allow it, else by numpy, with the same answers."""

    def __init__(self, rows: NDArray[np.float32], codes: Codes | None = None) -> None:
        """Keep float32[n, d], which may be memory-mapped, and their codes; without any they are made here.

        Raises:
            ValueError: the codes are not those of the rows, or a row is not finite.
        """
        check_rows(rows)
        if codes is None:
            codes = encode(rows, fit(rows))
        else:
            codes.check(rows)
        self._rows = rows if rows.strides[1] == rows.itemsize and rows.flags.aligned else np.ascontiguousarray(rows)
        self._codes = codes
        compiled = kernel()
        self._nearest = nearest if compiled is None else compiled.nearest

    def search(self, queries: NDArray[np.float32], k: int) -> Neighbors:
        """See Engine."""
        check_queries(queries, k, *self._rows.shape)
        return self._nearest(self._codes, self._rows, queries, k)
