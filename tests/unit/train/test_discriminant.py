import numpy as np
import pytest
import torch
from support.training_sets import EMBEDDER

from cxrgate.core import UsageError
from cxrgate.models import make_architecture
from cxrgate.models.networks.build import build_network
from cxrgate.train.discriminant import find_discriminants, fit_discriminants
from cxrgate.train.whitening import within_covariance


def pooled(patients=60, images=3, size=12, seed=0):
    """Numbers that differ between patients in the first three of `size`, and within them in all the others."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(patients), images)
    rows = rng.normal(size=(len(labels), size))
    rows[:, :3] = 5 * rng.normal(size=(patients, 3))[labels] + 0.3 * rng.normal(size=(len(labels), 3))
    return rows + 4, labels


def test_the_first_directions_are_those_in_which_images_of_a_patient_agree():
    rows, labels = pooled()
    found = find_discriminants(rows, labels, 3, 12, 0.1, seed=1)
    strength = np.abs(found.directions / found.spread[:, None])

    assert found.count == 3
    assert strength[:3].sum() > 5 * strength[3:].sum()


def test_images_of_a_patient_differ_by_one_in_each_direction_without_shrinkage():
    rows, labels = pooled()
    found = find_discriminants(rows, labels, 12, 12, 0.0, seed=1)
    projected = (rows - found.centre) / found.spread @ found.directions

    assert within_covariance(projected, labels, 0.0) == pytest.approx(np.eye(12), abs=1e-6)


def test_few_images_give_fewer_directions_than_asked_for():
    rows, labels = pooled(patients=2, images=2)

    assert find_discriminants(rows, labels, 10, 300, 0.5, seed=1).count <= 4


def test_without_two_images_of_a_patient_there_are_none():
    with pytest.raises(UsageError):
        find_discriminants(np.random.default_rng(0).normal(size=(9, 5)), np.arange(9), 2, 5, 0.5, seed=1)


def test_a_network_gets_the_directions_and_one_without_room_for_any_stays_as_it_is():
    torch.manual_seed(0)
    network = build_network(make_architecture({**EMBEDDER, "discriminants": 4}))
    size = network.project.in_features
    rows, labels = pooled(size=size)
    fit_discriminants(network, rows, labels, seed=1)
    with torch.inference_mode():
        given = network.discriminate(torch.from_numpy(rows).float()).numpy()

    assert given.mean(0) == pytest.approx(0, abs=1e-2)
    assert np.abs(given).max() > 1
    plain = build_network(make_architecture(EMBEDDER))
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    fit_discriminants(plain, rows, labels, seed=1)
    assert all(torch.equal(value, before[name]) for name, value in plain.state_dict().items())
