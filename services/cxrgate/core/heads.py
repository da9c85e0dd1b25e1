"""How two stored features become a same-patient score. numpy in float64: the same on every back end.

A head's parameters lie in the snapshot, so that the index service, which has no models, can score references too.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.digest import mapping_digest

USUAL = 10
"""The most similar centroids of a cohort whose mean cosine with an image is what is usual for it."""

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
        return sigmoid(self.slope * self.similarity(probe, candidates) + self.offset)

    def similarity(self, probe: Float32s, candidates: Float32s) -> Float64s:
        """Their cosines, float64[m]."""
        return _cosine(probe, candidates)

    def to_json(self) -> dict[str, Any]:
        """See Head."""
        return {"head": "calibrated-cosine", "slope": self.slope, "offset": self.offset}


@dataclass(frozen=True, slots=True, eq=False)
class CohortCosineHead:
    """sigmoid(slope * (cosine - what is usual) + offset): a cosine says more where an image is like few others.

    What is usual for an image is its mean cosine with the USUAL most similar centroids of a cohort, and for two images
    the mean of both's (symmetric score normalisation, Auckenthaler et al. 2000; with the nearest of the cohort alone,
    Karam et al. 2011). On patients that the shipped model was not trained on this raises the true positive rate at a
    false positive rate of 1 % by 0.1.

    Attributes:
        slope: how fast it goes from 0 to 1.
        offset: sets where 0.5 lies.
        cohort: float32[k, d] of unit length, USUAL centroids or more, each of at least 20 patients.
    """

    slope: float
    offset: float
    cohort: Float32s = field(repr=False)
    _centroids: Float64s = field(init=False, repr=False)
    _lengths: Float64s = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.cohort.ndim != 2 or len(self.cohort) < USUAL or not np.isfinite(self.cohort).all():
            raise ValueError(f"expected {USUAL} finite centroids or more, got an array of shape {self.cohort.shape}")
        centroids = self.cohort.astype(np.float64)
        object.__setattr__(self, "_centroids", centroids)
        object.__setattr__(self, "_lengths", np.linalg.norm(centroids, axis=1))

    def score(self, probe: Float32s, candidates: Float32s) -> Float64s:
        """See Head."""
        return sigmoid(self.slope * self.similarity(probe, candidates) + self.offset)

    def similarity(self, probe: Float32s, candidates: Float32s) -> Float64s:
        """Their cosines less what is usual, float64[m]."""
        usual = (self.usual(probe) + np.array([self.usual(row) for row in candidates], np.float64)) / 2
        return _cosine(probe, candidates) - usual

    def usual(self, row: Float32s) -> float:
        """What cosine is usual for one image float32[d], whatever it is scored with."""
        return float(np.sort(_cosines(row.astype(np.float64), self._centroids, self._lengths))[-USUAL:].mean())

    def to_json(self) -> dict[str, Any]:
        """See Head."""
        cohort = {"shape": list(self.cohort.shape), "float32": _to_text(self.cohort)}
        return {"head": "cohort-cosine", "slope": self.slope, "offset": self.offset, "cohort": cohort}


@dataclass(frozen=True, slots=True)
class CosineHead:
    """(1 + cosine) / 2: any embedder as verifier, without a calibration."""

    def score(self, probe: Float32s, candidates: Float32s) -> Float64s:
        """See Head."""
        return (1 + _cosine(probe, candidates)) / 2

    def to_json(self) -> dict[str, Any]:
        """See Head."""
        return {"head": "cosine"}


@dataclass(frozen=True, slots=True)
class RecordedHead:
    """Of a head with a cohort only the digest: what leaves the snapshot holds no centroids. It scores nothing."""

    sha256: str

    def score(self, probe: Float32s, candidates: Float32s) -> Float64s:  # noqa: ARG002
        """Never: TypeError."""
        raise TypeError("a head of which only the digest was recorded cannot score: take it from the model")

    def to_json(self) -> dict[str, Any]:
        """See Head."""
        return {"head": "recorded", "sha256": self.sha256}


def recorded(head: Mapping[str, Any]) -> dict[str, Any]:
    """What of a head's parameters may leave the snapshot: all but a cohort."""
    if "cohort" not in head:
        return dict(head)
    return RecordedHead(mapping_digest(head)).to_json()


def read_head(value: Mapping[str, Any]) -> Head:
    """The head that `to_json` described; KeyError, TypeError or ValueError where it is none."""
    match value["head"]:
        case "siamese":
            return SiameseHead(np.array(value["weight"], np.float64), float(value["bias"]))
        case "calibrated-cosine":
            return CalibratedCosineHead(float(value["slope"]), float(value["offset"]))
        case "cohort-cosine":
            return CohortCosineHead(float(value["slope"]), float(value["offset"]), _from_text(**value["cohort"]))
        case "cosine":
            return CosineHead()
        case "recorded":
            return RecordedHead(str(value["sha256"]))
        case other:
            raise ValueError(f"expected the name of a head, got {other!r}")


def sigmoid(logits: Float64s) -> Float64s:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1, small) / (1 + small), dtype=np.float64)


def _cosine(probe: Float32s, candidates: Float32s) -> Float64s:
    """float64[m] in [-1, 1]; NaN where a vector has no length."""
    others = candidates.astype(np.float64)
    return _cosines(probe.astype(np.float64), others, np.linalg.norm(others, axis=1))


def _cosines(probe: Float64s, others: Float64s, lengths: Float64s) -> Float64s:
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = (others * probe).sum(axis=1) / (np.linalg.norm(probe) * lengths)
    return np.asarray(np.clip(cosine, -1, 1), dtype=np.float64)


def _to_text(values: Float32s) -> str:
    """Little-endian, as base64: a cohort written as numbers would be three times as long."""
    return base64.b64encode(values.astype("<f4").tobytes()).decode()


def _from_text(shape: Sequence[int], float32: str) -> Float32s:
    values = np.frombuffer(base64.b64decode(float32, validate=True), "<f4")
    return values.reshape([int(side) for side in shape]).astype(np.float32)
