"""Whether a listing can carry a training through is known before its first image is decoded."""

from pathlib import Path

import pytest
from support.training_sets import EMBEDDER, recipe

from cxrgate.core import UsageError
from cxrgate.images.sources.files import ImageFile
from cxrgate.train import ListedImage, Split
from cxrgate.train.enough import MINIMUM_PATIENTS, expect_fittable, expect_trainable
from cxrgate.train.recipe import Loss

PUBLISHED = recipe(Loss.CONTRASTIVE)
PAIRS = recipe(Loss.PAIRS)
IDENTITY = recipe(Loss.NEIGHBOURS, network=EMBEDDER)
COPIES = recipe(Loss.NEIGHBOURS, kind="copy", network=EMBEDDER, several=0)


def part(split, patients, images, source="a"):
    names = [
        (f"{split}{patient}", f"{split}{patient}-{image}") for patient in range(patients) for image in range(images)
    ]
    return [ListedImage(ImageFile(Path(name), name, patient_id=owner), owner, source, split) for owner, name in names]


ENOUGH = [*part(Split.TRAIN, 2, 2), *part(Split.TUNE, MINIMUM_PATIENTS, 2)]


@pytest.mark.parametrize("settings", [PUBLISHED, PAIRS, IDENTITY, COPIES])
def test_enough_patients_are_enough(settings):
    expect_trainable(settings, ENOUGH)


@pytest.mark.parametrize("settings", [PUBLISHED, PAIRS])
def test_published_networks_need_no_tune_part(settings):
    expect_trainable(settings, part(Split.TRAIN, 2, 2))


@pytest.mark.parametrize(
    ("settings", "listed_images", "message"),
    [
        (COPIES, part(Split.TUNE, 40, 1), "no image of the split train"),
        (IDENTITY, part(Split.TRAIN, 2, 2), "no image of the split tune"),
        (IDENTITY, [*part(Split.TRAIN, 2, 2), *part(Split.TUNE, 39, 2)], "has 39 patients"),
        (IDENTITY, [*part(Split.TRAIN, 2, 2), *part(Split.TUNE, 40, 1)], "no patient of the tune part has two"),
        (IDENTITY, [*part(Split.TRAIN, 9, 1), *part(Split.TUNE, 40, 2)], "no patient of the training part has two"),
        (PUBLISHED, part(Split.TRAIN, 9, 1), "no patient of the training part has two"),
        (PAIRS, part(Split.TRAIN, 1, 9), "of one patient"),
        (recipe(Loss.NEIGHBOURS, kind="copy", network=EMBEDDER, several=1), ENOUGH, "several: 0"),
    ],
)
def test_what_is_missing_is_told(settings, listed_images, message):
    with pytest.raises(UsageError, match=message):
        expect_trainable(settings, listed_images)


def test_copies_are_calibrated_without_a_second_image():
    expect_trainable(COPIES, [*part(Split.TRAIN, 9, 1), *part(Split.TUNE, 40, 1)])


def test_two_images_in_two_sources_are_no_two_for_a_loss_within_sources():
    listed_images = [*part(Split.TRAIN, 1, 1), *part(Split.TRAIN, 1, 1, "b"), *part(Split.TUNE, 40, 2)]

    with pytest.raises(UsageError, match="training part"):
        expect_trainable(IDENTITY, listed_images)


def test_fitting_again_needs_the_same():
    expect_fittable(ENOUGH)
    with pytest.raises(UsageError, match="has 39 patients"):
        expect_fittable([*part(Split.TRAIN, 2, 2), *part(Split.TUNE, 39, 2)])
