"""How the inputs of published checkpoints are made."""

from __future__ import annotations

from cxrgate.models.manifest import ModelKind
from cxrgate.models.preprocess import Preprocessing

PRESETS: dict[str, dict[ModelKind, Preprocessing]] = {
    # The authors' own: retrieval on native 1024 x 1024 ChestX-ray14, verification on Resize((256, 256)).
    "packhaeuser": {ModelKind.RETRIEVAL: Preprocessing(1024, 1024), ModelKind.VERIFICATION: Preprocessing()},
    # anonymization-pipeline feeds both at 256 px.
    "anonymization-pipeline": {ModelKind.RETRIEVAL: Preprocessing(), ModelKind.VERIFICATION: Preprocessing()},
    # CheXGenBench feeds its MIMIC checkpoint at 224 px and does not normalise.
    "chexgenbench": {
        kind: Preprocessing(224, 224, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
        for kind in (ModelKind.RETRIEVAL, ModelKind.VERIFICATION)
    },
    # Bausch's one embedder for both, 512 x 512 with ImageNet's statistics (Few-Shot-Fingerprinting's test transforms).
    "bausch": {kind: Preprocessing(512, 512) for kind in (ModelKind.RETRIEVAL, ModelKind.VERIFICATION)},
}
"""Preprocessing of the published checkpoints, by where they are used."""

RESIDUAL_EMBEDDERS = frozenset({"bausch"})
"""Presets whose checkpoints are a residual network with a fully connected head, see checkpoint.residual_embedder."""
