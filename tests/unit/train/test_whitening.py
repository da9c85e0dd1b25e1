import numpy as np
import pytest
import torch

from cxrgate.core import UsageError
from cxrgate.models import EmbedderArchitecture
from cxrgate.models.networks.build import build_network
from cxrgate.train.whitening import SHRINKAGE, fit_whitening, within_covariance

DIMENSIONS = 4


def _rows(patients, images=3, seed=0):
    """Patients apart, and images of a patient that differ more in some directions than in others."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(patients), images)
    stretch = rng.normal(size=(DIMENSIONS, DIMENSIONS)) * [3, 1, 0.3, 0.1]
    return 5 * rng.normal(size=(patients, DIMENSIONS))[labels] + rng.normal(
        size=(len(labels), DIMENSIONS)
    ) @ stretch, labels


def test_within_covariance_is_a_plain_loops():
    rows, labels = _rows(6)
    rows, labels = np.concatenate([rows, [[9.0] * DIMENSIONS]]), np.append(labels, 99)
    total, freedom = np.zeros((DIMENSIONS, DIMENSIONS)), 0
    for label in range(6):
        own = rows[labels == label]
        for row in own:
            total += np.outer(row - own.mean(0), row - own.mean(0))
        freedom += len(own) - 1
    assert np.allclose(within_covariance(rows, labels, 0.0), total / freedom)


def test_shrinkage_moves_towards_a_multiple_of_the_identity_and_keeps_the_trace():
    rows, labels = _rows(6)
    plain = within_covariance(rows, labels, 0.0)
    assert np.allclose(
        within_covariance(rows, labels, 0.3), 0.7 * plain + 0.3 * np.trace(plain) / DIMENSIONS * np.eye(DIMENSIONS)
    )
    assert np.allclose(within_covariance(rows, labels, 1.0), np.trace(plain) / DIMENSIONS * np.eye(DIMENSIONS))


def test_without_a_patient_with_two_images_nothing_can_be_said():
    with pytest.raises(UsageError, match="two or more images"):
        within_covariance(np.eye(DIMENSIONS), np.arange(DIMENSIONS), 0.1)


def test_images_of_a_patient_differ_alike_in_every_direction_once_whitened():
    rows, labels = _rows(200)
    network = build_network(EmbedderArchitecture(dimensions=DIMENSIONS))
    fit_whitening(network, rows.astype(np.float32), labels)
    with torch.no_grad():
        white = network.whiten(torch.from_numpy(rows.astype(np.float32))).double().numpy()
    assert np.allclose(white.mean(0), 0, atol=1e-3)
    weight = network.whiten.weight.detach().double().numpy()
    shrunk = within_covariance(rows, labels, SHRINKAGE)
    assert np.allclose(weight @ shrunk @ weight.T, np.eye(DIMENSIONS), atol=1e-3)
    # Ten per cent of the mean variance are added to each direction, so a small one stays below 1.
    before, after = (np.linalg.eigvalsh(within_covariance(part, labels, 0.0)) for part in (rows, white))
    assert after.max() < 1.2
    assert after.max() / after.min() < before.max() / before.min() / 5
