"""A verification model with the retrieval model's embedding takes its rows from that one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.fakes import images
from support.training_sets import EMBEDDER, recipe

from cxrgate.models import Dtype, ModelKind
from cxrgate.models.manifest import read_manifest
from cxrgate.models.networks.build import build_network
from cxrgate.models.runtimes.borrowed import BorrowedForward, lends_embedding
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.models.store import save_model
from cxrgate.train.recipe import Loss

CENTROIDS = 12


def save(folder, name, kind, network, **more):
    settings = recipe(Loss.CONTRASTIVE, kind=kind, network={**EMBEDDER, **more})
    save_model(folder / name, ModelKind(kind), settings.architecture, settings.input, network.state_dict(), {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A retrieval model with frontality, a verification model of its embedding with a cohort, and one of another."""
    folder = tmp_path_factory.mktemp("borrowed")
    torch.manual_seed(4)
    architecture = recipe(Loss.CONTRASTIVE, network={**EMBEDDER, "frontality": 4}).architecture
    network = build_network(architecture).eval()
    save(folder, "retrieval", "retrieval", network, frontality=4)
    network.frontality = None
    network.calibration = torch.tensor([7.0, -3.0])
    network.cohort = torch.nn.functional.normalize(torch.randn(CENTROIDS, 8))
    with_cohort = build_network(replace(architecture, frontality=0, cohort=CENTROIDS))
    with_cohort.load_state_dict(network.state_dict())
    save_model(
        folder / "verification",
        ModelKind.VERIFICATION,
        replace(architecture, frontality=0, cohort=CENTROIDS),
        recipe(Loss.CONTRASTIVE, network=EMBEDDER).input,
        with_cohort.state_dict(),
        {},
    )
    with torch.no_grad():
        with_cohort.project.bias[0] += 1e-3
    network.cohort = None
    network.project = with_cohort.project
    save(folder, "other", "verification", network)
    return folder


def lends(folder, name, **changes):
    lender, borrower = read_manifest(folder / "retrieval"), read_manifest(folder / name)
    return lends_embedding(lender, folder / "retrieval", replace(borrower, **changes), folder / name)


def test_rows_and_scores_are_those_that_the_model_would_compute_itself(folder):
    pixels = [image.pixels for image in images(5)]
    own = open_forward(folder / "verification")
    borrowed = BorrowedForward(
        read_manifest(folder / "verification"), folder / "verification", open_forward(folder / "retrieval")
    )
    rows = borrowed(pixels)

    assert lends(folder, "verification")
    assert borrowed.dimensions == own.dimensions == rows.shape[1]
    assert np.array_equal(rows, own(pixels))
    assert np.array_equal(borrowed.head.score(rows[0], rows), own.head.score(rows[0], rows))


def test_another_projection_by_one_number_lends_nothing(folder):
    assert not lends(folder, "other")


def test_another_dtype_or_input_lends_nothing(folder):
    preprocessing = read_manifest(folder / "verification").preprocessing

    assert not lends(folder, "verification", dtype=Dtype.BFLOAT16)
    assert not lends(folder, "verification", preprocessing=replace(preprocessing, height=64, width=64))
