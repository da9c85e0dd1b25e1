"""A control index: patients whom the generator never saw are matched by chance alone.

What is flagged against the training index beyond what is flagged against a control index of as many patients is what
the generator has of its training patients; what both flag alike is the price of the gate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cxrgate.core import Decision, UsageError
from cxrgate.planted.shares import of_patients
from cxrgate.train.scoring.figures import Figure

REPLICATES = 2000


@dataclass(frozen=True, slots=True)
class Excess:
    """Shares of the images that are not released, with 95 % intervals."""

    images: int
    training: Figure
    control: Figure
    excess: Figure


def excess(training: pd.DataFrame, control: pd.DataFrame) -> Excess:
    """Compare two runs on the same images.

    Args:
        training: results of the run against the generator's training patients; columns image_id and decision.
        control: likewise, against patients whom it never saw.

    Raises:
        UsageError: the runs were not on the same images.
    """
    both = training.merge(control, on="image_id", suffixes=("_training", "_control"), validate="one_to_one")
    if not len(training) == len(control) == len(both) or both.empty:
        raise UsageError(f"the two runs must be on the same images; they have {len(training)} and {len(control)}")
    flags = [both[f"decision_{name}"].ne(Decision.ANONYMOUS).to_numpy(bool) for name in ("training", "control")]
    differences = flags[0].astype(np.float64) - flags[1]
    return Excess(len(both), of_patients(flags[0]), of_patients(flags[1]), _mean(differences))


def _mean(values: np.ndarray) -> Figure:
    """The mean with the interval of a bootstrap over images, seed 0."""
    counts = np.array([(values == step).sum() for step in (-1, 0, 1)])
    drawn = np.random.default_rng(0).multinomial(len(values), counts / len(values), size=REPLICATES)
    low, high = np.quantile((drawn[:, 2] - drawn[:, 0]) / len(values), [0.025, 0.975])
    return Figure(float(values.mean()), float(low), float(high))


def by_label(results: pd.DataFrame) -> dict[str, Figure]:
    """The share that is not released, per class folder, of a run's results."""
    return {
        str(label): of_patients(part["decision"].ne(Decision.ANONYMOUS).to_numpy(bool))
        for label, part in results.groupby("label")
    }
