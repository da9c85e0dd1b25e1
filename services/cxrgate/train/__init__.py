"""Training and scoring of the models. `cxrgate.train.training` needs the extra `train`; listings and scores do not."""

from cxrgate.train.listing import (
    Sample,
    Split,
    hashed_patients,
    patient_hash,
    read_samples,
    with_splits,
    without_sources,
)
from cxrgate.train.recipe import Recipe, read_recipe

__all__ = [
    "Recipe",
    "Sample",
    "Split",
    "hashed_patients",
    "patient_hash",
    "read_recipe",
    "read_samples",
    "with_splits",
    "without_sources",
]
