"""When a planted leak counts as missed: one rule for calibration, audit and release report.

A leak is missed where it would be released. Three kinds are not released, and are not the same:

- judged: a match, an outlier, or untypical. It is stopped.
- refused: the gate takes no such image (an encoding, a size, no content), at whatever thresholds and however often it
  is asked. It is stopped too, but it shows nothing about thresholds: where other leaks of the same class and strength
  are judged, those alone count, so that no refusal makes a bound better. Where none is judged, all count.
- without an answer by an error of the gate (a stage failed, the machine was too slow, impossible evidence). It fails
  closed, and the next time there may be an answer: it counts as missed.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.core import Decision


def erred(cases: pd.DataFrame) -> NDArray[np.bool_]:
    """Which cases have no answer, or impossible evidence, by an error of the gate: bool[n]."""
    invalid = cases["reasons"].str.contains("SCORE_INVALID").to_numpy(bool)
    return np.asarray((cases["failed"] & ~cases["refused"]).to_numpy(bool) | invalid)


def missed(cases: pd.DataFrame) -> NDArray[np.bool_]:
    """Which leaks are missed as they were decided, bool[n]."""
    released = (cases["decision"] == Decision.ANONYMOUS).to_numpy(bool)
    return np.asarray(released | erred(cases))


def counted(cases: pd.DataFrame) -> pd.DataFrame:
    """The leaks of one class, or of one strength of it, that count: without the refused ones where others are left."""
    kept = cases[~cases["refused"].to_numpy(bool)]
    return kept if len(kept) else cases
