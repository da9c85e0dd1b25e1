"""All images of a drawn listing, as growth is measured on them."""

from __future__ import annotations

import numpy as np

from cxrgate.growth.measure import ALL, Drawing, measure_growth
from cxrgate.growth.scores import Everything
from cxrgate.index.nearest_patients import number_patients
from support.measured_references import TERMS, drawn

DRAWING = Drawing((50, 100, 200, 100_000), 3)


def everything():
    """420 patients, every other one with two images; a model saw a third of them."""
    references = drawn(420, np.arange(420) % 2 + 1)
    patients = number_patients(references.patient_keys)
    seen = patients % 3 == 0
    return Everything(references, patients, ["one"] * len(patients), ~seen, seen)


def rows():
    """All sources together, by every protocol."""
    return measure_growth(everything(), TERMS, (ALL,), drawing=DRAWING)
