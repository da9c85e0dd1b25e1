"""A small retrieval model and a verification model of the same embedding, with frontality and a cohort."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import functional

from cxrgate.models import ModelKind
from cxrgate.models.networks.build import build_network
from cxrgate.models.store import save_model
from cxrgate.train.recipe import Loss
from support.training_sets import EMBEDDER, recipe

CENTROIDS = 12


def save_one_embedding(folder: Path) -> None:
    """Untrained, in folder/retrieval and folder/verification."""
    torch.manual_seed(4)
    settings = recipe(Loss.CONTRASTIVE, network={**EMBEDDER, "frontality": 4})
    shape = settings.architecture
    network = build_network(shape)
    save_model(folder / "retrieval", ModelKind.RETRIEVAL, shape, settings.input, network.state_dict(), {})
    judging = replace(shape, frontality=0, cohort=CENTROIDS)
    state = {name: value for name, value in network.state_dict().items() if not name.startswith("frontality.")}
    state["calibration"] = torch.tensor([7.0, -9.0])
    state["cohort"] = functional.normalize(torch.randn(CENTROIDS, shape.embedding))
    save_model(folder / "verification", ModelKind.VERIFICATION, judging, settings.input, state, {})
