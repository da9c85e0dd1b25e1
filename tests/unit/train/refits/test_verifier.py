"""A verification model of a retrieval model: the same embedding, a cohort, and no forward of its own in a gate."""

import numpy as np
import pytest
from support.fakes import picture

from cxrgate.core import ModelError
from cxrgate.core.heads import CohortCosineHead
from cxrgate.models import ModelKind
from cxrgate.models.borrowed_head import borrowed_head
from cxrgate.models.manifest import read_manifest
from cxrgate.models.runtimes.pytorch import TorchForward
from cxrgate.models.store import load_model
from cxrgate.train import fitting
from cxrgate.train.refits.verifier import make_verifier


@pytest.fixture(scope="module")
def verifier(folder, job_of):
    """With a cohort of random centroids: eight patients are too few for one of their own."""
    rng = np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "find_cohort", lambda rows, *_: _unit(rng.standard_normal((12, rows.shape[1]))))
        return make_verifier(job_of("retrieval", "verifier"))


def _unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_it_has_the_embedding_of_the_retrieval_model_without_frontality(folder, verifier):
    pixels = [picture(1), picture(2)]
    retrieval, own = (TorchForward(load_model(folder / name)) for name in ("retrieval", "verifier"))

    assert verifier.kind == "verification"
    assert np.array_equal(retrieval(pixels)[:, :12], own(pixels))
    folders = {ModelKind.RETRIEVAL: folder / "retrieval", ModelKind.VERIFICATION: folder / "verifier"}
    assert borrowed_head(folders, {kind: read_manifest(path) for kind, path in folders.items()}) is not None


def test_it_is_held_against_a_cohort_and_says_what_it_was_made_of(folder, verifier):
    head = TorchForward(load_model(folder / "verifier")).head

    assert isinstance(head, CohortCosineHead)
    assert verifier.architecture.cohort == 12
    assert verifier.provenance["verifier"]["from"] == load_model(folder / "retrieval").manifest.digest
    assert "0" * 16 in verifier.provenance["patients"]["train"]


def test_of_few_patients_it_has_no_cohort(job_of):
    assert make_verifier(job_of("retrieval", "plain")).architecture.cohort == 0


def test_it_is_made_of_a_retrieval_model_alone(job_of):
    with pytest.raises(ModelError, match="no retrieval model"):
        make_verifier(job_of("verification", "none"))


def test_its_bands_are_measured_on_the_tune_part(folder, job_of, bands_measured_on):
    make_verifier(job_of("retrieval", "measured"))

    assert bands_measured_on == [(folder / "measured", 42)]
