"""OpenVINO, imported so that it sends nothing, and the names that its graphs are built with."""

from __future__ import annotations

import sys
from typing import Any

# Its import reports to its makers by way of Google Analytics, unasked. None makes the import of the package that does
# so fail, upon which OpenVINO takes a stub of its own, which does nothing.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import openvino  # noqa: E402
from openvino import opset13 as ops  # noqa: E402

Node = Any
"""A node of a graph; OpenVINO's package is not typed."""

__all__ = ["Node", "openvino", "ops"]
