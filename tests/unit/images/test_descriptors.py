import io
from functools import cache, partial

import numpy as np
import pytest
from PIL import Image
from support.fakes import picture

from cxrgate.core import Descriptors, ImageError
from cxrgate.images.descriptors import join_copies, plain_copy, weight_free

COUNT = 60


def encoded(pixels, quality):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def resized(pixels, size):
    return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC))


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(buffer, "PNG", compress_level=1)
    return np.asarray(Image.open(buffer).convert("L"))


VARIANTS = {
    "identical": lambda p: p,
    "png": png,
    **{f"jpeg{quality}": partial(encoded, quality=quality) for quality in (10, *range(40, 96, 5))},
    **{f"{size} px": partial(resized, size=size) for size in (32, 64, 150, 256, 512)},
    "stretched": lambda p: np.asarray(Image.fromarray(p).resize((300, 100))),
}


def cross_correlation(pixels):
    """The baseline: normalised cross-correlation of the same 32 x 32 grid."""
    grid = np.asarray(Image.fromarray(pixels).resize((32, 32), Image.Resampling.BOX), dtype=np.float64)
    values = (grid - grid.mean()).ravel()
    return values / np.linalg.norm(values)


def ours(pixels):
    return weight_free(pixels)[0].astype(np.float64)


@cache
def sources():
    """Pictures, and behind them as many siblings: each with a twelfth of another picture in it."""
    plain = [picture(i) for i in range(COUNT)]
    mixed = [(11 * p.astype(int) + plain[i - 1]) // 12 for i, p in enumerate(plain)]
    return plain + [p.astype(np.uint8) for p in mixed]


@cache
def rows(describe):
    return np.stack([describe(p) for p in sources()])


def ranks(describe, variant):
    """Per copy how many other references are at least as near as its source, siblings among them."""
    similar = np.stack([describe(variant(p)) for p in sources()]) @ rows(describe).T
    return (similar >= np.diag(similar)[:, None]).sum(axis=1) - 1


def margins(describe, variant):
    """Per copy how much nearer to its source it is than any two sources are to each other, in that one's angle."""
    plain = rows(describe)[:COUNT]
    nearest = np.arccos((plain @ plain.T)[~np.eye(COUNT, dtype=bool)].max())
    copies = np.stack([describe(variant(p)) for p in sources()[:COUNT]])
    return 1 - np.arccos(np.clip((copies * plain).sum(axis=1), -1, 1)) / nearest


@pytest.mark.parametrize("name", VARIANTS)
def test_the_source_of_a_copy_never_ranks_lower_than_by_cross_correlation(name):
    found = ranks(ours, VARIANTS[name])

    assert (found <= ranks(cross_correlation, VARIANTS[name])).all()
    assert found.max() == 0


@pytest.mark.parametrize("name", VARIANTS)
def test_copies_stand_apart_never_less_often_than_by_cross_correlation(name):
    apart = (margins(ours, VARIANTS[name]) > 0).mean()

    assert apart >= (margins(cross_correlation, VARIANTS[name]) > 0).mean()


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


@pytest.mark.parametrize("threshold", [None, 0.5, 0.95])
def test_weight_free_part_of_a_copy_descriptor_is_what_it_was_made_of(threshold):
    plain, learned = weight_free(picture(3))[0], np.full(7, 7**-0.5, np.float32)
    row = plain if threshold is None else join_copies(learned, plain, threshold)

    found = plain_copy(Descriptors("a", {"identity": row, "copy": row}, np.ones(64, np.float32)))

    assert found.dtype == np.float32
    np.testing.assert_allclose(found, plain, rtol=1e-6, atol=1e-7)
