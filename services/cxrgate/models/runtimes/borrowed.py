"""A verification model whose embedding is the retrieval model's: its rows are taken from that, without a forward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.heads import Head
from cxrgate.models.heads import make_head
from cxrgate.models.manifest import WEIGHTS, ModelManifest
from cxrgate.models.networks.architectures import EmbedderArchitecture
from cxrgate.models.runtimes.forward import Forward
from cxrgate.models.runtimes.openvino.weights import Weights

_OWN = ("calibration", "cohort", "frontality.")
"""Tensors that an embedding does not depend on, or how their names begin."""


class BorrowedForward(Forward):
    """See Forward; the first numbers of the lender's rows are this model's."""

    def __init__(self, manifest: ModelManifest, folder: Path, lender: Forward) -> None:
        """`manifest` is the folder's, with the dtype to compute in; see lends_embedding.

        Raises:
            ModelError: calibration or cohort are not the architecture's.
        """
        self.manifest, self._lender = manifest, lender
        weights, shape = Weights.read(folder / WEIGHTS), manifest.architecture
        own = {"calibration": weights.take("calibration", 2)}
        if isinstance(shape, EmbedderArchitecture) and shape.cohort:
            own["cohort"] = weights.take("cohort", shape.cohort, shape.embedding)
        self.head: Head = make_head(shape, lambda name: own[name].astype(np.float64))

    def start(self, pixels: Sequence[NDArray[np.uint8]]) -> Callable[[], NDArray[np.float32]]:
        """See Forward."""
        finish = self._lender.start(pixels)
        return lambda: finish()[:, : self.dimensions]


def lends_embedding(lender: ModelManifest, lender_folder: Path, borrower: ModelManifest, folder: Path) -> bool:
    """Whether both models make the same embedding of every image, number for number: compared tensor by tensor.

    Args:
        lender: the manifest of the model that computes, with its dtype.
        lender_folder: where that lies.
        borrower: the manifest of the other one, with its dtype.
        folder: where that lies.

    Raises:
        ModelError: the weights of one cannot be read.
    """
    shapes = (lender.architecture, borrower.architecture)
    bare = [replace(shape, frontality=0, cohort=0) for shape in shapes if isinstance(shape, EmbedderArchitecture)]
    same = [(manifest.preprocessing, manifest.dtype) for manifest in (lender, borrower)]
    if len(bare) < len(shapes) or bare[0] != bare[1] or same[0] != same[1]:
        return False
    one, other = (Weights.read(path / WEIGHTS).all_but(_OWN) for path in (lender_folder, folder))
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)
