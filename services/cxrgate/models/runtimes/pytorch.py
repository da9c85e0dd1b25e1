"""A model's forward pass by PyTorch: on a GPU, in training, and where OpenVINO does not have the dtype."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from cxrgate.core.heads import Head
from cxrgate.models.heads import make_head
from cxrgate.models.manifest import Dtype, ModelManifest
from cxrgate.models.networks.published import SiameseNetwork
from cxrgate.models.resize import resize
from cxrgate.models.runtimes.forward import Forward
from cxrgate.models.runtimes.transfers import Transfers, transfers_to
from cxrgate.models.store import StoredModel

CPU_BATCH = 8
"""Images per forward on the CPU: activations stay near the caches (measured 1 to 32, best from 8 on)."""
GPU_BATCH = 64

_one_at_a_time = Lock()
"""Held by who computes on the CPU."""

_DTYPES = {Dtype.FLOAT32: torch.float32, Dtype.BFLOAT16: torch.bfloat16, Dtype.FLOAT16: torch.float16}


class _Features(nn.Module):
    """The branch f(x) of a Siamese network, as a module of its own."""

    def __init__(self, network: SiameseNetwork) -> None:
        super().__init__()
        self.model = network.model

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.model(x))


def folded(network: nn.Module) -> nn.Module:
    """float[n, 3, h, w] to rows, batch norms folded into convolutions: of a Siamese network its branch."""
    branch = _Features(network) if isinstance(network, SiameseNetwork) else network
    result: nn.Module = fuse(branch.eval())
    return result


class TorchForward(Forward):
    """A model ready to run: batch norms folded, channels last, in the manifest's dtype."""

    def __init__(self, model: StoredModel, device: str = "cpu", transfers: Transfers | None = None) -> None:
        """Fold and move `model`; its own network is left as it is. Without `transfers` they are the device's."""
        self.manifest: ModelManifest = model.manifest
        state = model.network.state_dict()
        self.head: Head = make_head(
            model.manifest.architecture, lambda name: state[name].cpu().numpy().astype(np.float64)
        )
        self._device = torch.device(device)
        self._transfers = transfers or transfers_to(self._device)
        self._dtype = _DTYPES[model.manifest.dtype]
        self._network = folded(model.network).to(self._device, self._dtype).to(memory_format=torch.channels_last)
        preprocessing = model.manifest.preprocessing
        self._mean = torch.tensor(preprocessing.mean).view(1, 3, 1, 1).to(self._device)
        self._std = torch.tensor(preprocessing.std).view(1, 3, 1, 1).to(self._device)
        self._batch = CPU_BATCH if self._device.type == "cpu" else GPU_BATCH

    def start(self, pixels: Sequence[NDArray[np.uint8]]) -> Callable[[], NDArray[np.float32]]:
        """See models.runtimes.forward.Forward.

        The CPU computes all at once, and for one model at a time, for PyTorch's threads share no cores. A GPU is given
        every batch, and is waited for when the rows are asked for.
        """
        inputs = [resize(image, self.manifest.preprocessing) for image in pixels]
        with nullcontext() if self._device.type != "cpu" else _one_at_a_time:
            rows = [self._queue(inputs[i : i + self._batch]) for i in range(0, len(inputs), self._batch)]
        wait = self._transfers.mark()

        def finish() -> NDArray[np.float32]:
            wait()
            return np.concatenate([part.numpy() for part in rows]) if rows else self._no_rows()

        return finish

    def _no_rows(self) -> NDArray[np.float32]:
        return np.empty((0, self.dimensions), np.float32)

    @torch.inference_mode()
    def _queue(self, inputs: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Where the rows of a batch will lie, on the host."""
        pixels = self._transfers.array((len(inputs), *inputs[0].shape), torch.uint8)
        np.stack(inputs, out=pixels.numpy())
        grey = pixels.to(self._device, non_blocking=True).unsqueeze(1).to(torch.float32) / 255
        batch = ((grey - self._mean) / self._std).to(self._dtype, memory_format=torch.channels_last)
        found = self._network(batch)
        rows = self._transfers.array(found.shape, torch.float32)
        return rows.copy_(found, non_blocking=True)
