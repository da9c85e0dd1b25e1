import hashlib
import io
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image
from support.fakes import picture

from cxrgate.core import ImageRecord
from cxrgate.images.codec.decode import decode
from cxrgate.images.codec.encode import ENCODER, encode_png


@pytest.mark.parametrize("size", [(64, 64), (64, 65), (256, 200), (1, 1)])
def test_pixels_come_back(size):
    pixels = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    image = Image.open(io.BytesIO(encode_png(pixels)))

    assert (image.mode, image.info) == ("L", {})
    assert np.array_equal(np.asarray(image), pixels)


def test_own_strict_decoder_accepts_it():
    pixels = picture(1)

    assert np.array_equal(decode(ImageRecord("a", encode_png(pixels))).pixels, pixels)


def test_strides_do_not_change_the_bytes():
    pixels = picture(1)

    assert encode_png(np.asfortranarray(pixels)) == encode_png(pixels)


def test_the_bytes_are_those_that_the_named_encoder_has_given_on_every_cpu():
    """Where this fails, released files have other bytes than before: CHANGELOG says so, and ENCODER is another."""
    pixels = (np.random.default_rng(0).integers(0, 30, (256, 200)).cumsum(axis=1) % 256).astype(np.uint8)
    digest = hashlib.sha256(encode_png(pixels)).hexdigest()

    assert (ENCODER, digest[:16]) == (
        "8-bit grey PNG, filter up, libdeflate level 1 (deflate 0.9.0)",
        "0d5df835cb0fa9aa",
    )


def test_another_process_gives_the_same_bytes():
    code = (
        "import zlib, numpy as np; from cxrgate.images.codec.encode import encode_png;"
        "print(zlib.crc32(encode_png(np.arange(9600, dtype=np.uint16).reshape(96, 100).astype(np.uint8))))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    pixels = np.arange(9600, dtype=np.uint16).reshape(96, 100).astype(np.uint8)

    assert int(found) == zlib.crc32(encode_png(pixels))
