"""A model's tensors, each asked for by its name and shape, so that none is missing, misshapen or left over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from cxrgate.core import ModelError
from cxrgate.models.manifest import WEIGHTS, ModelManifest, read_weights

Float32s = NDArray[np.float32]


class Weights:
    """What a network is built from."""

    def __init__(self, tensors: Mapping[str, NDArray[np.generic]]) -> None:
        """Tensors by the names of the PyTorch network."""
        self._tensors = dict(tensors)

    @classmethod
    def read(cls, folder: Path, manifest: ModelManifest) -> Weights:
        """A model folder's; ModelError where they are not those that its manifest names, or no safetensors."""
        try:
            return cls(load(read_weights(folder, manifest)))
        except SafetensorError as error:
            raise ModelError(f"{folder / WEIGHTS}: {error}") from error

    def take(self, name: str, *shape: int) -> Float32s:
        """The tensor float32[shape], which is then used up.

        Raises:
            ModelError: it is missing, of another shape, or holds a number that is not finite.
        """
        if name not in self._tensors:
            raise ModelError(f"the tensors are not those of the architecture: {name} is missing")
        found = self._tensors.pop(name)
        if found.shape != shape:
            raise ModelError(f"{name} has the shape {list(found.shape)}, the architecture wants {list(shape)}")
        if not np.isfinite(found).all():
            raise ModelError(f"{name} holds numbers that are not finite")
        return found.astype(np.float32)

    def peek(self, name: str) -> NDArray[np.float64]:
        """A tensor that is left in place; KeyError where there is none."""
        return self._tensors[name].astype(np.float64)

    def all_but(self, names: Collection[str], beginning: str | None = None) -> dict[str, NDArray[np.generic]]:
        """The tensors, left in place, with other names than these, which begin otherwise, too."""
        found = {name: values for name, values in self._tensors.items() if name not in names}
        return {name: found[name] for name in found if beginning is None or not name.startswith(beginning)}

    def finish(self) -> None:
        """Raise ModelError where a tensor has not been used."""
        if self._tensors:
            raise ModelError(f"the tensors are not those of the architecture: {sorted(self._tensors)[:3]} are too many")
