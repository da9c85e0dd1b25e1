"""The curve that is shipped beside a set of models: which margins and copy similarities unenrolled patients reach.

Measured on the tune part, by leaving one patient out of galleries that the training part fills. Every number is a
quantile over hundreds of patients and several galleries: none is one patient's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cxrgate.core import UsageError
from cxrgate.core.heads import CalibratedCosineHead, CohortCosineHead
from cxrgate.core.progress import Progress, silent
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.core.standout import COHORT, Standout
from cxrgate.gate.config import ModelFolders
from cxrgate.gate.local import local_models
from cxrgate.gate.measurement_terms import FALSE_FLAGS, LIMITS
from cxrgate.growth.embedding import embed_everything
from cxrgate.growth.galleries import draw_gallery
from cxrgate.growth.scores import Everything, Scores
from cxrgate.index.false_flag_curve import FalseFlagCurve
from cxrgate.index.measuring.fit import exceeded
from cxrgate.index.self_measurement import RATES, MeasurementTerms
from cxrgate.storage import whole_file
from cxrgate.train import ListedImage, Split

CURVE_SIZES = (10, 30, 100, 250, 1000, 4500)
_DRAWS = 10
_QUERIES = 400


def write_false_flags(
    store: Path, listed_images: Sequence[ListedImage], work: Path, progress: Progress = silent
) -> Path:
    """Measure the curve of a store's models and write it into the store.

    Args:
        store: with the models' folders.
        listed_images: those of the splits train and tune are used.
        work: a folder for the snapshot.
        progress: called with what is being done, how much was done now and of how much.

    Raises:
        ModelError: a folder is not a model of its kind.
        UsageError: no image of the split tune.
        SnapshotError: an image cannot be enrolled.
    """
    tune, train = (
        [listed_image for listed_image in listed_images if listed_image.split is split]
        for split in (Split.TUNE, Split.TRAIN)
    )
    if not tune:
        raise UsageError("the listing has no image of the split tune: the curve is measured on those patients")
    with local_models(ModelFolders.of(store), "cpu") as models:
        everything = embed_everything([*tune, *train], len(tune), models, work, progress)
        digests = {kind.value: manifest.digest for kind, manifest in models.manifests.items()}
        content = false_flag_file(everything, models.terms, digests)
    path = store / FALSE_FLAGS
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def false_flag_file(everything: Everything, terms: MeasurementTerms, models: Mapping[str, str]) -> dict[str, Any]:
    """What `false_flags.json` holds; see gate.measurement_terms.

    Args:
        everything: the parts train and tune; those of tune count as unseen.
        terms: with the models' head.
        models: their digests by kind.
    """
    standout = _standout(terms)
    scores = Scores(everything, replace(terms, standout=standout))
    usual = _usual(scores)
    scores = Scores(everything, replace(terms, standout=replace(standout, usual=usual)))
    tables: list[list[list[float]]] = [[] for _ in range(1 + len(COSINE_SPACES))]
    sizes = []
    for size in CURVE_SIZES:
        found = [_asked(scores, size, draw) for draw in range(_DRAWS)]
        asked = [part for part in found if part is not None]
        if len(asked) < _DRAWS:
            continue
        sizes.append(size)
        for place, table in enumerate(tables):
            values = np.concatenate([part[place] for part in asked])
            table.append([exceeded(values, rate) for rate in RATES])
    curve = FalseFlagCurve(tuple(sizes), RATES, *(tuple(map(tuple, table)) for table in tables))
    return {
        "models": dict(models),
        "standout": replace(standout, usual=usual).to_json(),
        **LIMITS,
        "curve": curve.to_json(),
    }


def _standout(terms: MeasurementTerms) -> Standout:
    """Both cosines weigh the same; a head that does not calibrate a cosine has no say."""
    if isinstance(terms.head, CalibratedCosineHead | CohortCosineHead):
        return Standout(identity=0.5, verification=0.5 / terms.head.slope)
    return Standout()


def _usual(scores: Scores) -> float:
    """The cohort's mean in galleries of 250."""
    gallery = draw_gallery(len(scores.everything.patients), 250, 0)
    if gallery is None:
        return 0.0
    return scores.cohort_mean(gallery, COHORT)


def _asked(scores: Scores, size: int, draw: int) -> tuple[Any, ...] | None:
    """Margins and similarities in each cosine space of patients of the tune part who are not enrolled."""
    rng = np.random.default_rng([draw, size])
    gallery = draw_gallery(len(scores.everything.patients), size, draw)
    if gallery is None:
        return None
    rows = np.flatnonzero(scores.everything.unseen)
    _, first = np.unique(scores.everything.patients[rows], return_index=True)
    found = scores.ask(rng.permutation(rows[first])[:_QUERIES], gallery, as_unenrolled=True)
    return found.margins, *found.cosines.T
