"""How two stored features become a same-patient score. numpy in float64: the same on every back end.

A head's parameters lie in the snapshot, so that the index service, which has no models, can score references too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]


class Head(Protocol):
    """Scores one probe's features against its candidates'."""

    def score(self, probe: Float32s, candidates: Float32s) -> Float64s:
        """float32[d] against float32[m, d]: float64[m] in [0, 1]; NaN features give NaN."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Its parameters, for `read_head`."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class SiameseHead:
    """sigmoid(weight . |f(a) - f(b)| + bias), Packhäuser et al. 2022."""

    weight: Float64s = field(repr=False)
    bias: float

    def score(self, probe: Float32s, candidates: Float32s) -> Float64s:
        """See Head."""
        difference = np.abs(probe.astype(np.float64) - candidates.astype(np.float64))
        return sigmoid((difference * self.weight).sum(axis=1) + self.bias)

    def to_json(self) -> dict[str, Any]:
        """See Head."""
        return {"head": "siamese", "weight": self.weight.tolist(), "bias": self.bias}


@dataclass(frozen=True, slots=True)
class CalibratedCosineHead:
    """sigmoid(slope * cosine + offset), both fitted on patients that the embedder was not trained on."""

    slope: float
    offset: float

    def score(self, probe: Float32s, candidates: Float32s) -> Float64s:
        """See Head."""
        return sigmoid(self.slope * _cosine(probe, candidates) + self.offset)

    def to_json(self) -> dict[str, Any]:
        """See Head."""
        return {"head": "calibrated-cosine", "slope": self.slope, "offset": self.offset}


@dataclass(frozen=True, slots=True)
class CosineHead:
    """(1 + cosine) / 2: any embedder as verifier, without a calibration."""

    def score(self, probe: Float32s, candidates: Float32s) -> Float64s:
        """See Head."""
        return (1 + _cosine(probe, candidates)) / 2

    def to_json(self) -> dict[str, Any]:
        """See Head."""
        return {"head": "cosine"}


def read_head(value: Mapping[str, Any]) -> Head:
    """The head that `to_json` described; KeyError, TypeError or ValueError where it is none."""
    match value["head"]:
        case "siamese":
            return SiameseHead(np.array(value["weight"], np.float64), float(value["bias"]))
        case "calibrated-cosine":
            return CalibratedCosineHead(float(value["slope"]), float(value["offset"]))
        case "cosine":
            return CosineHead()
        case other:
            raise ValueError(f"expected the name of a head, got {other!r}")


def sigmoid(logits: Float64s) -> Float64s:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1, small) / (1 + small), dtype=np.float64)


def _cosine(probe: Float32s, candidates: Float32s) -> Float64s:
    """float64[m] in [-1, 1]; NaN where a vector has no length."""
    a, b = probe.astype(np.float64), candidates.astype(np.float64)
    lengths = np.linalg.norm(a) * np.linalg.norm(b, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = (b * a).sum(axis=1) / lengths
    return np.asarray(np.clip(cosine, -1, 1), dtype=np.float64)
