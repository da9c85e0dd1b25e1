"""Identity: pairs scored by the verification model, searches by the retrieval model; by source, pooled, by subgroup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cxrgate.evaluate.groups import ADULTS, groups
from cxrgate.planted.listing import Entry
from cxrgate.planted.shares import NOTHING
from cxrgate.train.scoring.figures import Figure, Pairs, Queries, retrieval_figures, verification_figures
from cxrgate.train.scoring.models import EmbeddedSet, score_sources

VERIFICATION = ("auc", "tpr_at_fpr_1pct", "tpr_at_fpr_0.1pct")
RETRIEVAL = ("p_at_1", "map_at_r", "r_precision")
APART = {"equal": (0, 0), "1 to 7 apart": (1, 7), "8 or more apart": (8, np.inf)}
"""Ranges of the difference of two images' follow_up, in whatever the listing counts: days, visits."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """Pairs and queries of each source; pairs are those of images in the listing's order, as all_pairs gives them."""

    pairs: Mapping[str, Pairs] = field(repr=False)
    queries: Mapping[str, Queries] = field(repr=False)
    entries: Mapping[str, Sequence[Entry]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Verification of some pairs of a group; `pairs` counts those of one patient."""

    group: str
    name: str
    pairs: int
    figures: Mapping[str, Figure]


def score_identity(verification: EmbeddedSet, retrieval: EmbeddedSet, entries: Sequence[Entry]) -> Identity:
    """Score every source by itself: pairs by the verification model, a gallery of all others by the retrieval model."""
    parts = {name: [entries[row] for row in rows] for name, rows in verification.sources().items()}
    pairs = {name: scores.pairs for name, scores in score_sources(verification).items()}
    queries = {name: scores.queries for name, scores in score_sources(retrieval).items()}
    return Identity(pairs, queries, parts)


def identity_figures(identity: Identity) -> dict[str, dict[str, Figure]]:
    """The figures of each group: the sources' pairs and queries are pooled, pairs across sources there are none."""
    return {
        group: {
            **verify([identity.pairs[name] for name in names]),
            **(retrieval_figures([identity.queries[name] for name in names])),
        }
        for group, names in groups(identity.pairs).items()
    }


def identity_counts(identity: Identity) -> dict[str, dict[str, int]]:
    """Images, patients, pairs of one patient, and queries of each group."""
    counts = {}
    for group, names in groups(identity.pairs).items():
        entries = [entry for name in names for entry in identity.entries[name]]
        counts[group] = {
            "images": len(entries),
            "patients": len({entry.listed_image.patient_id for entry in entries}),
            "same_patient_pairs": sum(int(identity.pairs[name].same.sum()) for name in names),
            "queries": sum(len(identity.queries[name].patients) for name in names),
        }
    return counts


def verify(parts: Sequence[Pairs]) -> dict[str, Figure]:
    """The figures of pooled pairs; NaN where there are none."""
    return verification_figures(parts) if parts else dict.fromkeys(VERIFICATION, NOTHING)


def subgroups(identity: Identity) -> list[Subgroup]:
    """Adults by view, and each source by how far apart two images of one patient are; only what the listing tells."""
    adults = groups(identity.pairs)[ADULTS]
    return [
        subgroup
        for subgroup in [
            *_by_view(identity, adults),
            *(part for name in identity.pairs for part in _apart(identity, name)),
        ]
        if subgroup.pairs
    ]


def _by_view(identity: Identity, names: Sequence[str]) -> list[Subgroup]:
    """Pairs of one patient and of two, both of the same kind: AP and AP, PA and PA, or one of each."""
    found: dict[str, list[Pairs]] = {"AP and AP": [], "PA and PA": [], "AP and PA": []}
    for name in names:
        views = np.array([entry.view[:2].upper() for entry in identity.entries[name]])
        first, second = (views[side] for side in np.triu_indices(len(views), 1))
        for kind, parts in found.items():
            one, other = kind.split(" and ")
            chosen = ((first == one) & (second == other)) | ((first == other) & (second == one))
            parts.append(_only(identity.pairs[name], chosen))
    return [_subgroup(ADULTS, kind, parts) for kind, parts in found.items() if parts]


def _apart(identity: Identity, name: str) -> list[Subgroup]:
    """Pairs of one patient in a range of follow_up against all pairs of two patients: for those time says nothing."""
    numbers = np.array([_number(entry.follow_up) for entry in identity.entries[name]])
    pairs = identity.pairs[name]
    first, second = (numbers[side] for side in np.triu_indices(len(numbers), 1))
    distance = np.abs(first - second)
    return [
        _subgroup(name, f"follow_up {label}", [_only(pairs, ~pairs.same | ((distance >= low) & (distance <= high)))])
        for label, (low, high) in APART.items()
    ]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _only(pairs: Pairs, chosen: Bools) -> Pairs:
    return Pairs(pairs.scores[chosen], pairs.same[chosen], pairs.first[chosen], pairs.second[chosen])


def _subgroup(group: str, name: str, parts: Sequence[Pairs]) -> Subgroup:
    return Subgroup(group, name, sum(int(part.same.sum()) for part in parts), verify(parts))
