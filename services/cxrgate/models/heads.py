"""How two stored features become a same-patient score. numpy in float64: the same on every back end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cxrgate.models.networks.architectures import Architecture, EmbedderArchitecture, VerificationArchitecture

Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]


class Head(Protocol):
    """Scores one probe's features against its candidates'."""

    def score(self, probe: Float32s, candidates: Float32s) -> Float64s:
        """float32[d] against float32[m, d]: float64[m] in [0, 1]; NaN features give NaN."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class SiameseHead:
    """sigmoid(weight . |f(a) - f(b)| + bias), Packhäuser et al. 2022."""

    weight: Float64s = field(repr=False)
    bias: float

    def score(self, probe: Float32s, candidates: Float32s) -> Float64s:
        """See Head."""
        difference = np.abs(probe.astype(np.float64) - candidates.astype(np.float64))
        return np.asarray(expit((difference * self.weight).sum(axis=1) + self.bias), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class CalibratedCosineHead:
    """sigmoid(slope * cosine + offset), both fitted on patients that the embedder was not trained on."""

    slope: float
    offset: float

    def score(self, probe: Float32s, candidates: Float32s) -> Float64s:
        """See Head."""
        return np.asarray(expit(self.slope * _cosine(probe, candidates) + self.offset), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class CosineHead:
    """(1 + cosine) / 2: any embedder as verifier, without a calibration."""

    def score(self, probe: Float32s, candidates: Float32s) -> Float64s:
        """See Head."""
        return (1 + _cosine(probe, candidates)) / 2


def make_head(architecture: Architecture, tensor: Callable[[str], Float64s]) -> Head:
    """The head that belongs to a network; `tensor` gives one of its tensors by name."""
    match architecture:
        case VerificationArchitecture():
            return SiameseHead(tensor("fc_end.weight")[0], float(tensor("fc_end.bias")[0]))
        case EmbedderArchitecture():
            slope, offset = tensor("calibration").tolist()
            return CalibratedCosineHead(slope, offset)
        case _:
            return CosineHead()


def _cosine(probe: Float32s, candidates: Float32s) -> Float64s:
    """float64[m] in [-1, 1]; NaN where a vector has no length."""
    a, b = probe.astype(np.float64), candidates.astype(np.float64)
    lengths = np.linalg.norm(a) * np.linalg.norm(b, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = (b * a).sum(axis=1) / lengths
    return np.asarray(np.clip(cosine, -1, 1), dtype=np.float64)
