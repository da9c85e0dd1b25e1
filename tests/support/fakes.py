"""Small stand-ins and builders that several tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from cxrgate.core import Candidates, Evidence, GreyImage, Policy
from cxrgate.models import ModelKind, ModelManifest, Preprocessing, RetrievalArchitecture, VerificationArchitecture
from cxrgate.models.networks.build import build_network
from cxrgate.models.store import save_model

POLICY = Policy(3, 0.5, 0.4, 0.9, 0.1, 100, "snapshot", "retrieval", "verification")
SMALL = Preprocessing(64, 64)


def evidence(scores=(0.1, 0.2, 0.3), similarities=(0.5, 0.5, 0.5), typicality=0.5, image_id="image"):
    """Evidence with the given columns."""
    count = len(similarities)
    candidates = Candidates(
        image_id,
        tuple(f"reference{i}" for i in range(count)),
        tuple(f"patient{i}" for i in range(count)),
        np.ones(count),
        {"copy": np.array(similarities, dtype=np.float64)},
        np.zeros((count, 4), np.float32),
        typicality,
        nearest=np.tile(np.arange(count) < POLICY.candidates, (2, 1)),
    )
    return Evidence(candidates, np.array(scores, dtype=np.float64))


def picture(seed: int, size: tuple[int, int] = (96, 80)) -> np.ndarray:
    """A smooth random picture uint8[size]; equal seeds give equal pictures."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]] / max(size)
    # Frequencies to about eight cycles with amplitudes falling off, as radiographs have them.
    waves = [
        np.cos(rng.uniform(-4, 4) * i * rows + rng.uniform(-4, 4) * i * columns + rng.uniform(0, 6)) / i
        for i in range(1, 25)
    ]
    values = np.sum(waves, axis=0)
    return np.rint(255 * (values - values.min()) / np.ptp(values)).astype(np.uint8)


def images(count: int, start: int = 0) -> list[GreyImage]:
    """Different smooth pictures."""
    return [GreyImage(f"image{i}", picture(i)) for i in range(start, start + count)]


def save_small_models(folder: Path, seed: int = 0) -> tuple[ModelManifest, ModelManifest]:
    """Untrained small models in folder/retrieval and folder/verification; batch norms see a few pictures."""
    torch.manual_seed(seed)
    manifests = []
    for kind, shape in (
        (ModelKind.RETRIEVAL, RetrievalArchitecture("resnet10", pool=2, bottleneck=8, hidden=32, dimensions=16)),
        (ModelKind.VERIFICATION, VerificationArchitecture("resnet10", 16)),
    ):
        manifests.append(
            save_model(folder / kind, kind, shape, SMALL, build_network(shape).state_dict(), {"seed": seed})
        )
    return manifests[0], manifests[1]
