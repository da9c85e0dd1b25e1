"""Where models compute: on the CPU, or on one of this machine's GPUs."""

from __future__ import annotations

import re

from cxrgate.core import UsageError
from cxrgate.core.counted import counted
from cxrgate.models.torch_extra import expect_torch

_NAMES = re.compile(r"cpu|cuda(?::[0-9]{1,3})?")


def device_name(value: str) -> str:
    """The name as it is; ValueError where it is no device's."""
    if _NAMES.fullmatch(value) is None:
        raise ValueError(f"expected cpu, cuda for a GPU, or cuda:1 for the second one, got {value!r}")
    return value


def expect_device(device: str) -> None:
    """Check that this machine has the device, which takes no time for the CPU.

    Raises:
        UsageError: there is no such device, or no such GPU here.
        ModelError: it is a GPU, and PyTorch is not installed.
    """
    try:
        device_name(device)
    except ValueError as error:
        raise UsageError(f"device: {error}") from error
    if device == "cpu":
        return
    expect_torch(f"the device {device}")
    import torch  # noqa: PLC0415 - not installed where a CPU computes

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        raise UsageError(f"the device {device}: PyTorch finds no GPU on this machine; cpu computes without one")
    number = int(device.partition(":")[2] or 0)
    if number >= count:
        raise UsageError(f"the device {device}: this machine has {counted(count, 'GPU')}, counted from cuda:0")
