"""Models that answer at once: what is left of a run is everything that is not a forward.

Their rows are drawn once for each kind of model and picked by a few pixels, so that equal pictures have equal rows,
different ones have (nearly always) different rows, and no row of one model is taken for another's.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.heads import CalibratedCosineHead
from cxrgate.gate import local, opening
from cxrgate.models import ModelManifest, read_manifest
from cxrgate.models.resize import resize

ROWS = 4096


class NullForward:
    """Stands for a model of a folder, which it does not load."""

    def __init__(self, manifest: ModelManifest) -> None:
        self.manifest, self.dimensions = manifest, manifest.architecture.outputs
        self.head = CalibratedCosineHead(0.0, -5.0)
        rows = np.random.default_rng(zlib.crc32(manifest.kind.encode())).standard_normal(
            (ROWS, self.dimensions), np.float32
        )
        self._rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def __call__(self, pixels: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """A row for each image."""
        return self._rows[[zlib.crc32(np.ascontiguousarray(image[::16, ::16])) % ROWS for image in pixels]]

    def start(self, pixels: Sequence[NDArray[np.uint8]]) -> Callable[[], NDArray[np.float32]]:
        """As the models' own."""
        rows = self(pixels)
        return lambda: rows


class ServedNullForward(NullForward):
    """As NullForward, of the pixels as a model server is sent them: it answers with the same rows there and here."""

    def __call__(self, pixels: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """A row for each image."""
        return super().__call__([resize(image, self.manifest.preprocessing) for image in pixels])


@contextmanager
def null_models(forward: type[NullForward] = NullForward) -> Iterator[None]:
    """Models that are opened in this process meanwhile are null models, each with its own rows, as a server's are."""

    def opened(folder: Path, _device: str = "cpu", manifest: ModelManifest | None = None) -> NullForward:
        return forward(manifest or read_manifest(folder))

    with (
        mock.patch.object(local, "open_forward", opened),
        mock.patch.object(local, "borrowed_head", return_value=None),
        mock.patch.object(opening, "borrowed_head", return_value=None),
    ):
        yield
