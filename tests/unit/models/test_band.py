from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.fakes import picture, save_small_models

from cxrgate.core import BAND, ModelError
from cxrgate.core.standout import COHORT, Cohort, Standout
from cxrgate.models import BANDS, Dtype, EmbedderArchitecture, ModelKind, ModelManifest, Preprocessing, read_manifest
from cxrgate.models import band as module
from cxrgate.models.band import FEWEST, MARGIN, WIDEST, _numbers, certify_band
from cxrgate.models.runtimes.forward import open_forward

MODEL_STORE = Path(__file__).parents[3] / "model_store"
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


class Given:
    """A retrieval model that gives these rows, float32[n, d], and nothing of what is no radiograph."""

    head = None

    def __init__(self, rows):
        self.rows, self.manifest = rows, MANIFEST

    def __call__(self, pixels):
        return self.rows if len(pixels) == len(self.rows) else np.empty((len(pixels), self.rows.shape[1]), np.float32)


MANIFEST = ModelManifest(
    "model", ModelKind.RETRIEVAL, EmbedderArchitecture(dimensions=16), Preprocessing(), Dtype.FLOAT32, "", None, {}
)


@pytest.mark.parametrize("seed", range(5))
def test_no_standout_moves_by_more_than_the_numbers_say_cohorts_included(seed):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((FEWEST, 16))
    noise = 0.02 * rng.standard_normal(rows.shape)
    both = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (rows, rows + noise))
    exact, cast = (part.astype(np.float32) for part in both)
    one, two = (_numbers(Given(part), PIXELS) for part in (exact, cast))
    allowed = np.abs(one - two).max()
    standout = Standout()

    def standouts(part, query):
        distances = np.linalg.norm(part.astype(np.float64) - part[query].astype(np.float64), axis=1)
        near = np.delete(np.arange(len(part)), query)
        order = near[np.argsort(distances[near], kind="stable")]
        return standout(distances, np.full(len(part), 0.5), Cohort.of(distances[order[1 : COHORT + 1]]))

    moved = [np.abs(standouts(exact, query) - standouts(cast, query)).max() for query in range(FEWEST)]
    candidates_alone = standout.slope / 4 * np.abs(exact @ exact.T - cast @ cast.T).max()

    assert 0 < max(moved) <= allowed + 1e-6
    assert allowed > candidates_alone


WIDEST_SEEN = {Dtype.BFLOAT16: 0.425, Dtype.FLOAT16: 0.022}
"""Of the retrieval models that were shipped at f175971 and 2a15cf9."""


@pytest.mark.parametrize("dtype", WIDEST_SEEN)
def test_a_model_that_was_not_measured_has_a_wider_band_than_any_that_was(folder, dtype):
    shipped = [read_manifest(MODEL_STORE / kind).bands.get(dtype, BAND) for kind in ModelKind]

    band = replace(read_manifest(folder), bands={}, dtype=dtype).band
    assert band == BANDS[dtype] > max(*shipped, WIDEST_SEEN[dtype])


def test_numbers_that_move_by_more_than_a_policy_can_allow_for_have_the_widest_band(folder, monkeypatch):
    moved = iter([np.zeros(2), np.array([0.0, 1.2])])
    monkeypatch.setattr(module, "open_forward", lambda *_: None)
    monkeypatch.setattr(module, "_numbers", lambda *_: next(moved))
    certified = certify_band(folder, Dtype.BFLOAT16, PIXELS)

    assert replace(certified, dtype=Dtype.BFLOAT16).band == WIDEST < 1
    assert certified == read_manifest(folder)


def test_too_few_images_and_float32_itself_are_refused(folder):
    with pytest.raises(ModelError, match="99 images are too few"):
        certify_band(folder, Dtype.BFLOAT16, PIXELS[1:])
    with pytest.raises(ModelError, match="against float32"):
        certify_band(folder, Dtype.FLOAT32, PIXELS)


@pytest.mark.parametrize("band", [0.0, 1.0])
def test_an_impossible_band_is_refused(folder, band):
    with pytest.raises(ValueError, match="expected bands"):
        replace(read_manifest(folder), bands={Dtype.BFLOAT16: band})
