"""How well scores tell patients apart: verification and retrieval figures with intervals over patients.

The unit of the bootstrap is the patient: images of one patient are not independent (Packhäuser et al. 2022 resample
pairs, which makes intervals too narrow).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]

BINS = 20_000
"""Scores are binned by rank for the bootstrap alone: no figure moves by more than 1 / BINS."""
REPLICATES = 200
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its 95 % bootstrap interval over patients; NaN where there is nothing to measure."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Scored pairs of one source: float64[p], which are of one patient, and the patients int64[p] on both sides."""

    scores: Float64s = field(repr=False)
    same: NDArray[np.bool_] = field(repr=False)
    first: Int64s = field(repr=False)
    second: Int64s = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """Per query, float64[q]: precision at 1, average precision at R, R-precision, and the query's patient."""

    precision_at_1: Float64s
    average_precision: Float64s
    r_precision: Float64s
    patients: Int64s


def all_pairs(similarities: Float64s, patients: Int64s) -> Pairs:
    """Every pair of images once.

    Args:
        similarities: float64[n, n], higher is more alike.
        patients: int64[n].
    """
    rows, columns = np.triu_indices(len(patients), 1)
    first, second = patients[rows], patients[columns]
    return Pairs(similarities[rows, columns], first == second, first, second)


def rank_queries(similarities: Float64s, patients: Int64s) -> Queries:
    """Let every image whose patient has another one query all other images (Musgrave et al. 2020 for mAP@R).

    Args:
        similarities: float64[n, n], higher is more alike; ties are broken by order.
        patients: int64[n].
    """
    relevant = np.bincount(patients)[patients] - 1
    queries = np.flatnonzero(relevant > 0)
    figures = np.empty((3, len(queries)))
    for column, query in enumerate(queries):
        count = relevant[query]
        distances = -similarities[query]
        distances[query] = np.inf
        nearest = np.argsort(distances, kind="stable")[:count]
        hits = patients[nearest] == patients[query]
        precision = np.cumsum(hits) / np.arange(1, count + 1)
        figures[:, column] = hits[0], (precision * hits).sum() / count, hits.mean()
    return Queries(figures[0], figures[1], figures[2], patients[queries])


def verification_figures(sources: Sequence[Pairs], replicates: int = REPLICATES, seed: int = 0) -> dict[str, Figure]:
    """AUC, and TPR at FPR 1 % and 0.1 %, of the pooled pairs of one or more sources.

    Args:
        sources: patients of different sources must have different numbers.
        replicates: bootstrap resamples of patients.
        seed: of the resampling.
    """
    names = ("auc", "tpr_at_fpr_1pct", "tpr_at_fpr_0.1pct")
    if not any(part.same.any() for part in sources) or all(part.same.all() for part in sources):
        return dict.fromkeys(names, _NOTHING)
    pooled = Pairs(*(np.concatenate([getattr(part, name) for part in sources]) for name in Pairs.__slots__))
    exact = _exact(pooled)
    bins = _rank_bins(pooled.scores)
    draws = []
    patients, first, second = _renumbered(pooled)
    for weights in _resamples(patients, replicates, seed):
        # A pair of one patient counts as often as the patient was drawn, one of two patients by the product.
        drawn = np.where(pooled.same, weights[first], weights[first] * weights[second])
        positive = _counted(bins, np.where(pooled.same, drawn, 0))
        negative = _counted(bins, np.where(pooled.same, 0, drawn))
        if positive.sum() and negative.sum():
            draws.append(_binned(positive, negative))
    return {
        name: _figure(value, [draw[i] for draw in draws])
        for i, (name, value) in enumerate(zip(names, exact, strict=True))
    }


def retrieval_figures(sources: Sequence[Queries], replicates: int = REPLICATES, seed: int = 0) -> dict[str, Figure]:
    """P@1, mAP@R and R-precision over the pooled queries; each source's gallery was its own."""
    names = {"p_at_1": "precision_at_1", "map_at_r": "average_precision", "r_precision": "r_precision"}
    patients = np.concatenate([part.patients for part in sources]) if sources else np.empty(0, np.int64)
    if not len(patients):
        return dict.fromkeys(names, _NOTHING)
    values = {name: np.concatenate([getattr(part, field) for part in sources]) for name, field in names.items()}
    found, numbers = np.unique(patients, return_inverse=True)
    weights = [weight[numbers] for weight in _resamples(len(found), replicates, seed)]
    return {
        name: _figure(float(column.mean()), [float(np.average(column, weights=weight)) for weight in weights])
        for name, column in values.items()
    }


_NOTHING = Figure(float("nan"), float("nan"), float("nan"))


def _exact(pairs: Pairs) -> tuple[float, float, float]:
    positive, negative = pairs.scores[pairs.same], np.sort(pairs.scores[~pairs.same])
    below = np.searchsorted(negative, positive, "left") + np.searchsorted(negative, positive, "right")
    auc = float(below.mean() / 2 / len(negative))
    return auc, _tpr(positive, negative, 0.01), _tpr(positive, negative, 0.001)


def _tpr(positive: Float64s, negative: Float64s, rate: float) -> float:
    """Share of positives above the threshold that at most `rate` of the sorted negatives exceed."""
    allowed = int(np.floor(rate * len(negative)))
    threshold = negative[len(negative) - 1 - allowed]
    return float((positive > threshold).mean())


def _rank_bins(scores: Float64s) -> Int64s:
    """Bins of equal count over distinct scores: equal scores share one."""
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, BINS)))
    return np.clip(np.searchsorted(edges, scores, "right") - 1, 0, BINS - 1)


def _renumbered(pairs: Pairs) -> tuple[int, Int64s, Int64s]:
    """How many patients the pairs have, and both sides with numbers below that: only these are resampled."""
    found, numbers = np.unique(np.concatenate([pairs.first, pairs.second]), return_inverse=True)
    return len(found), numbers[: len(pairs.first)], numbers[len(pairs.first) :]


def _counted(bins: Int64s, weights: NDArray[np.generic]) -> Float64s:
    return np.asarray(np.bincount(bins, weights.astype(np.float64), BINS), dtype=np.float64)


def _binned(positive: Float64s, negative: Float64s) -> tuple[float, float, float]:
    p, n = positive / positive.sum(), negative / negative.sum()
    below = np.cumsum(n) - n / 2
    above_p, above_n = np.cumsum(p[::-1]), np.cumsum(n[::-1])
    return float((p * below).sum()), _at(above_p, above_n, 0.01), _at(above_p, above_n, 0.001)


def _at(above_p: Float64s, above_n: Float64s, rate: float) -> float:
    last = int(np.searchsorted(above_n, rate, "right")) - 1
    return float(above_p[last]) if last >= 0 else 0.0


def _resamples(patients: int, replicates: int, seed: int) -> Sequence[Int64s]:
    rng = np.random.default_rng(seed)
    return [np.bincount(rng.integers(patients, size=patients), minlength=patients) for _ in range(replicates)]


def _figure(value: float, draws: Sequence[float]) -> Figure:
    if not draws:
        return Figure(value, float("nan"), float("nan"))
    low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Figure(value, float(low), float(high))
