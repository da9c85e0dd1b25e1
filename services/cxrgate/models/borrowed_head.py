"""The head of a verification model whose embedding is the retrieval model's: it scores that one's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from cxrgate.core.heads import Head
from cxrgate.models.heads import make_head
from cxrgate.models.manifest import ModelKind, ModelManifest
from cxrgate.models.networks.architectures import EmbedderArchitecture
from cxrgate.models.runtimes.openvino.weights import Weights

_OWN, _FRONTALITY = ("calibration", "cohort"), "frontality."
"""Tensors that an embedding does not depend on: of both models, and how the names of the retrieval model's begin."""


def borrowed_head(folders: Mapping[ModelKind, Path], manifests: Mapping[ModelKind, ModelManifest]) -> Head | None:
    """What scores the embeddings of the retrieval model as the verification model would; None where that has its own.

    Both make the same embedding of every image where their networks are the same, number for number: they are compared
    tensor by tensor.

    Args:
        folders: of both models.
        manifests: what these folders hold, with the dtype that each model computes in.

    Raises:
        ModelError: the weights of one cannot be read, or calibration or cohort are not the architecture's.
    """
    lender, borrower = manifests[ModelKind.RETRIEVAL], manifests[ModelKind.VERIFICATION]
    one, other = lender.architecture, borrower.architecture
    if not (isinstance(one, EmbedderArchitecture) and isinstance(other, EmbedderArchitecture)):
        return None
    bare = [replace(shape, frontality=0, cohort=0) for shape in (one, other)]
    if bare[0] != bare[1] or (lender.preprocessing, lender.dtype) != (borrower.preprocessing, borrower.dtype):
        return None
    weights = [Weights.read(folders[kind], manifests[kind]) for kind in (ModelKind.RETRIEVAL, ModelKind.VERIFICATION)]
    lent, own = weights[0].all_but(_OWN, _FRONTALITY), weights[1].all_but(_OWN)
    if lent.keys() != own.keys() or not all(np.array_equal(lent[name], own[name]) for name in lent):
        return None
    return _head(weights[1], other)


def _head(weights: Weights, shape: EmbedderArchitecture) -> Head:
    own = {"calibration": weights.take("calibration", 2)}
    if shape.cohort:
        own["cohort"] = weights.take("cohort", shape.cohort, shape.embedding)
    return make_head(shape, lambda name: own[name].astype(np.float64))
