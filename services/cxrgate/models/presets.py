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
}
"""Preprocessing of the published checkpoints, by where they are used."""
