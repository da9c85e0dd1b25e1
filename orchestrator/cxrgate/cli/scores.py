"""What was measured of one image, in one line of a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cxrgate.core.spaces import COSINE_SPACES, IDENTITY_THRESHOLD, STANDOUT_THRESHOLD


def scores_line(score: float, measured: Mapping[Any, float]) -> str:
    """What a verdict was made of, for the end of a line.

    Args:
        score: the largest same-patient score.
        measured: by name of its column the largest similarity of each cosine space and, where that decided, the
            standout.
    """
    standout = measured.get("standout", math.nan)
    stands = "" if math.isnan(standout) else f"  standout {standout:.3f}"
    cosines = "".join(f"  {space.match} {measured[space.similarity]:.3f}" for space in COSINE_SPACES)
    return f"{stands}  score {score:.3f}{cosines}"


def thresholds_line(thresholds: Mapping[str, Any]) -> str:
    """The threshold of the score or the standout, of each cosine space and of matches, by their names in a policy."""
    pictures = "".join(f", {space.match} {_number(thresholds[space.threshold])}" for space in COSINE_SPACES)
    if thresholds.get("match_threshold") is not None:
        pictures += f", matches {thresholds['match_threshold']}"
    if thresholds.get(STANDOUT_THRESHOLD) is not None:
        return f"standout {_number(thresholds[STANDOUT_THRESHOLD])}{pictures}"
    return f"same patient {_number(thresholds[IDENTITY_THRESHOLD])}{pictures}"


def _number(threshold: float | None) -> str:
    return "none" if threshold is None else f"{threshold:.4f}"
