from dataclasses import replace

import numpy as np
import pytest
from support.fakes import picture, save_small_models

from cxrgate.core import BAND, ModelError
from cxrgate.models import BANDS, Dtype, read_manifest
from cxrgate.models.band import FEWEST, MARGIN, certify_band
from cxrgate.models.runtimes.forward import open_forward

PIXELS = [picture(number, (64, 64)) for number in range(FEWEST)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_small_models(folder)
    return folder / "verification"


def test_a_band_is_wider_than_any_difference_seen_and_leaves_the_digest_alone(folder):
    before = read_manifest(folder)
    certified = certify_band(folder, Dtype.BFLOAT16, PIXELS)
    cast = replace(certified, dtype=Dtype.BFLOAT16)
    scores = []
    for manifest in (before, cast):
        forward = open_forward(folder, "cpu", manifest)
        rows = forward(PIXELS)
        scores.append(np.stack([forward.head.score(row, rows) for row in rows]))
    moved = np.abs(scores[0] - scores[1]).max()

    assert certified == read_manifest(folder)
    assert certified.digest == before.digest
    assert certified.bands.keys() == {Dtype.BFLOAT16}
    assert 0 < MARGIN * moved <= cast.band <= max(BAND, MARGIN * moved + 0.001)
    assert certified.band == BANDS[Dtype.FLOAT32] == BAND


def test_what_was_not_measured_has_the_bands_of_the_shipped_models(folder):
    assert replace(read_manifest(folder), bands={}, dtype=Dtype.FLOAT16).band == BANDS[Dtype.FLOAT16]


def test_too_few_images_and_float32_itself_are_refused(folder):
    with pytest.raises(ModelError, match="99 images are too few"):
        certify_band(folder, Dtype.BFLOAT16, PIXELS[1:])
    with pytest.raises(ModelError, match="against float32"):
        certify_band(folder, Dtype.FLOAT32, PIXELS)


@pytest.mark.parametrize("band", [0.0, 1.0])
def test_an_impossible_band_is_refused(folder, band):
    with pytest.raises(ValueError, match="expected bands"):
        replace(read_manifest(folder), bands={Dtype.BFLOAT16: band})
