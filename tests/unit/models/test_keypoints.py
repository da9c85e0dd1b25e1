import asyncio

import numpy as np
from support.random_snapshots import RandomModels
from support.textures import texture

from cxrgate.core import Failure, GreyImage, Stage
from cxrgate.images.keypoints import find_keypoints
from cxrgate.models.keypoints import KeypointEmbedder


def test_each_image_has_the_keypoints_of_its_own_pixels():
    images = [GreyImage(str(seed), texture(seed)) for seed in range(3)]
    found = asyncio.run(KeypointEmbedder(RandomModels(0)).embed(images))

    assert [item.image_id for item in found] == ["0", "1", "2"]
    for item, image in zip(found, images, strict=True):
        assert np.array_equal(item.keypoints, find_keypoints(image.pixels).to_row())


def test_an_image_that_could_not_be_described_stays_a_failure():
    class Failing:
        async def embed(self, images):
            return [Failure(image.image_id, Stage.EMBED, "INTERNAL", "NONFINITE", "no") for image in images]

    (found,) = asyncio.run(KeypointEmbedder(Failing()).embed([GreyImage("a", np.zeros((64, 64), np.uint8))]))

    assert isinstance(found, Failure)
