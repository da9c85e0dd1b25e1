"""Which images make a batch: blocks of one patient's images, or balanced pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import UsageError

Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Rows of the training set, int64[n], their labels int64[n], and the source that all of them come from."""

    rows: Int64s
    labels: Int64s
    source: int


class PatientBlocks:
    """Batches of `patients` patients of one source with `images` images each.

    Pairs across sources are trivially easy, so a batch holds one source; sources are drawn by the square root of
    the number of their images, so that small ones are heard.
    """

    def __init__(self, labels: Int64s, sources: Int64s, patients: int, images: int, several: float) -> None:
        """`several` is the share of patients with two or more images.

        Raises:
            UsageError: no patient has two images although some should.
        """
        self._patients, self._images, self._several = patients, images, several
        self._groups = {
            int(source): _groups(labels, np.flatnonzero(sources == source)) for source in np.unique(sources)
        }
        if several and not any(many for many, _ in self._groups.values()):
            raise UsageError("no patient of the training part has two or more images: this loss needs them")
        sizes = np.sqrt([sum(map(len, many)) + len(one) for many, one in self._groups.values()])
        self._odds = sizes / sizes.sum()
        self._labels = labels

    def draw(self, rng: np.random.Generator) -> Block:
        """Draw one batch."""
        source = list(self._groups)[int(rng.choice(len(self._groups), p=self._odds))]
        many, one = self._groups[source]
        wanted = min(len(many), round(self._patients * self._several)) if one else len(many)
        chosen = _choose(rng, many, min(wanted, self._patients)) + _choose(rng, one, self._patients - wanted)
        rows = np.concatenate([self._views(rng, group) for group in chosen])
        return Block(rows, self._labels[rows], source)

    def _views(self, rng: np.random.Generator, group: Int64s) -> Int64s:
        if len(group) >= self._images:
            return rng.choice(group, self._images, replace=False)
        return np.concatenate([group, rng.choice(group, self._images - len(group))])


def _groups(labels: Int64s, rows: Int64s) -> tuple[list[Int64s], list[Int64s]]:
    """The rows of each label: those with two or more, and those with one."""
    order = rows[np.argsort(labels[rows], kind="stable")]
    parts = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return [part for part in parts if len(part) > 1], [part for part in parts if len(part) == 1]


def _choose(rng: np.random.Generator, groups: list[Int64s], count: int) -> list[Int64s]:
    if count <= 0 or not groups:
        return []
    return [groups[i] for i in rng.choice(len(groups), min(count, len(groups)), replace=False)]


@dataclass(frozen=True, slots=True, eq=False)
class PairBlock:
    """Rows of the training set on both sides, int64[n], and 1.0 where they show one patient, float32[n]."""

    first: Int64s
    second: Int64s
    same: NDArray[np.float32]


class BalancedPairs:
    """As many pairs of one patient as of two, drawn anew for every batch (Packhäuser et al. 2022).

    Patients are compared by their label, never by a part of a file name.
    """

    def __init__(self, labels: Int64s, pairs: int) -> None:
        """`pairs` in a batch.

        Raises:
            UsageError: no patient has two images, or there is one patient only.
        """
        self._labels, self._half = labels, max(1, pairs // 2)
        self._many, _ = _groups(labels, np.arange(len(labels)))
        if not self._many or len(np.unique(labels)) < 2:
            raise UsageError(
                "pairs need two patients or more, and one of them with two images: the training part has too few"
            )
        # Every combination of two images of a patient is as likely as any other.
        combinations = np.array([len(group) * (len(group) - 1) for group in self._many], dtype=np.float64)
        self._odds = combinations / combinations.sum()

    def draw(self, rng: np.random.Generator) -> PairBlock:
        """Draw one batch."""
        groups = [self._many[i] for i in rng.choice(len(self._many), self._half, p=self._odds)]
        same = np.stack([rng.choice(group, 2, replace=False) for group in groups])
        different = np.stack([self._different(rng) for _ in range(self._half)])
        pairs = np.concatenate([same, different])
        labels = np.repeat(np.array([1, 0], np.float32), self._half)
        return PairBlock(pairs[:, 0], pairs[:, 1], labels)

    def _different(self, rng: np.random.Generator) -> Int64s:
        while True:
            pair = rng.integers(len(self._labels), size=2)
            if self._labels[pair[0]] != self._labels[pair[1]]:
                return pair
