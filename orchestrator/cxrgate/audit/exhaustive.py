"""Every enrolled reference verified, not only the candidates: a diagnostic of what the search did not look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import GreyImage, Policy
from cxrgate.core.spaces import IDENTITY
from cxrgate.core.standout import COHORT, Cohort
from cxrgate.gate.local import LocalModels
from cxrgate.index import Snapshot
from cxrgate.index.build import EmbeddedImage, embed_images
from cxrgate.index.engines.distance import exact_distances
from cxrgate.index.nearest_patients import number_patients
from cxrgate.planted.origins import LeakOrigin

Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Exhaustive:
    """Counts of images of enrolled patients.

    Attributes:
        images: asked about.
        by_candidates: whose own patient reaches the threshold among the candidates of the identity search.
        by_all: whose own patient reaches it among all references; the difference is what the search missed.
        others_by_all: in which another patient reaches it among all references: what verifying all would cost.
    """

    images: int
    by_candidates: int
    by_all: int
    others_by_all: int


async def verify_all(
    origins: Sequence[LeakOrigin], models: LocalModels, snapshot: Snapshot, policy: Policy
) -> Exhaustive:
    """Score each image against every reference.

    Args:
        origins: images of enrolled patients that the index does not hold.
        models: the gate's.
        snapshot: the index.
        policy: says how many candidates the identity search takes, and which score or standout reaches the threshold.
    """
    images = [GreyImage(origin.name, origin.pixels) for origin in origins]
    made = await embed_images(images, models.embedder, models.verifier)
    keys = np.array([row.tobytes().hex() for row in np.asarray(snapshot.patient_keys)])
    patients = number_patients(np.asarray(snapshot.patient_keys))
    counts, least = np.zeros(3, dtype=np.int64), policy.identity_threshold - policy.band
    for origin, found in zip(origins, made, strict=True):
        if isinstance(found, EmbeddedImage):
            scores = models.verifier.head.score(found.features, snapshot.features)
            distances = exact_distances(snapshot.identity, found.spaces[IDENTITY])
            numbers = _deciding(policy, distances, scores, patients)
            counts += _found(numbers, distances, keys == origin.patient, policy.candidates, least)
    return Exhaustive(len(origins), *counts.tolist())


def _deciding(policy: Policy, distances: Float64s, scores: Float64s, patients: NDArray[np.int64]) -> Float64s:
    """The number of each reference that is held against the threshold: its score, or its standout.

    The cohort is that of a search: the most similar patients but the nearest one.
    """
    if policy.standout is None:
        return scores
    order = np.argsort(distances, kind="stable")
    _, first = np.unique(patients[order], return_index=True)
    return policy.standout(distances, scores, Cohort.of(distances[order[np.sort(first)[1 : COHORT + 1]]]))


def _found(
    numbers: Float64s, distances: Float64s, own: NDArray[np.bool_], candidates: int, least: float
) -> NDArray[np.int64]:
    """Whether the own patient is found among the candidates and among all, and another one among all: int64[3]."""
    reached = numbers >= least
    nearest = np.argsort(distances, kind="stable")[:candidates]
    return np.array([(reached & own)[nearest].any(), (reached & own).any(), (reached & ~own).any()], dtype=np.int64)
