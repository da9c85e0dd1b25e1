import numpy as np
import pytest
import torch
from support.training_sets import EMBEDDER

from cxrgate.core import UsageError
from cxrgate.core.heads import CohortCosineHead
from cxrgate.models import ModelKind, make_architecture
from cxrgate.models.networks.build import build_network
from cxrgate.train.fitting import fit_head, fitted_architecture, set_calibration


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build_network(make_architecture({**EMBEDDER, "discriminants": 6}))


def _pooled(network, patients=12, images=3, seed=0):
    """Patients apart, and images of one that differ strongly in a few directions."""
    rng = np.random.default_rng(seed)
    size, labels = network.project.in_features, np.repeat(np.arange(patients), images)
    noise = rng.normal(size=(len(labels), 5)) @ rng.normal(size=(5, size)) * 3
    return (rng.normal(size=(patients, size))[labels] + noise).astype(np.float32), labels


def _right(network, pooled, labels):
    """The share of images whose most similar other image is of the same patient."""
    with torch.inference_mode():
        embeddings = network.embedded(torch.from_numpy(pooled)).numpy()
    cosines = embeddings @ embeddings.T
    np.fill_diagonal(cosines, -2)
    return float((labels[cosines.argmax(1)] == labels).mean())


def test_fitting_makes_images_of_a_patient_alike(network):
    pooled, labels = _pooled(network)
    before = _right(network, pooled, labels)
    fit_head(network, ModelKind.RETRIEVAL, pooled, labels, seed=1)
    assert before < 0.3
    assert _right(network, pooled, labels) > 0.7


def test_the_trunk_and_the_projection_stay(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    fit_head(network, ModelKind.RETRIEVAL, *_pooled(network), seed=1)
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[0] for name in changed} == {"whiten", "discriminate"}


def test_patients_with_one_image_each_cannot_be_fitted_to(network):
    pooled, _ = _pooled(network)
    with pytest.raises(UsageError):
        fit_head(network, ModelKind.RETRIEVAL, pooled, np.arange(len(pooled)), seed=1)


def _embedded(network, pooled):
    with torch.inference_mode():
        return network.embedded(torch.from_numpy(pooled)).numpy()


def test_a_verification_model_gets_a_cohort_and_no_other(network):
    pooled, labels = _pooled(network, patients=400, images=2)
    shape = make_architecture({**EMBEDDER, "discriminants": 6})
    fit_head(network, ModelKind.RETRIEVAL, pooled, labels, seed=1)
    assert fitted_architecture(network, shape) == shape
    fit_head(network, ModelKind.VERIFICATION, pooled, labels, seed=1)
    assert 10 <= fitted_architecture(network, shape).cohort <= 20
    assert network.cohort.shape[1] == 14


def test_few_patients_leave_a_verification_model_without_a_cohort(network):
    fit_head(network, ModelKind.VERIFICATION, *_pooled(network), seed=1)
    assert network.cohort is None


def test_the_calibration_holds_for_what_the_head_scores(network):
    pooled, labels = _pooled(network, patients=400, images=2)
    fit_head(network, ModelKind.VERIFICATION, pooled, labels, seed=1)
    tune, owners = _pooled(network, patients=100, images=2, seed=5)
    rows = _embedded(network, tune)
    set_calibration(network, ModelKind.VERIFICATION, rows, owners)
    head = CohortCosineHead(*network.calibration.tolist(), network.cohort.numpy())
    first = np.unique(owners, return_index=True)[1]
    best = np.array([head.score(rows[place], rows[owners != owners[place]]).max() for place in first])
    assert 0.03 <= (best > 0.5).mean() <= 0.07
