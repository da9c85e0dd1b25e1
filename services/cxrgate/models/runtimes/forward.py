"""One model's forward pass on packed 8-bit grey images: the same code locally and in a TorchServe handler."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from cxrgate.models.heads import CalibratedCosineHead, CosineHead, Head, SiameseHead
from cxrgate.models.manifest import Dtype, ModelManifest
from cxrgate.models.networks.embedder import Embedder
from cxrgate.models.networks.published import SiameseNetwork
from cxrgate.models.resize import resize
from cxrgate.models.store import StoredModel

CPU_BATCH = 8
"""Images per forward on the CPU: activations stay near the caches (measured 1 to 32, best from 8 on)."""
GPU_BATCH = 64

_DTYPES = {Dtype.FLOAT32: torch.float32, Dtype.BFLOAT16: torch.bfloat16, Dtype.FLOAT16: torch.float16}


class _Features(nn.Module):
    """The branch f(x) of a Siamese network, as a module of its own."""

    def __init__(self, network: SiameseNetwork) -> None:
        super().__init__()
        self.model = network.model

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.model(x))


class Forward:
    """A model ready to run: batch norms folded, channels last, in the manifest's dtype."""

    def __init__(self, model: StoredModel, device: str = "cpu") -> None:
        """Fold and move `model`; its own network is left as it is."""
        self.manifest: ModelManifest = model.manifest
        self.head: Head = _head(model)
        self._device = torch.device(device)
        self._dtype = _DTYPES[model.manifest.dtype]
        branch = _Features(model.network) if isinstance(model.network, SiameseNetwork) else model.network
        folded = fuse(branch.eval())
        self._network = folded.to(self._device, self._dtype).to(memory_format=torch.channels_last)
        preprocessing = model.manifest.preprocessing
        self._mean = torch.tensor(preprocessing.mean).view(1, 3, 1, 1).to(self._device)
        self._std = torch.tensor(preprocessing.std).view(1, 3, 1, 1).to(self._device)
        self._batch = CPU_BATCH if self._device.type == "cpu" else GPU_BATCH

    @property
    def dimensions(self) -> int:
        """Numbers per image."""
        return self.manifest.architecture.outputs

    def __call__(self, pixels: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Images uint8[h, w] of any shape to float32[n, dimensions]: embeddings, or features f(x) in (0, 1).

        A row may hold NaN or infinity when the weights or the dtype fail; the caller makes that a Failure.
        """
        inputs = [resize(image, self.manifest.preprocessing) for image in pixels]
        rows = [self._run(inputs[i : i + self._batch]) for i in range(0, len(inputs), self._batch)]
        return np.concatenate(rows) if rows else np.empty((0, self.dimensions), np.float32)

    @torch.inference_mode()
    def _run(self, inputs: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        grey = torch.from_numpy(np.stack(inputs)).to(self._device).unsqueeze(1).to(torch.float32) / 255
        batch = ((grey - self._mean) / self._std).to(self._dtype, memory_format=torch.channels_last)
        return np.asarray(self._network(batch).to("cpu", torch.float32).numpy())


def _head(model: StoredModel) -> Head:
    if isinstance(model.network, SiameseNetwork):
        weight = model.network.fc_end.weight.detach().numpy().astype(np.float64)[0]
        return SiameseHead(weight, model.network.fc_end.bias.item())
    if isinstance(model.network, Embedder):
        slope, offset = model.network.calibration.tolist()
        return CalibratedCosineHead(slope, offset)
    return CosineHead()
