"""Galleries of exact sizes, drawn at random from all images of a listing, and who is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from cxrgate.growth.scores import Everything

_UNENROLLED = 0.3
"""Share of the unseen patients who are left out of a gallery, to be flagged or not."""

Int64s = NDArray[np.int64]
_NONE = np.empty(0, np.int64)


class Protocol(StrEnum):
    """Which images of a patient are enrolled."""

    ONE_REFERENCE = "one_reference"
    ALL_BUT_QUERY = "all_but_query"
    AT_RANDOM = "at_random"
    """Images are drawn one by one, whoever's they are: for false flags."""


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Rows of one drawing, and the random numbers that go on where it ended."""

    enrolled: Int64s
    queries: Int64s
    """One left-out image of each enrolled patient who has several and whom no model saw; empty for AT_RANDOM."""
    unenrolled: Int64s
    """One image of each patient who was left out."""
    rng: np.random.Generator = field(repr=False)


def draw(everything: Everything, pool: NDArray[np.bool_], protocol: Protocol, size: int, number: int) -> Gallery | None:
    """The drawing of this number: a gallery of exactly `size` references; the unseen patients come first.

    Args:
        everything: all images.
        pool: which of them may be drawn, bool[n].
        protocol: which images of a patient are enrolled.
        size: references.
        number: the same number gives the same gallery.
    """
    rng = np.random.default_rng([number, size])
    groups = _groups(everything.patients, np.flatnonzero(pool & everything.unseen), rng)
    left_out = round(_UNENROLLED * len(groups))
    if protocol is Protocol.ONE_REFERENCE:
        # Nearly every patient is needed for the largest size: then fewer are left out.
        left_out = min(left_out, len(np.unique(everything.patients[pool])) - size)
    left_out = max(1, left_out) if groups else 0
    unenrolled = np.array([group[0] for group in groups[:left_out]], np.int64)
    rest = groups[left_out:]
    fillers = _groups(everything.patients, np.flatnonzero(pool & ~everything.unseen), rng)
    if protocol is Protocol.AT_RANDOM:
        images = [rng.permutation(np.concatenate(part)) for part in (rest, fillers) if part]
        enrolled, queries = np.concatenate([_NONE, *images])[:size], _NONE
    else:
        most = 1 if protocol is Protocol.ONE_REFERENCE else size
        enrolled, queries = _enrolled(everything, [*rest, *fillers], most)
        enrolled = enrolled[:size]
        queries = queries[np.isin(everything.patients[queries], everything.patients[enrolled])]
    if len(enrolled) < size or not len(unenrolled):
        return None
    return Gallery(enrolled, queries, unenrolled, rng)


def _enrolled(everything: Everything, groups: Sequence[Int64s], most: int) -> tuple[Int64s, Int64s]:
    """Of each patient at most so many images, all but the first where there are several; and those first ones."""
    kept = [(group[1:] if len(group) > 1 else group)[:most] for group in groups]
    queries = [group[:1] for group in groups if len(group) > 1 and everything.unseen[group[0]]]
    return np.concatenate([_NONE, *kept]), np.concatenate([_NONE, *queries])


def draw_gallery(count: int, size: int, draw: int) -> Int64s | None:
    """Rows of `size` of `count` images, drawn at random; None where there are too few."""
    rows = np.random.default_rng([draw, size, 1]).permutation(count)[:size]
    return rows if len(rows) == size else None


def _groups(patients: Int64s, rows: Int64s, rng: np.random.Generator) -> list[Int64s]:
    """The rows of each patient, patients and images in random order."""
    shuffled = rng.permutation(rows)
    order = shuffled[np.argsort(patients[shuffled], kind="stable")]
    parts = np.split(order, np.flatnonzero(np.diff(patients[order])) + 1) if len(order) else []
    return [parts[place] for place in rng.permutation(len(parts))]
