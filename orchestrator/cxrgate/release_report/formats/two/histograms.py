"""Histograms of format 2: as in format 1, and the standout where that decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cxrgate.release_report.formats.one import histograms as one


def histograms(images: pd.DataFrame, policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """See format 1. A score that is only recorded is not parted.

    Args:
        images: rows of the results; with the column standout where the policy decides by it.
        policy: as run.json holds it.
    """
    threshold = policy.get("standout_threshold")
    if threshold is None:
        return one.histograms(images, policy)
    standout = one.values_of(images, "standout")
    return [
        one.graded("Standout", standout, (policy["borderline"], threshold), policy["band"]),
        one.histogram("Same-patient score", one.values_of(images, "score"), [0.0], 1.0),
        *one.others(images, policy),
    ]
