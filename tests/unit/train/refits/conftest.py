"""Models with random weights, and a listing of eight patients to fit to and 41 to calibrate on."""

import pytest
import torch
from support.training_sets import EMBEDDER, recipe, rows, write_listing

from cxrgate.models import ModelKind
from cxrgate.models.networks.build import build_network
from cxrgate.models.store import save_model
from cxrgate.train import read_listed_images
from cxrgate.train.recipe import Loss
from cxrgate.train.refits.finished import RefitJob

SIZES = {
    "retrieval": {"discriminants": 4, "frontality": 3},
    "verification": {"discriminants": 4},
    "copy": {"discriminants": 4},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refits")
    torch.manual_seed(3)
    for number, (kind, sizes) in enumerate(SIZES.items()):
        settings = recipe(Loss.CONTRASTIVE, kind=kind, network={**EMBEDDER, **sizes})
        network = build_network(settings.architecture)
        threshold = 0.9 if kind == "copy" else None
        before = {"patients": {"train": [str(number) * 16]}, "seed": 9}
        save_model(
            folder / kind,
            ModelKind(kind),
            settings.architecture,
            settings.input,
            network.state_dict(),
            before,
            threshold=threshold,
        )
    parts = [rows(8, 2, "a", "train"), rows(40, 1, "a", "tune"), rows(1, 2, "b", "tune")]
    write_listing(folder, [row for part in parts for row in part])
    return folder


@pytest.fixture(scope="module")
def job_of(folder):
    """Of the model of a name, whose result lies beside it."""
    listed_images = read_listed_images(folder / "listing.csv")

    def job(name, result, **changes):
        return RefitJob(changes.get("listed_images", listed_images), 1, folder / name, folder / "work", folder / result)

    return job
