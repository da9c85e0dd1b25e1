"""Whether a listing has the patients that training needs: known before the first image is decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cxrgate.core import UsageError
from cxrgate.models import EmbedderArchitecture
from cxrgate.train.listing import ListedImage, Split
from cxrgate.train.recipe import Loss, Recipe

MINIMUM_PATIENTS = 40
"""Of the tune part: the share of them that a threshold flags would be a guess with fewer."""


def expect_trainable(recipe: Recipe, listed_images: Sequence[ListedImage]) -> None:
    """Raise UsageError unless the listing can carry the recipe through to its calibration.

    Args:
        recipe: of the training.
        listed_images: with a split.
    """
    train = _part(listed_images, Split.TRAIN)
    embeds = isinstance(recipe.architecture, EmbedderArchitecture)
    copies = recipe.kind.finds_pictures
    if recipe.loss is Loss.PAIRS or recipe.several or (embeds and not copies):
        _expect_several(train, within_source=recipe.loss is Loss.NEIGHBOURS, copies=copies)
    if recipe.loss is Loss.PAIRS and len({listed_image.patient_id for listed_image in train}) < 2:
        raise UsageError("all images of the training part are of one patient: pairs need two patients or more")
    if embeds:
        expect_calibratable(listed_images, pairs=not copies)


def expect_fittable(listed_images: Sequence[ListedImage]) -> None:
    """Raise UsageError unless whitening, discriminants and calibration can be fitted to these images with a split."""
    _expect_several(_part(listed_images, Split.TRAIN), within_source=False, copies=False)
    expect_calibratable(listed_images, pairs=True)


def expect_calibratable(listed_images: Sequence[ListedImage], *, pairs: bool) -> None:
    """Raise UsageError unless thresholds can be set on the tune part; `pairs` of one patient's images, too."""
    tune = Counter(listed_image.patient_id for listed_image in _part(listed_images, Split.TUNE))
    if len(tune) < MINIMUM_PATIENTS:
        raise UsageError(
            f"the tune part has {len(tune)} patients, and calibration needs {MINIMUM_PATIENTS}: add patients to it"
        )
    if pairs and max(tune.values()) < 2:
        raise UsageError(
            "no patient of the tune part has two images, and calibration needs pairs of one patient's: add such ones"
        )


def _expect_several(train: Sequence[ListedImage], *, within_source: bool, copies: bool) -> None:
    """Some patient has two images, for `within_source` in one source; of copies every image is its own patient."""
    counts = Counter((listed_image.patient_id, listed_image.source if within_source else "") for listed_image in train)
    if copies or max(counts.values()) < 2:
        raise UsageError(
            "no patient of the training part has two or more images, and this training needs them: add such patients, "
            "or set `several: 0` in the recipe of a copy model"
        )


def _part(listed_images: Sequence[ListedImage], split: Split) -> list[ListedImage]:
    part = [listed_image for listed_image in listed_images if listed_image.split is split]
    if not part:
        raise UsageError(f"the listing has no image of the split {split}: training needs train and tune")
    return part
