"""A verification model whose embedding is the retrieval model's: its rows are taken from that, without a forward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from cxrgate.core.heads import Head
from cxrgate.models.heads import make_head
from cxrgate.models.manifest import WEIGHTS, ModelManifest
from cxrgate.models.networks.architectures import EmbedderArchitecture
from cxrgate.models.runtimes.forward import Forward

_OWN = ("calibration", "cohort", "frontality.")
"""Tensors that an embedding does not depend on, or how their names begin."""


class BorrowedForward:
    """See Forward; the first numbers of the lender's rows are this model's."""

    def __init__(self, manifest: ModelManifest, folder: Path, lender: Forward) -> None:
        """`manifest` is the folder's, with the dtype to compute in; see lends_embedding."""
        self.manifest, self._lender = manifest, lender
        tensors = load_file(folder / WEIGHTS)
        self.head: Head = make_head(manifest.architecture, lambda name: tensors[name].astype(np.float64))

    @property
    def dimensions(self) -> int:
        """Numbers per image."""
        return self.manifest.architecture.outputs

    def __call__(self, pixels: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """See Forward."""
        return self.start(pixels)()

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
    """
    shapes = (lender.architecture, borrower.architecture)
    bare = [replace(shape, frontality=0, cohort=0) for shape in shapes if isinstance(shape, EmbedderArchitecture)]
    same = [(manifest.preprocessing, manifest.dtype) for manifest in (lender, borrower)]
    if len(bare) < len(shapes) or bare[0] != bare[1] or same[0] != same[1]:
        return False
    one, other = (_embedding_tensors(path) for path in (lender_folder, folder))
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def _embedding_tensors(folder: Path) -> dict[str, NDArray[np.generic]]:
    return {name: values for name, values in load_file(folder / WEIGHTS).items() if not name.startswith(_OWN)}
