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
from cxrgate.train import read_samples
from cxrgate.train.pixels import decode_set


@pytest.fixture
def samples(tmp_path):
    return read_samples(write_listing(tmp_path / "set", rows(2, source="a") + rows(1, source="b")))


def _enrolled(samples, side):
    """As enrolment decodes and a model that squashes prepares."""
    with SandboxedDecoder() as decoder:
        images = asyncio.run(decoder.decode([sample.file.read() for sample in samples]))
    return np.stack([resize(image.pixels, Preprocessing(side, side)) for image in images])


def test_pixels_are_those_that_enrolment_sees(samples, tmp_path):
    found = decode_set(samples, 64, tmp_path / "work")
    assert np.array_equal(found.pixels, _enrolled(samples, 64))


def test_patients_and_sources_are_numbered_in_order(samples, tmp_path):
    found = decode_set(samples, 64, tmp_path / "work")
    assert found.patients.tolist() == [0, 0, 1, 1, 2, 2]
    assert found.sources.tolist() == [0, 0, 0, 0, 1, 1]


def test_progress_counts_every_image_once(samples, tmp_path):
    counts = []
    decode_set(samples, 64, tmp_path / "work", counts.append)
    assert sum(counts) == len(samples)


def test_decoded_images_are_reused(samples, tmp_path):
    first = decode_set(samples, 64, tmp_path / "work")
    shutil.rmtree(tmp_path / "set")
    again = decode_set(samples, 64, tmp_path / "work", lambda _: pytest.fail("decoded again"))
    assert np.array_equal(first.pixels, again.pixels)
    assert first.digest == again.digest


def test_another_size_is_decoded_anew(samples, tmp_path):
    decode_set(samples, 64, tmp_path / "work")
    assert decode_set(samples, 32, tmp_path / "work").pixels.shape == (6, 32, 32)


def test_other_pixels_have_another_digest(samples, tmp_path):
    first = decode_set(samples, 64, tmp_path / "work")
    Image.new("L", (80, 96)).save(samples[0].file.path)
    assert decode_set(samples, 64, tmp_path / "other").digest != first.digest


def test_a_broken_image_is_named(samples, tmp_path):
    samples[1].file.path.write_bytes(b"\x89PNG broken")
    with pytest.raises(UsageError, match=r"ap0/1\.png .*IMAGE_UNDECODABLE"):
        decode_set(samples, 64, tmp_path / "work")


def test_a_missing_image_is_named(samples, tmp_path):
    samples[1].file.path.unlink()
    with pytest.raises(UsageError, match=r"ap0/1\.png .*FILE_UNREADABLE"):
        decode_set(samples, 64, tmp_path / "work")


def test_what_a_stopped_decoding_left_is_not_reused(samples, tmp_path):
    path, content = samples[5].file.path, samples[5].file.path.read_bytes()
    path.write_bytes(b"")
    with pytest.raises(UsageError):
        decode_set(samples, 64, tmp_path / "work")
    path.write_bytes(content)
    assert np.array_equal(decode_set(samples, 64, tmp_path / "work").pixels, _enrolled(samples, 64))
