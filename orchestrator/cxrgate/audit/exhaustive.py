"""Every enrolled reference verified, not only the candidates: a diagnostic of what the search did not look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Descriptors, GreyImage, Policy
from cxrgate.core.spaces import IDENTITY
from cxrgate.gate.local import LocalModels
from cxrgate.index import Snapshot
from cxrgate.planted.origins import LeakOrigin


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
        policy: says how many candidates the identity search takes, and which score reaches the threshold.
    """
    images = [GreyImage(origin.name, origin.pixels) for origin in origins]
    features = await models.verifier.features(images)
    descriptors = await models.embedder.embed(images)
    keys = np.array([row.tobytes().hex() for row in np.asarray(snapshot.patient_keys)])
    counts, least = np.zeros(3, dtype=np.int64), policy.identity_threshold - policy.band
    for origin, probe, described in zip(origins, features, descriptors, strict=True):
        if isinstance(probe, np.ndarray) and isinstance(described, Descriptors):
            scores = models.verification.head.score(probe, snapshot.features)
            distances = np.linalg.norm(snapshot.identity - described.spaces[IDENTITY], axis=1)
            counts += _found(scores, distances, keys == origin.patient, policy.candidates, least)
    return Exhaustive(len(origins), *counts.tolist())


def _found(
    scores: NDArray[np.float64], distances: NDArray[np.float32], own: NDArray[np.bool_], candidates: int, least: float
) -> NDArray[np.int64]:
    """Whether the own patient is found among the candidates and among all, and another one among all: int64[3]."""
    reached = scores >= least
    nearest = np.argsort(distances, kind="stable")[:candidates]
    return np.array([(reached & own)[nearest].any(), (reached & own).any(), (reached & ~own).any()], dtype=np.int64)
