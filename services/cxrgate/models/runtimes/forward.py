"""One model's forward pass on 8-bit grey images, by whichever runtime computes it: the same in a model server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.heads import Head
from cxrgate.models.devices import expect_device
from cxrgate.models.manifest import ModelManifest, read_manifest
from cxrgate.models.torch_extra import expect_torch


class Forward(Protocol):
    """A model that is ready to run.

    Attributes:
        manifest: what the model is, with the dtype that it computes in.
        head: how two of its rows become a score.
    """

    manifest: ModelManifest
    head: Head

    @property
    def dimensions(self) -> int:
        """Numbers per image."""
        return self.manifest.architecture.outputs

    def __call__(self, pixels: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Images uint8[h, w] of any shape to float32[n, dimensions]: embeddings, or features f(x) in (0, 1).

        A row may hold NaN or infinity when the weights or the dtype fail; the caller makes that a Failure.
        """
        return self.start(pixels)()

    def start(self, pixels: Sequence[NDArray[np.uint8]]) -> Callable[[], NDArray[np.float32]]:
        """Begin, and give what waits for the rows: other images and other models may be asked for meanwhile."""
        ...


def open_forward(folder: Path, device: str = "cpu", manifest: ModelManifest | None = None) -> Forward:
    """The model in `folder`, ready to run: by OpenVINO on the CPU, by PyTorch on a GPU.

    On a CPU for which OpenVINO lacks the dtype PyTorch computes in it, which is slower; no other dtype is taken.

    Args:
        folder: the model folder.
        device: `cpu`, or PyTorch's name of a GPU (`cuda`, `cuda:1`).
        manifest: the folder's as it was read, with the dtype to compute in; None reads it.

    Raises:
        ModelError: the folder or a tensor is not what its manifest says, or PyTorch is needed and not installed.
        UsageError: there is no such device here.
    """
    expect_device(device)
    manifest = manifest or read_manifest(folder)
    if device != "cpu":
        return _by_torch(folder, manifest, device, f"the device {device}")
    # Each runtime is imported by those who compute with it: it takes a while, and PyTorch may not be installed.
    from cxrgate.models.runtimes.openvino.forward import DtypeMissing, OpenVinoForward  # noqa: PLC0415

    try:
        return OpenVinoForward(manifest, folder)
    except DtypeMissing as error:
        return _by_torch(folder, manifest, device, str(error))


def _by_torch(folder: Path, manifest: ModelManifest, device: str, purpose: str) -> Forward:
    expect_torch(purpose)
    from cxrgate.models.runtimes.pytorch import TorchForward  # noqa: PLC0415
    from cxrgate.models.store import load_model  # noqa: PLC0415

    return TorchForward(load_model(folder, manifest), device)
