"""What a trunk pools of whole images, and of their middles: the rest of an image is not looked at then."""

import numpy as np
import pytest
import torch

from cxrgate.models import EmbedderArchitecture, Preprocessing
from cxrgate.models.networks.build import build_network
from cxrgate.models.preprocess import Fit, Interpolation
from cxrgate.train.pixels import PixelSet
from cxrgate.train.pooling import pool

SIDE = 40
EDGE = SIDE // 20
PREPROCESSING = Preprocessing(SIDE, SIDE, Fit.SQUASH, Interpolation.BILINEAR, (0.5,) * 3, (0.5,) * 3)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    return build_network(EmbedderArchitecture(taps=(4,), pool=2, dimensions=8)).eval()


@pytest.fixture(scope="module")
def images():
    """An image, and the same with other pixels in its outer 5 % on every side."""
    rng = np.random.default_rng(2)
    whole, other = rng.integers(0, 256, (2, SIDE, SIDE), np.uint8)
    other[EDGE:-EDGE, EDGE:-EDGE] = whole[EDGE:-EDGE, EDGE:-EDGE]
    pixels = np.stack([whole, other])
    return PixelSet(pixels, np.arange(2), np.zeros(2, np.int64), [], "digest")


def test_a_middle_pools_otherwise_than_the_whole_image(network, images):
    whole, middle = (pool(network, PREPROCESSING, images, part=part) for part in (1.0, 0.9))

    assert whole.shape == middle.shape
    assert not np.allclose(whole, middle, rtol=0.01)


def test_what_lies_outside_the_middle_is_not_looked_at(network, images):
    whole, middle = (pool(network, PREPROCESSING, images, part=part) for part in (1.0, 0.9))

    assert np.array_equal(middle[0], middle[1])
    assert not np.allclose(whole[0], whole[1], rtol=0.01)


def test_every_image_is_told_as_looked_at(network, images):
    told = []
    pool(network, PREPROCESSING, images, lambda *step: told.append(step))

    assert told == [("look at images", 2, 2)]
