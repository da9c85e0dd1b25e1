from pathlib import Path

import numpy as np
import pytest

from cxrgate.core import UsageError
from cxrgate.core.heads import CosineHead, SiameseHead
from cxrgate.images import ImageFile
from cxrgate.models import (
    Dtype,
    EmbedderArchitecture,
    ModelKind,
    ModelManifest,
    Preprocessing,
    VerificationArchitecture,
)
from cxrgate.train import ListedImage, patient_hash
from cxrgate.train.scoring.figures import rank_queries
from cxrgate.train.scoring.models import (
    EmbeddedSet,
    embed_listing,
    kept_pairs,
    pair_scores,
    score_sources,
    similarities,
    summarise,
    unseen,
)

PATIENTS = [0, 0, 1, 1, 2, 2, 3, 3]
SOURCES = ["a", "a", "b", "b", "a", "a", "b", "b"]


def _listed_images(patients=PATIENTS, sources=SOURCES):
    return [
        ListedImage(ImageFile(Path(f"{i}.png"), f"{i}.png"), f"p{patient}", source, None)
        for i, (patient, source) in enumerate(zip(patients, sources, strict=True))
    ]


def _manifest(kind, **provenance):
    shape = VerificationArchitecture("resnet10", 4) if kind is ModelKind.VERIFICATION else EmbedderArchitecture()
    return ModelManifest("model", kind, shape, Preprocessing(), Dtype.FLOAT32, "", None, provenance)


def _embedded(kind=ModelKind.RETRIEVAL, head=None):
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(4, 4))[PATIENTS] + 0.5 * rng.normal(size=(8, 4))).astype(np.float32)
    return EmbeddedSet(rows, np.array(PATIENTS), _listed_images(), _manifest(kind), head or CosineHead())


SIAMESE = SiameseHead(np.array([-1.0, 2.0, -0.5, 0.1]), 0.3)


def test_patients_of_training_and_of_thresholds_are_left_out():
    seen = {"train": [patient_hash("p1")], "tune": [patient_hash("p3")]}
    kept = unseen(_manifest(ModelKind.RETRIEVAL, patients=seen), _listed_images())
    assert {listed_image.patient_id for listed_image in kept} == {"p0", "p2"}


def test_a_model_without_a_record_of_patients_leaves_everyone():
    assert unseen(_manifest(ModelKind.RETRIEVAL), _listed_images()) == _listed_images()


def test_pairs_with_a_patient_left_out_are_left_out():
    listed_images = _listed_images()
    kept = [listed_image for listed_image in listed_images if listed_image.patient_id != "p0"]
    pairs = np.array([[0, 1], [2, 3], [7, 2], [4, 1]])
    assert kept_pairs(pairs, listed_images, kept).tolist() == [[0, 1], [5, 0]]


def test_a_retrieval_model_compares_by_distance():
    embedded = _embedded()
    rows = embedded.rows.astype(np.float64)
    assert np.allclose(similarities(embedded), -np.linalg.norm(rows[:, None] - rows[None], axis=2))


def test_a_verification_model_compares_by_its_head():
    embedded = _embedded(ModelKind.VERIFICATION, SIAMESE)
    rows = embedded.rows.astype(np.float64)
    logits = (np.abs(rows[:, None] - rows[None]) * SIAMESE.weight).sum(2) + SIAMESE.bias
    assert np.allclose(similarities(embedded), 1 / (1 + np.exp(-logits)))


@pytest.mark.parametrize(("kind", "head"), [(ModelKind.RETRIEVAL, CosineHead()), (ModelKind.VERIFICATION, SIAMESE)])
def test_scored_pairs_are_entries_of_the_whole_matrix(kind, head):
    embedded = _embedded(kind, head)
    pairs = np.array([[3, 1], [0, 7], [3, 2], [5, 4], [0, 1]])
    assert np.array_equal(pair_scores(embedded, pairs), similarities(embedded)[pairs[:, 0], pairs[:, 1]])
    assert pair_scores(embedded, np.empty((0, 2), np.int64)).shape == (0,)


def test_pairs_and_galleries_stay_within_a_source():
    embedded = _embedded()
    matrix = similarities(embedded)
    found = score_sources(embedded)
    assert list(found) == ["a", "b"]
    for name, rows in {"a": [0, 1, 4, 5], "b": [2, 3, 6, 7]}.items():
        inner = matrix[np.ix_(rows, rows)]
        assert found[name].pairs.scores.tolist() == inner[np.triu_indices(4, 1)].tolist()
        expected = rank_queries(inner, embedded.patients[rows])
        assert found[name].queries.precision_at_1.tolist() == expected.precision_at_1.tolist()


def test_named_pairs_take_the_place_of_all_pairs():
    embedded = _embedded()
    found = score_sources(embedded, np.array([[2, 3], [0, 4], [6, 2]]))
    matrix = similarities(embedded)
    assert found["a"].pairs.scores.tolist() == [matrix[0, 4]]
    assert found["b"].pairs.scores.tolist() == [matrix[2, 3], matrix[6, 2]]
    assert found["b"].pairs.same.tolist() == [True, False]
    assert len(found["a"].queries.patients) == 4


def test_the_pooled_figures_are_over_the_queries_of_all_sources():
    found = summarise(score_sources(_embedded()))
    each = [part["p_at_1"].value for part in found.sources.values()]
    assert found.pooled["p_at_1"].value == pytest.approx(np.mean(each))
    assert found.sources.keys() == {"a", "b"}


def test_no_image_to_score_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no image"):
        embed_listing(tmp_path, [])
