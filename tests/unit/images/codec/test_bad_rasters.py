"""Raster files that must be refused, each with its reason."""

import contextlib
import time

import numpy as np
import pytest
from support.bad_images import (
    chunk,
    grey,
    jpeg,
    little_cost,
    pixels,
    png,
    ramp,
    reason,
    saved,
    turned,
)
from support.bad_rasters import BIG, REFUSED, sized

from cxrgate.core import ImageError, ImageRecord, MediaType
from cxrgate.images.codec.decode import decode

OTHERS = {
    "GIF": (saved(grey(), "GIF"), "GIF"),
    "PGM": (saved(grey(), "PPM"), "PGM"),
    "BigTIFF": (b"II+\0\x08\0\0\0" + bytes(99), "BigTIFF"),
    "NIfTI": (b"\x5c\x01\0\0" + bytes(340) + b"n+1\0", "NIfTI"),
    "NRRD": (b"NRRD0004\n", "NRRD"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "HDF5"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
}


@pytest.mark.parametrize(("content", "word"), OTHERS.values(), ids=OTHERS)
def test_what_else_people_keep_is_named(content, word):
    with pytest.raises(ImageError, match=word) as raised:
        decode(ImageRecord("a", content))
    assert raised.value.reason == "IMAGE_UNDECODABLE"


@pytest.mark.parametrize(("content", "expected"), REFUSED.values(), ids=REFUSED)
def test_refused_at_little_cost(content, expected):
    with little_cost(20 * 2**20, 0.5):
        assert reason(content) == expected


@pytest.mark.parametrize("side", [9_500, 13_400, 100_000, BIG], ids=lambda side: f"B07 B08 B09 {side}")
def test_huge_header_is_refused_within_20_ms(side):
    content = sized(side, side)
    start = time.process_time()
    assert reason(content) == "DIMENSIONS"
    assert time.process_time() - start < 0.02


def test_b01_more_than_32_mib():
    assert reason(png() + bytes(32 * 2**20)) == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize(
    ("content", "declared"),
    [(jpeg(), MediaType.PNG), (png(), MediaType.JPEG), (png(), MediaType.DICOM)],
    ids=["B39 JPEG as PNG", "B39 PNG as JPEG", "B39 PNG as DICOM"],
)
def test_declared_otherwise(content, declared):
    assert reason(content, declared) == "FORMAT_MISMATCH"


def test_no_message_repeats_what_the_file_says():
    secret = b"DOE^JANE"
    files = [
        secret * 20,
        png(before=chunk(b"zTXt", b"a\0\0" + secret)),
        png(before=chunk(b"eXIf", secret)),
        jpeg()[:20] + secret,
    ]
    for content in files:
        with pytest.raises(ImageError) as caught:
            decode(ImageRecord("a", content))
        assert "DOE" not in caught.value.message
        assert "0x" not in caught.value.message


@pytest.mark.parametrize("kind", [{}, {"progressive": True}, {"restart_marker_blocks": 3}, {"quality": 1}])
def test_every_cut_of_a_jpeg_is_refused(kind):
    content = jpeg(**kind)

    assert {reason(content[:length]) for length in range(3, len(content))} == {"TRUNCATED"}


@pytest.mark.parametrize("content", [png(ramp(64)), saved(grey("RGB"), "PNG", exif=turned(1))], ids=["grey", "RGB"])
def test_every_cut_of_a_png_is_refused(content):
    assert {reason(content[:length]) for length in range(8, len(content), 7)} == {"TRUNCATED"}


@pytest.mark.parametrize("content", [png(), jpeg(), jpeg(progressive=True), saved(grey("RGB"), "JPEG")])
def test_any_damaged_byte_gives_a_picture_or_a_reason(content):
    rng = np.random.default_rng(0)
    for _ in range(400):
        damaged = bytearray(content)
        for position in rng.integers(0, len(content), rng.integers(1, 5)):
            damaged[position] = rng.integers(0, 256)
        # Any other exception fails here.
        with contextlib.suppress(ImageError):
            assert pixels(bytes(damaged)).dtype == np.uint8
