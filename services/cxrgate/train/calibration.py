"""Thresholds from patients that the weights never saw: where a cosine becomes a match.

A gate asks for the largest similarity over a whole index, so a threshold that is right for a random pair is far too
low. Both are set on the tune part by leaving each patient out of a gallery of all others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from cxrgate.models import ModelKind
from cxrgate.train.enough import MINIMUM_PATIENTS

FLAGGED = {kind: 0.025 if kind.finds_pictures else 0.05 for kind in ModelKind}
"""Share of unenrolled patients that a space may flag: the two together some 7 %.

A wrong rejection costs one synthetic image, a wrong pass a patient; another radiograph of an enrolled patient is harder
to find than a copy, so identity gets the larger share.
"""

Float64s = NDArray[np.float64]


def unenrolled_threshold(similarities: Float64s, patients: NDArray[np.int64], flagged: float) -> float:
    """The similarity that the best match of an unenrolled patient exceeds in the share `flagged` of patients.

    Args:
        similarities: float64[n, n], of every image with every one.
        patients: int64[n]; each patient's first image is asked as if not enrolled, all images of others are enrolled.
        flagged: 0 to 1.

    Raises:
        ValueError: fewer than MINIMUM_PATIENTS patients, which expect_calibratable refuses before.
    """
    _, first = np.unique(patients, return_index=True)
    if len(first) < MINIMUM_PATIENTS:
        raise ValueError(f"expected {MINIMUM_PATIENTS} patients or more, got {len(first)}")
    others = np.where(patients[first][:, None] == patients[None], -np.inf, similarities[first])
    return float(np.quantile(others.max(axis=1), 1 - flagged))


def calibrate(similarities: Float64s, same: NDArray[np.bool_], threshold: float) -> tuple[float, float]:
    """Slope and offset of score = sigmoid(slope * similarity + offset), with score 0.5 at `threshold`.

    The slope is that of a logistic regression of balanced pairs (Platt 1999), the offset is fixed by the threshold.

    Raises:
        ValueError: pairs of one kind only, which expect_calibratable refuses before.
    """
    if same.all() or not same.any():
        raise ValueError("expected pairs of images of one patient and of two, got one kind only")
    weights = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())

    def loss(parameters: Float64s) -> float:
        chance = np.clip(expit(parameters[0] * similarities + parameters[1]), 1e-12, 1 - 1e-12)
        return float(-(weights * np.where(same, np.log(chance), np.log(1 - chance))).sum())

    slope = max(float(minimize(loss, np.array([10.0, -5.0]), method="Nelder-Mead").x[0]), 1.0)
    return slope, -slope * threshold
