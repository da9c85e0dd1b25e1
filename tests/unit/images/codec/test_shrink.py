import numpy as np
import pytest
from support.fakes import picture

from cxrgate.core import GreyImage, ImageRecord
from cxrgate.images.codec.decode import decode
from cxrgate.images.codec.encode import encode_png
from cxrgate.images.codec.shrink import shrink


def shrunk(pixels, side=256):
    return shrink(GreyImage("a", pixels, colour=True), side)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((512, 512), (256, 256)),
        ((600, 500), (256, 213)),
        ((500, 600), (213, 256)),
        ((257, 100), (256, 100)),
        ((8192, 2048), (256, 64)),
        ((2000, 1), (256, 1)),
        ((1, 2000), (1, 256)),
    ],
)
def test_the_longer_side_has_so_many_pixels_and_the_aspect_is_kept(shape, expected):
    assert shrunk(np.zeros(shape, np.uint8)).pixels.shape == expected


@pytest.mark.parametrize("shape", [(256, 256), (256, 64), (96, 80)])
def test_an_image_is_never_made_larger_and_a_small_one_stays_the_very_same(shape):
    image = GreyImage("a", np.zeros(shape, np.uint8))

    assert shrink(image, 256) is image
    assert shrink(image, None) is image


def test_every_pixel_is_the_mean_of_its_area():
    pixels = picture(1, (512, 384))
    means = pixels.reshape(256, 2, 192, 2).mean((1, 3))

    # Rows and columns are rounded one after the other.
    assert np.abs(shrunk(pixels).pixels - means).max() <= 1


def test_a_payload_in_the_low_bits_of_a_large_picture_does_not_come_back():
    payload = np.random.default_rng(0).integers(0, 4, (1024, 1024)).astype(np.uint8)
    large = (picture(1, (1024, 1024)) & 0xFC) | payload
    back = np.repeat(np.repeat(shrunk(large).pixels & 3, 4, 0), 4, 1)

    assert np.array_equal(large & 3, payload)
    assert abs(np.mean(back == payload) - 1 / 4) < 0.01


def test_what_lies_at_every_fourth_pixel_decides_no_small_picture():
    """An attack on scaling: a filter that looks at few pixels would show the hidden picture alone."""
    attacked, hidden = picture(1, (1024, 1024)), picture(2, (256, 256))
    clean = shrunk(attacked).pixels.astype(int)
    attacked[2::4, 2::4] = hidden

    assert np.abs(shrunk(attacked).pixels - clean).max() <= 255 / 16 + 1


def test_what_is_released_can_be_read_again_and_stays_as_it_is():
    small = shrunk(picture(1, (2048, 512)))
    again = decode(ImageRecord("a", encode_png(small.pixels)))

    assert again.digest == small.digest == shrink(again, 256).digest
    assert small.colour
    assert small.image_id == "a"
