"""Models with random weights, and a listing of eight patients to fit to and 41 to calibrate on."""

from __future__ import annotations

from pathlib import Path

import torch

from cxrgate.models import ModelKind
from cxrgate.models.networks.build import build_network
from cxrgate.models.store import save_model
from cxrgate.train.recipe import Loss
from support.training_sets import EMBEDDER, recipe, rows, write_listing

SIZES = {
    "retrieval": {"discriminants": 4, "frontality": 3},
    "verification": {"discriminants": 4},
    "copy": {"discriminants": 4},
}


def write_finished_models(folder: Path) -> None:
    """Write folder/retrieval, folder/verification, folder/copy and folder/listing.csv."""
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
