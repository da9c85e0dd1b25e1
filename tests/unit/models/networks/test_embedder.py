import numpy as np
import pytest
import torch
from support.fakes import images

from cxrgate.core.heads import CalibratedCosineHead, CohortCosineHead
from cxrgate.models import EmbedderArchitecture, ModelKind, Preprocessing
from cxrgate.models.networks.build import build_network
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.models.runtimes.pytorch import TorchForward
from cxrgate.models.store import load_model, save_model

SHAPE = EmbedderArchitecture(pool=2, dimensions=16)
INPUT = Preprocessing(64, 64)


def save(folder, kind, **settings):
    torch.manual_seed(0)
    return save_model(folder, kind, SHAPE, INPUT, build_network(SHAPE).state_dict(), {}, **settings)


def test_embeddings_have_unit_length_and_survive_storage(tmp_path):
    save(tmp_path / "model", ModelKind.RETRIEVAL)
    rows = open_forward(tmp_path / "model")([image.pixels for image in images(3)])

    assert rows.shape == (3, 16)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)


def test_an_image_against_itself_scores_what_the_calibration_says(tmp_path):
    save(tmp_path / "model", ModelKind.VERIFICATION)
    forward = open_forward(tmp_path / "model")
    (row,) = forward([images(1)[0].pixels])

    assert forward.head == CalibratedCosineHead(10.0, -5.0)
    assert forward.head.score(row, row[None])[0] == pytest.approx(1 / (1 + np.exp(-5)), abs=1e-6)


def test_a_copy_model_needs_a_threshold_and_no_other_kind_has_one(tmp_path):
    assert save(tmp_path / "copy", ModelKind.COPY, threshold=0.7).threshold == 0.7
    with pytest.raises(ValueError, match="threshold"):
        save(tmp_path / "none", ModelKind.COPY)
    with pytest.raises(ValueError, match="threshold"):
        save(tmp_path / "surplus", ModelKind.RETRIEVAL, threshold=0.7)


@pytest.mark.parametrize(
    "sizes",
    [
        {"taps": (16,)},
        {"trunk": "efficientnet-lite1", "taps": (21,)},
        {"trunk": "resnet50"},
        {"pool": 0},
        {"cohort": 9},
    ],
)
def test_impossible_architectures_are_refused(sizes):
    with pytest.raises(ValueError, match="expected"):
        EmbedderArchitecture(**sizes)


def test_frontality_stands_behind_an_embedding_that_it_leaves_alone(tmp_path):
    plain, told = SHAPE, EmbedderArchitecture(pool=2, dimensions=16, frontality=4)
    state = build_network(plain).state_dict()
    save_model(tmp_path / "plain", ModelKind.RETRIEVAL, plain, INPUT, state, {})
    save_model(tmp_path / "told", ModelKind.RETRIEVAL, told, INPUT, {**build_network(told).state_dict(), **state}, {})
    before, after = (open_forward(tmp_path / name)([i.pixels for i in images(3)]) for name in ("plain", "told"))

    assert after.shape == (3, told.outputs) == (3, told.embedding + 1)
    assert np.array_equal(before, after[:, : told.embedding])
    assert (np.abs(after[:, -1] - 0.5) < 0.5).all()
    assert "frontality" not in load_model(tmp_path / "plain").manifest.to_json()["architecture"]


def test_only_a_retrieval_model_tells_frontality(tmp_path):
    shape = EmbedderArchitecture(pool=2, dimensions=16, frontality=4)
    with pytest.raises(ValueError, match="frontality"):
        save_model(tmp_path / "model", ModelKind.VERIFICATION, shape, INPUT, build_network(shape).state_dict(), {})


def test_discriminants_stand_beside_the_projection_at_unit_length(tmp_path):
    shape = EmbedderArchitecture(pool=2, dimensions=16, discriminants=8)
    save_model(tmp_path / "model", ModelKind.RETRIEVAL, shape, INPUT, build_network(shape).state_dict(), {})
    rows = open_forward(tmp_path / "model")([image.pixels for image in images(3)])

    assert rows.shape == (3, shape.outputs) == (3, 24)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(rows[:, :16], axis=1) == pytest.approx(np.sqrt(0.5), abs=1e-5)


def test_a_cohort_scores_in_both_runtimes_and_leaves_the_embedding_alone(tmp_path):
    plain, told = SHAPE, EmbedderArchitecture(pool=2, dimensions=16, cohort=12)
    state = build_network(plain).state_dict()
    cohort = torch.nn.functional.normalize(torch.randn(12, 16, generator=torch.Generator().manual_seed(1)), dim=1)
    save_model(tmp_path / "plain", ModelKind.VERIFICATION, plain, INPUT, state, {})
    save_model(tmp_path / "told", ModelKind.VERIFICATION, told, INPUT, {**state, "cohort": cohort}, {})
    before, after = (open_forward(tmp_path / name) for name in ("plain", "told"))
    pixels = [image.pixels for image in images(3)]
    rows = after(pixels)

    assert np.array_equal(before(pixels), rows)
    assert isinstance(after.head, CohortCosineHead)
    assert np.array_equal(after.head.cohort, cohort.numpy())
    assert np.array_equal(
        after.head.score(rows[0], rows), TorchForward(load_model(tmp_path / "told")).head.score(rows[0], rows)
    )


def test_a_model_without_a_cohort_keeps_its_digest(tmp_path):
    manifest = save(tmp_path / "model", ModelKind.VERIFICATION)
    assert "cohort" not in manifest.to_json()["architecture"]
