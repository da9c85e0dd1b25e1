"""Exact one-sided bounds on a rate, of Clopper and Pearson (1934), and how many patients they need."""

from __future__ import annotations

from functools import lru_cache

from scipy.stats import beta


def upper_bound(events: int, patients: int, risk: float) -> float:
    """The largest rate that is not ruled out: the true one lies above with a probability of at most `risk`.

    Args:
        events: how many of the patients.
        patients: each counted once; 1 is returned for none.
        risk: 1 less the confidence, in (0, 1).
    """
    _check(events, patients, risk)
    return 1.0 if events == patients else float(beta.ppf(1 - risk, events + 1, patients - events))


def lower_bound(events: int, patients: int, risk: float) -> float:
    """The smallest rate that is not ruled out: the true one lies below with a probability of at most `risk`."""
    _check(events, patients, risk)
    return 0.0 if events == 0 else float(beta.ppf(risk, events, patients - events + 1))


@lru_cache
def allowed_misses(patients: int, rate: float, risk: float) -> int:
    """The most misses among so many patients whose upper bound is at most `rate`; -1 where no miss is too many."""
    misses = -1
    while misses + 1 < patients and upper_bound(misses + 1, patients, risk) <= rate:
        misses += 1
    return misses


def patients_needed(rate: float, risk: float, misses: int = 0) -> int:
    """The fewest patients of whom `misses` may be missed for an upper bound of at most `rate`, in (0, 1)."""
    few, many = misses, misses + 1
    while upper_bound(misses, many, risk) > rate:
        few, many = many, 2 * many
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if upper_bound(misses, middle, risk) <= rate else (middle, many)
    return many


def _check(events: int, patients: int, risk: float) -> None:
    if not 0 <= events <= patients:
        raise ValueError(f"expected 0 to {patients} events, got {events}")
    if not 0 < risk < 1:
        raise ValueError(f"expected a risk between 0 and 1, got {risk}")
