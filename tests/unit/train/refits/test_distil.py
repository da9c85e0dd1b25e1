"""A model learns the joint embedding of several: its trunk stays, and it costs one forward as before."""

import numpy as np
import pytest
import torch
from support.fakes import picture

from cxrgate.core import ModelError
from cxrgate.models.networks.architectures import EmbedderArchitecture
from cxrgate.models.networks.embedder import Embedder
from cxrgate.models.runtimes.pytorch import TorchForward
from cxrgate.models.store import load_model
from cxrgate.train import fitting
from cxrgate.train.refits import distil as module
from cxrgate.train.refits.distil import distil, fit_projection


@pytest.fixture(scope="module")
def distilled(folder, job_of):
    return distil(job_of("retrieval", "distilled"), [folder / "retrieval", folder / "verification"])


def test_trunk_and_frontality_stay_and_the_embedding_is_another_of_the_same_size(folder, distilled):
    old, new = (load_model(folder / name).network for name in ("retrieval", "distilled"))
    pixels = [picture(1), picture(2)]
    before, after = (TorchForward(load_model(folder / name))(pixels) for name in ("retrieval", "distilled"))

    for name, value in old.state_dict().items():
        if name.startswith(("trunk.", "frontality.")):
            assert torch.equal(value, new.state_dict()[name])
    assert before.shape == after.shape == (2, 13)
    assert np.array_equal(before[:, 12], after[:, 12])
    assert np.linalg.norm(after[:, :12], axis=1) == pytest.approx(1, abs=1e-5)
    assert not np.allclose(before[:, :12], after[:, :12], atol=0.1)


def test_the_manifest_names_its_teachers_and_everybody_whom_they_saw(folder, distilled):
    said = distilled.provenance["distilled"]

    assert said["from"] == load_model(folder / "retrieval").manifest.digest
    assert said["teachers"] == [load_model(folder / name).manifest.digest for name in ("retrieval", "verification")]
    assert {"0" * 16, "1" * 16} <= set(distilled.provenance["patients"]["train"])


def test_the_same_seed_gives_the_same_model(folder, job_of, distilled):
    again = distil(job_of("retrieval", "again"), [folder / "retrieval", folder / "verification"])

    assert again.digest == distilled.digest


def test_a_verification_model_learns_from_middles_too_and_has_a_cohort_where_there_are_patients(
    folder, job_of, monkeypatch
):
    rows, fit = [], module.fit_projection
    monkeypatch.setattr(module, "fit_projection", lambda *given: rows.append(len(given[1])) or fit(*given))
    monkeypatch.setattr(fitting, "find_cohort", lambda found, *_: np.eye(12, found.shape[1], dtype=np.float32))
    made = distil(job_of("verification", "judge"), [folder / "retrieval"])

    assert rows == [2 * 16]
    assert made.architecture.cohort == 12


def test_a_copy_model_is_no_teacher(folder, job_of):
    with pytest.raises(ModelError, match="no embedder for retrieval or verification"):
        distil(job_of("retrieval", "none"), [folder / "copy"])


def test_its_bands_are_measured_on_the_tune_part(folder, job_of, bands_measured_on):
    distil(job_of("retrieval", "measured"), [folder / "verification"])

    assert bands_measured_on == [(folder / "measured", 42)]


def network(dimensions):
    return Embedder(EmbedderArchitecture(taps=(4,), pool=1, dimensions=dimensions, discriminants=0)).eval()


def cosines(rows):
    return rows @ rows.T


def test_a_target_that_the_pooled_numbers_hold_is_learnt(monkeypatch):
    """Images that were not fitted to have the target's cosines, too; where it has more numbers, nearly so."""
    monkeypatch.setattr(module, "PENALTY", 1e-6)
    rng = np.random.default_rng(0)
    made, narrow = network(8), network(4)
    pooled = rng.standard_normal((4000, made.project.in_features)).astype(np.float32)
    target = rng.standard_normal((4000, 6)) * [1, 1, 1, 1, 0.1, 0.1]
    target /= np.linalg.norm(target, axis=1, keepdims=True)
    pooled[:, :6] = target

    errors = []
    for each in (made, narrow):
        fit_projection(each, pooled[:3900], target[:3900])
        with torch.inference_mode():
            found = each.embedded(torch.from_numpy(pooled[3900:])).numpy()
        errors.append(np.abs(cosines(found) - cosines(target[3900:])).mean())

    assert errors[0] < 0.03
    assert errors[1] < 0.05


def test_the_penalty_draws_what_is_learnt_towards_the_mean():
    rng = np.random.default_rng(1)
    made = network(4)
    pooled = rng.standard_normal((60, made.project.in_features)).astype(np.float32)
    target = rng.standard_normal((60, 4)) + np.array([3, 0, 0, 0])
    target /= np.linalg.norm(target, axis=1, keepdims=True)
    fit_projection(made, pooled, target)
    with torch.inference_mode():
        found = made.embedded(torch.from_numpy(pooled)).numpy()

    assert cosines(target).mean() < cosines(found).mean() < 1
