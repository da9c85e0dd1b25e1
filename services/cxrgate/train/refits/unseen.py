"""Whether those whom a calibration rests on are new to every model that the calibrated one is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cxrgate.core import UsageError
from cxrgate.models import ModelManifest
from cxrgate.train.listing import ListedImage, Split, hashed_patients


def expect_unseen(listed_images: Sequence[ListedImage], manifests: Iterable[ModelManifest]) -> None:
    """Refuse a tune part with patients that a model was trained on: it knows those better than any whom it will meet.

    Args:
        listed_images: with a split.
        manifests: of the model and of its teachers; one that names no patients has nothing to compare with.

    Raises:
        UsageError: a patient of the tune part is of a model's training part; says how many are, and what to do.
    """
    tune = set(hashed_patients([item for item in listed_images if item.split is Split.TUNE]))
    trained = {patient for each in manifests for patient in each.provenance.get("patients", {}).get("train", ())}
    if seen := len(tune & trained):
        raise UsageError(
            f"{seen} of the {len(tune)} patients of the tune part are patients that a model was trained on, and a "
            "calibration on them would promise too much: keep the split of the models' training, by a listing with the "
            "column split or by the same --seed"
        )
