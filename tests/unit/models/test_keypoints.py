import asyncio
from threading import Barrier

import numpy as np
import pytest
from support.random_snapshots import RandomModels
from support.textures import texture

from cxrgate.core import Failure, GreyImage, Stage
from cxrgate.images.keypoints import find_keypoints
from cxrgate.models.keypoints import KeypointEmbedder
from cxrgate.models.runtimes.core_pool import CorePool


@pytest.mark.parametrize("cores", [1, 3])
def test_each_image_has_the_keypoints_of_its_own_pixels(cores):
    images = [GreyImage(str(seed), texture(seed)) for seed in range(3)]
    found = asyncio.run(KeypointEmbedder(RandomModels(0), CorePool(cores)).embed(images))

    assert [item.image_id for item in found] == ["0", "1", "2"]
    for item, image in zip(found, images, strict=True):
        assert np.array_equal(item.keypoints, find_keypoints(image.pixels).to_row())


def test_an_image_that_could_not_be_described_stays_a_failure():
    class Failing:
        async def embed(self, images):
            return [Failure(image.image_id, Stage.EMBED, "INTERNAL", "NONFINITE", "no") for image in images]

    (found,) = asyncio.run(KeypointEmbedder(Failing()).embed([GreyImage("a", np.zeros((64, 64), np.uint8))]))

    assert isinstance(found, Failure)


def test_the_images_of_a_batch_are_worked_on_side_by_side(monkeypatch):
    both = Barrier(2)

    def find(pixels):
        both.wait(timeout=30)
        return find_keypoints(pixels)

    monkeypatch.setattr("cxrgate.models.keypoints.find_keypoints", find)
    images = [GreyImage(str(seed), texture(seed)) for seed in range(2)]

    assert len(asyncio.run(KeypointEmbedder(RandomModels(0), CorePool(2)).embed(images))) == 2


def test_an_image_whose_keypoints_cannot_be_found_fails_the_stage(monkeypatch):
    def find(_):
        raise MemoryError

    monkeypatch.setattr("cxrgate.models.keypoints.find_keypoints", find)

    with pytest.raises(MemoryError):
        asyncio.run(KeypointEmbedder(RandomModels(0)).embed([GreyImage("a", texture(0))]))
