"""Training and scoring of the models. `cxrgate.train.training` needs the extra `train`; listings and scores do not."""

from cxrgate.train.listing import (
    ListedImage,
    Split,
    hashed_patients,
    patient_hash,
    read_listed_images,
    with_splits,
    without_sources,
)
from cxrgate.train.recipe import Recipe, read_recipe

__all__ = [
    "ListedImage",
    "Recipe",
    "Split",
    "hashed_patients",
    "patient_hash",
    "read_listed_images",
    "read_recipe",
    "with_splits",
    "without_sources",
]
