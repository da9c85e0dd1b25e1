"""Training and scoring of the models."""

from cxrgate.train.listing import Sample, Split, patient_hash, read_samples, with_splits, without_sources
from cxrgate.train.recipe import Recipe, read_recipe
from cxrgate.train.training import Job, train

__all__ = [
    "Job",
    "Recipe",
    "Sample",
    "Split",
    "patient_hash",
    "read_recipe",
    "read_samples",
    "train",
    "with_splits",
    "without_sources",
]
