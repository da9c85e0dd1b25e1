"""The host's side of a device that computes by itself: memory that it copies from and to, and waiting for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor


class Transfers(Protocol):
    """What a forward asks of the way to its device."""

    def array(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Memory of the host, its content not set, that copies to and from the device run beside its computing with."""
        ...

    def mark(self) -> Callable[[], None]:
        """What waits until all is done that the device was given so far."""
        ...


class HostTransfers:
    """Of the CPU, which is done with everything when a call returns."""

    def array(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """See Transfers."""
        return torch.empty(tuple(shape), dtype=dtype)

    def mark(self) -> Callable[[], None]:
        """See Transfers."""
        return _nothing


class CudaTransfers:
    """Of a GPU: pinned memory, which its copy engine reads and writes without the CPU, and an event in its queue."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def array(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """See Transfers; PyTorch gives the memory to nobody else before copies from and to it are done."""
        return torch.empty(tuple(shape), dtype=dtype, pin_memory=True)

    def mark(self) -> Callable[[], None]:
        """See Transfers."""
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self._device))

        def wait() -> None:
            event.synchronize()

        return wait


def _nothing() -> None:
    pass


def transfers_to(device: torch.device) -> Transfers:
    """Those of a device."""
    return CudaTransfers(device) if device.type == "cuda" else HostTransfers()
