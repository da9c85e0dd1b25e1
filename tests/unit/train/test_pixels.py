import asyncio
import shutil

import numpy as np
import pytest
from PIL import Image
from support.training_sets import rows, write_listing

from cxrgate.core import UsageError
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.models import Preprocessing
from cxrgate.models.resize import resize
from cxrgate.train import read_listed_images
from cxrgate.train.pixels import decode_set


@pytest.fixture
def listed_images(tmp_path):
    return read_listed_images(write_listing(tmp_path / "set", rows(2, source="a") + rows(1, source="b")))


def _enrolled(listed_images, side):
    """As enrolment decodes and a model that squashes prepares."""
    with SandboxedDecoder() as decoder:
        images = asyncio.run(decoder.decode([listed_image.file.read() for listed_image in listed_images]))
    return np.stack([resize(image.pixels, Preprocessing(side, side)) for image in images])


def test_pixels_are_those_that_enrolment_sees(listed_images, tmp_path):
    found = decode_set(listed_images, 64, tmp_path / "work")
    assert np.array_equal(found.pixels, _enrolled(listed_images, 64))


def test_patients_and_sources_are_numbered_in_order(listed_images, tmp_path):
    found = decode_set(listed_images, 64, tmp_path / "work")
    assert found.patients.tolist() == [0, 0, 1, 1, 2, 2]
    assert found.sources.tolist() == [0, 0, 0, 0, 1, 1]


def test_progress_counts_every_image_once(listed_images, tmp_path):
    counts = []
    decode_set(listed_images, 64, tmp_path / "work", counts.append)
    assert sum(counts) == len(listed_images)


def test_decoded_images_are_reused(listed_images, tmp_path):
    first = decode_set(listed_images, 64, tmp_path / "work")
    shutil.rmtree(tmp_path / "set")
    again = decode_set(listed_images, 64, tmp_path / "work", lambda _: pytest.fail("decoded again"))
    assert np.array_equal(first.pixels, again.pixels)
    assert first.digest == again.digest


def test_another_size_is_decoded_anew(listed_images, tmp_path):
    decode_set(listed_images, 64, tmp_path / "work")
    assert decode_set(listed_images, 32, tmp_path / "work").pixels.shape == (6, 32, 32)


def test_other_pixels_have_another_digest(listed_images, tmp_path):
    first = decode_set(listed_images, 64, tmp_path / "work")
    Image.new("L", (80, 96)).save(listed_images[0].file.path)
    assert decode_set(listed_images, 64, tmp_path / "other").digest != first.digest


def test_a_broken_image_is_named(listed_images, tmp_path):
    listed_images[1].file.path.write_bytes(b"\x89PNG broken")
    with pytest.raises(UsageError, match=r"ap0/1\.png .*IMAGE_UNDECODABLE"):
        decode_set(listed_images, 64, tmp_path / "work")


def test_a_missing_image_is_named(listed_images, tmp_path):
    listed_images[1].file.path.unlink()
    with pytest.raises(UsageError, match=r"ap0/1\.png .*FILE_UNREADABLE"):
        decode_set(listed_images, 64, tmp_path / "work")


def test_what_a_stopped_decoding_left_is_not_reused(listed_images, tmp_path):
    path, content = listed_images[5].file.path, listed_images[5].file.path.read_bytes()
    path.write_bytes(b"")
    with pytest.raises(UsageError):
        decode_set(listed_images, 64, tmp_path / "work")
    path.write_bytes(content)
    assert np.array_equal(decode_set(listed_images, 64, tmp_path / "work").pixels, _enrolled(listed_images, 64))
