"""Both 16-bit dtypes are measured on images of the tune part, and neither where there are too few."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrgate.models import Dtype, EmbedderArchitecture, ModelKind, ModelManifest, Preprocessing
from cxrgate.models.band import FEWEST
from cxrgate.train import bands as module
from cxrgate.train.bands import IMAGES, certify_bands

MANIFEST = ModelManifest(
    "model", ModelKind.RETRIEVAL, EmbedderArchitecture(dimensions=16), Preprocessing(), Dtype.FLOAT32, ""
)


def numbered(count):
    """Images of one pixel, each with its number."""
    return np.arange(count, dtype=np.uint16).astype(np.uint8).reshape(count, 1, 1)


@pytest.fixture
def measured(monkeypatch):
    """What was asked for: dtype and images; the band is a number of the dtype's."""
    asked, found = [], {}

    def certify(folder, dtype, pixels):
        asked.append((folder, dtype, [int(image[0, 0]) for image in pixels]))
        found[dtype] = len(asked) / 10
        return replace(MANIFEST, bands=dict(found))

    monkeypatch.setattr(module, "certify_band", certify)
    return asked


def test_both_dtypes_are_measured_on_all_images_and_stand_in_the_manifest(measured):
    told = []
    manifest = certify_bands(MANIFEST, Path("model"), numbered(FEWEST), lambda *step: told.append(step))

    assert measured == [(Path("model"), dtype, list(range(FEWEST))) for dtype in (Dtype.BFLOAT16, Dtype.FLOAT16)]
    assert manifest.bands == {Dtype.BFLOAT16: 0.1, Dtype.FLOAT16: 0.2}
    assert sum(done for _, done, _ in told) == 2


def test_of_many_images_every_so_manyth_is_taken(measured):
    certify_bands(MANIFEST, Path("model"), numbered(3 * IMAGES))

    assert [len(images) for _, _, images in measured] == [IMAGES, IMAGES]
    assert measured[0][2][:4] == [0, 3, 6, 9]


def test_too_few_images_leave_the_manifest_as_it_is(measured):
    assert certify_bands(MANIFEST, Path("model"), numbered(FEWEST - 1)) is MANIFEST
    assert measured == []
