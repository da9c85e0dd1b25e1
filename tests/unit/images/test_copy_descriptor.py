import io

import numpy as np
import pytest
from fakes import picture
from PIL import Image

from cxrgate.core import ImageError
from cxrgate.images import weight_free

COUNT = 60


def encoded(pixels, quality):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def resized(pixels, size):
    return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC))


VARIANTS = {
    "identical": lambda p: p,
    "jpeg95": lambda p: encoded(p, 95),
    "jpeg40": lambda p: encoded(p, 40),
    "jpeg10": lambda p: encoded(p, 10),
    "64 px": lambda p: resized(p, 64),
    "512 px": lambda p: resized(p, 512),
}


def cross_correlation(pixels):
    grid = np.asarray(Image.fromarray(pixels).resize((32, 32), Image.Resampling.BOX), dtype=np.float64)
    values = (grid - grid.mean()).ravel()
    return values / np.linalg.norm(values)


def recall(describe, variant):
    """Share of copies that are nearer to their source than any two different pictures are to each other."""
    pictures = [picture(i) for i in range(COUNT)]
    rows = np.stack([describe(p) for p in pictures])
    different = (rows @ rows.T)[~np.eye(COUNT, dtype=bool)].max()
    copies = np.stack([describe(variant(p)) for p in pictures])
    return ((copies * rows).sum(axis=1) > different).mean()


@pytest.mark.parametrize("name", VARIANTS)
def test_copies_are_told_apart_never_worse_than_by_cross_correlation(name):
    ours = recall(lambda p: weight_free(p)[0], VARIANTS[name])

    assert ours >= recall(cross_correlation, VARIANTS[name])


def test_inverted_picture_has_the_opposite_layout():
    layout, inverted = weight_free(picture(3))[1], weight_free(255 - picture(3))[1]

    # The area average is rounded to 8 bits, not always alike in both.
    assert np.allclose(layout, -inverted, atol=0.02)
    assert layout @ inverted < 0


def test_white_noise_is_far_from_any_layout():
    noise = np.random.default_rng(0).integers(0, 256, (256, 256)).astype(np.uint8)
    mean = weight_free(picture(3))[1]

    assert abs(weight_free(noise)[1] @ (mean / np.linalg.norm(mean))) < 0.1


@pytest.mark.parametrize("value", [0, 128, 255])
def test_constant_picture_has_no_descriptor(value):
    with pytest.raises(ImageError, match="contrast"):
        weight_free(np.full((256, 256), value, np.uint8))
