"""Made-up cases of a gate, in the columns of the recorded ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cxrgate.calibration.leak_policy import CertifiedPair, LeakPolicy
from cxrgate.planted.cases import COLUMNS


def cases(kind, scores, similarities=None, leak_class="", strength="", patients=None, **more):
    """Rows with these scores; without patients each row has its own."""
    count = len(scores)
    values = {
        "patient": [f"{kind} {number}" for number in range(count)] if patients is None else patients,
        "kind": kind,
        "leak_class": leak_class,
        "strength": strength,
        "variant": [str(number) for number in range(count)],
        "decision": "ANONYMOUS",
        "reasons": "",
        "score": np.asarray(scores, dtype=np.float64),
        "similarity": np.zeros(count) if similarities is None else np.asarray(similarities, dtype=np.float64),
        "typicality": 0.9,
        "frontality": np.nan,
        "found": kind == "leak",
        "failed": False,
        "refused": False,
        **more,
    }
    return pd.DataFrame(values)[list(COLUMNS)]


def policy(*pairs, **more):
    """A leak policy of (class, strength, rate)."""
    certified = [CertifiedPair.model_validate({"class": a, "strength": b, "rate": c}) for a, b, c in pairs]
    return LeakPolicy(certified=tuple(certified), **more)
