"""Distillation: one model's projection is fitted to what several models make of the same images together.

The models together tell patients apart better than each alone, and cost as many forwards. Nearly all of that can be
read off what a single trunk pools: a ridge regression to the joint embedding (Hinton et al. 2015 train a network to
it) takes minutes, and the model that comes of it costs one forward as before. Measured for the shipped models in
model_store/README.md.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import solve

from cxrgate.core.progress import Progress, silent
from cxrgate.models import EmbedderArchitecture, ModelKind, ModelManifest
from cxrgate.models.networks.build import build_network
from cxrgate.models.networks.embedder import Embedder
from cxrgate.train.fitting import fit_cohort, fit_head, set_calibration
from cxrgate.train.listing import Split
from cxrgate.train.pooling import pool
from cxrgate.train.refits.finished import FinishedModel, RefitJob, embedded, open_finished, save_finished
from cxrgate.train.refits.unseen import expect_unseen

MIDDLE = 0.9
"""Of each side: the part that teachers are shown beside the whole image. A second view is worth a second model."""
PENALTY = 0.25
"""Of the regression, per row and in standardised numbers; chosen on the tune part of the shipped models' data."""
PARTS = {ModelKind.RETRIEVAL: (1.0,), ModelKind.VERIFICATION: (1.0, MIDDLE)}
"""What of each side a model learns from; chosen likewise: the middles, too, help to judge and do not help to find."""

Float64s = NDArray[np.float64]


def distil(job: RefitJob, teachers: Sequence[Path], progress: Progress = silent) -> ModelManifest:
    """Write the job's model with the teachers' joint embedding as its own, as near as its trunk can tell it.

    Trunk, frontality and the number of embedding dimensions stay; a verification model gets a new cohort.

    Args:
        job: what to fit, and to what.
        teachers: model folders; the model itself may be one of them.
        progress: called with what is being done, how much was done now and of how much.

    Raises:
        ModelError: no model folder, or no embedder for retrieval or verification,
            or a number that is not finite in 16 bits, see save_finished.
        UsageError: see open_finished, patients to calibrate on that a teacher was trained on, see expect_unseen, or an
            image cannot be read.
    """
    model = open_finished(job)
    taught = [
        model if item.manifest.digest == model.manifest.digest else item for item in map(FinishedModel.read, teachers)
    ]
    expect_unseen(job.listed_images, [teacher.manifest for teacher in taught])

    @cache
    def look(finished: FinishedModel, part: float) -> NDArray[np.float32]:
        """What its trunk pools of that part of the training images: once, also where a model teaches itself."""
        images = finished.decode(job, Split.TRAIN, progress)
        return pool(finished.network, finished.manifest.preprocessing, images, progress, part)

    seen, kept = (model.decode(job, split, progress) for split in (Split.TRAIN, Split.TUNE))
    kind, preprocessing = model.manifest.kind, model.manifest.preprocessing
    views = [_views(teacher, look, seen.patients, job.seed) for teacher in taught]
    joint = np.concatenate([part for both in views for part in both], axis=1)
    shape = replace(model.shape, dimensions=model.shape.embedding, discriminants=0, cohort=0)
    network = _with_room(model.network, shape)
    pooled = [look(model, part) for part in PARTS[kind]]
    target = np.tile(joint / math.sqrt(2 * len(taught)), (len(pooled), 1))
    fit_projection(network, np.concatenate(pooled), target)
    if kind is ModelKind.VERIFICATION:
        fit_cohort(network, embedded(network, pooled[0]), seen.patients, job.seed)
    set_calibration(network, kind, embedded(network, pool(network, preprocessing, kept, progress)), kept.patients)
    fitted = {"images_sha256": seen.digest, "teachers": [teacher.manifest.digest for teacher in taught]}
    return save_finished(job, network, kind, shape, [model, *taught], {"distilled": fitted}, kept, progress)


def _views(
    teacher: FinishedModel,
    look: Callable[[FinishedModel, float], NDArray[np.float32]],
    patients: NDArray[np.int64],
    seed: int,
) -> tuple[NDArray[np.float32], ...]:
    """Its embeddings of the whole training images, and of their middles by a head that is fitted to those."""
    network = copy.deepcopy(teacher.network)
    whole, middles = embedded(network, look(teacher, 1.0)), look(teacher, MIDDLE)
    # A cohort of its own would change no embedding.
    fit_head(network, ModelKind.RETRIEVAL, middles, patients, seed)
    return whole, embedded(network, middles)


def _with_room(network: Embedder, shape: EmbedderArchitecture) -> Embedder:
    """A network of that shape with the trunk, and the frontality where there is one, of another."""
    made = build_network(shape)
    assert isinstance(made, Embedder)  # noqa: S101 - what an EmbedderArchitecture builds
    made.trunk.load_state_dict(network.trunk.state_dict())
    if made.frontality is not None and network.frontality is not None:
        made.frontality.load_state_dict(network.frontality.state_dict())
    return made.eval()


def fit_projection(network: Embedder, pooled: NDArray[np.float32], target: Float64s) -> None:
    """Set the projection so that embeddings have the cosines of the target's rows; the whitening does nothing then.

    Args:
        network: without discriminants.
        pooled: float32[n, d], what its trunk pools.
        target: float64[n, m] of unit length. Where m is more than the network's dimensions, the directions are kept in
            which what is predicted is largest.
    """
    rows = pooled.astype(np.float64)
    centre, spread = rows.mean(0), rows.std(0) + 1e-3
    standard = (rows - centre) / spread
    mean = target.mean(0)
    gram = standard.T @ standard
    gram[np.diag_indices_from(gram)] += PENALTY * len(rows)
    weight = solve(gram, standard.T @ (target - mean), assume_a="pos")
    predicted = standard @ weight + mean
    directions = np.linalg.eigh(predicted.T @ predicted)[1][:, ::-1][:, : network.project.out_features]
    count = directions.shape[1]
    with torch.no_grad():
        network.centre.copy_(torch.from_numpy(centre))
        network.spread.copy_(torch.from_numpy(spread))
        network.project.weight.zero_()[:count].copy_(torch.from_numpy((weight @ directions).T))
        network.project.bias.zero_()[:count].copy_(torch.from_numpy(mean @ directions))
        torch.nn.init.eye_(network.whiten.weight)
        network.whiten.bias.zero_()
