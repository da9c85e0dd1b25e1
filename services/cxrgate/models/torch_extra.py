"""What needs PyTorch says so where it is not installed: a gate on a CPU has none."""

from __future__ import annotations

import importlib.util

from cxrgate.core import ModelError


def expect_torch(purpose: str) -> None:
    """Raise ModelError unless PyTorch is installed; `purpose` is what needs it."""
    if importlib.util.find_spec("torch") is None:
        raise ModelError(f"{purpose} needs PyTorch: install cxrgate[torch]")
