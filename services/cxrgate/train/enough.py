"""Whether a listing has the patients that training needs: known before the first image is decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cxrgate.core import UsageError
from cxrgate.models import EmbedderArchitecture
from cxrgate.train.listing import Sample, Split
from cxrgate.train.recipe import Loss, Recipe

MINIMUM_PATIENTS = 40
"""Of the tune part: the share of them that a threshold flags would be a guess with fewer."""


def expect_trainable(recipe: Recipe, samples: Sequence[Sample]) -> None:
    """Raise UsageError unless the listing can carry the recipe through to its calibration.

    Args:
        recipe: of the training.
        samples: with a split.
    """
    train = _part(samples, Split.TRAIN)
    embeds = isinstance(recipe.architecture, EmbedderArchitecture)
    copies = recipe.kind.finds_pictures
    if recipe.loss is Loss.PAIRS or recipe.several or (embeds and not copies):
        _expect_several(train, within_source=recipe.loss is Loss.NEIGHBOURS, copies=copies)
    if recipe.loss is Loss.PAIRS and len({sample.patient_id for sample in train}) < 2:
        raise UsageError("all images of the training part are of one patient: pairs need two patients or more")
    if embeds:
        expect_calibratable(samples, pairs=not copies)


def expect_fittable(samples: Sequence[Sample]) -> None:
    """Raise UsageError unless whitening, discriminants and calibration can be fitted to these samples with a split."""
    _expect_several(_part(samples, Split.TRAIN), within_source=False, copies=False)
    expect_calibratable(samples, pairs=True)


def expect_calibratable(samples: Sequence[Sample], *, pairs: bool) -> None:
    """Raise UsageError unless thresholds can be set on the tune part; `pairs` of one patient's images, too."""
    tune = Counter(sample.patient_id for sample in _part(samples, Split.TUNE))
    if len(tune) < MINIMUM_PATIENTS:
        raise UsageError(
            f"the tune part has {len(tune)} patients, and calibration needs {MINIMUM_PATIENTS}: add patients to it"
        )
    if pairs and max(tune.values()) < 2:
        raise UsageError(
            "no patient of the tune part has two images, and calibration needs pairs of one patient's: add such ones"
        )


def _expect_several(train: Sequence[Sample], *, within_source: bool, copies: bool) -> None:
    """Some patient has two images, for `within_source` in one source; of copies every image is its own patient."""
    counts = Counter((sample.patient_id, sample.source if within_source else "") for sample in train)
    if copies or max(counts.values()) < 2:
        raise UsageError(
            "no patient of the training part has two or more images, and this training needs them: add such patients, "
            "or set `several: 0` in the recipe of a copy model"
        )


def _part(samples: Sequence[Sample], split: Split) -> list[Sample]:
    part = [sample for sample in samples if sample.split is split]
    if not part:
        raise UsageError(f"the listing has no image of the split {split}: training needs train and tune")
    return part
