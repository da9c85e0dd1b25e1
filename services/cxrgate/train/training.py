"""From a listing and a recipe to a model folder: train, whiten, calibrate, measure, write down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cxrgate.core.allocator import keep_freed_memory
from cxrgate.core.progress import Progress, Tell, silent, untold
from cxrgate.models import Dtype, EmbedderArchitecture, ModelManifest
from cxrgate.models.networks.build import build_network
from cxrgate.models.networks.embedder import Embedder
from cxrgate.models.runtimes.pytorch import TorchForward
from cxrgate.models.store import StoredModel, save_model
from cxrgate.train.bands import certify_bands
from cxrgate.train.enough import expect_trainable
from cxrgate.train.fitting import fit_head, fitted_architecture, set_calibration
from cxrgate.train.initial import start
from cxrgate.train.inputs import Inputs, stored_side
from cxrgate.train.listing import ListedImage, Split, hashed_patients
from cxrgate.train.loop import Training
from cxrgate.train.pixels import PixelSet, decode_part, numbers
from cxrgate.train.pooling import pool
from cxrgate.train.recipe import Recipe
from cxrgate.train.validation import LossLines, Validation, make_validation, some_patients


@dataclass(frozen=True, slots=True)
class Job:
    """What to train on and how. `work` holds decoded images and the checkpoint; `folder` becomes the model."""

    listed_images: Sequence[ListedImage]
    recipe: Recipe
    seed: int
    work: Path
    folder: Path
    device: str = "cpu"


def train(job: Job, progress: Progress = silent, tell: Tell = untold) -> ModelManifest:
    """Train a model; interrupted, the same call goes on from the last checkpoint.

    Args:
        job: listed images have a split; those of `train` are trained on, those of `tune` set thresholds.
        progress: called with what is being done, how much was done now and of how much.
        tell: called with the losses now and then, see LossLines.

    Raises:
        UsageError: the listed_images, the recipe or a checkpoint do not fit.
    """
    keep_freed_memory()
    recipe, parts = job.recipe, _parts(job.listed_images)
    expect_trainable(recipe, job.listed_images)
    whole = decode_part(parts[Split.TRAIN], stored_side(recipe.input), job.work, progress)
    if parts[Split.TUNE]:  # now, and not after hours of training: one of them may be unreadable
        decode_part(parts[Split.TUNE], recipe.input.height, job.work, progress)
    inputs = Inputs(whole, recipe, job.device)
    training = Training(recipe, inputs, start(recipe, inputs, job.seed), job.seed, job.work / "checkpoint.pt")
    progress(f"train {recipe.kind}", training.step, recipe.steps)
    lines = LossLines(training, _validation(job, training.network, parts[Split.TUNE], progress), recipe.steps, tell)

    def report(step: int, loss: float) -> None:
        progress(f"train {recipe.kind}", 1, recipe.steps)
        lines(step, loss)

    state = training.run(report)
    network = build_network(recipe.architecture)
    network.load_state_dict(state)
    threshold = _finish(network.eval(), job, parts, progress)
    provenance = {
        "recipe": recipe.model_dump(mode="json"),
        "seed": job.seed,
        "images_sha256": whole.digest,
        "images": {split.value: len(parts[split]) for split in parts},
        "sources": sorted({listed_image.source for listed_image in job.listed_images}),
        "hours": round(training.seconds / 3600, 2),
        "torch": torch.__version__,
        "patients": {split.value: hashed_patients(parts[split]) for split in parts},
    }
    shape = recipe.architecture
    if isinstance(network, Embedder) and isinstance(shape, EmbedderArchitecture):
        shape = fitted_architecture(network, shape)
    saved = save_model(job.folder, recipe.kind, shape, recipe.input, _plain(network), provenance, threshold=threshold)
    if not parts[Split.TUNE]:
        return saved
    kept = decode_part(parts[Split.TUNE], recipe.input.height, job.work, progress)
    return certify_bands(saved, job.folder, kept.pixels, progress)


def _validation(job: Job, network: nn.Module, tune: Sequence[ListedImage], progress: Progress) -> Validation | None:
    """On a part of the tune part; None without one."""
    if not tune:
        return None
    chosen = [tune[row] for row in some_patients(numbers([listed_image.patient_id for listed_image in tune]))]
    images = decode_part(chosen, stored_side(job.recipe.input), job.work, progress)
    return make_validation(job.recipe, images, network, job.seed, job.device)


def _parts(listed_images: Sequence[ListedImage]) -> dict[Split, list[ListedImage]]:
    return {split: [s for s in listed_images if s.split is split] for split in (Split.TRAIN, Split.TUNE)}


def _finish(
    network: nn.Module, job: Job, parts: Mapping[Split, Sequence[ListedImage]], progress: Progress
) -> float | None:
    """Whiten and calibrate an embedder; give a copy model's threshold."""
    if not isinstance(network, Embedder):
        return None
    side = job.recipe.input.height
    if not job.recipe.kind.finds_pictures:
        seen = decode_part(parts[Split.TRAIN], side, job.work, progress)
        fit_head(network, job.recipe.kind, pool(network, job.recipe.input, seen), seen.patients, job.seed)
    kept = decode_part(parts[Split.TUNE], side, job.work, progress)
    embeddings = embed(network, job.recipe, kept)
    threshold = set_calibration(network, job.recipe.kind, embeddings, kept.patients)
    return threshold if job.recipe.kind.finds_pictures else None


def embed(network: nn.Module, recipe: Recipe, images: PixelSet) -> NDArray[np.float32]:
    """What the finished model gives for images that are of its input's size, float32[n, d]."""
    threshold = 0.0 if recipe.kind.finds_pictures else None
    manifest = ModelManifest(
        "in training", recipe.kind, recipe.architecture, recipe.input, Dtype.FLOAT32, "", threshold, {}
    )
    return TorchForward(StoredModel(manifest, network))(list(images.pixels))


def _plain(network: nn.Module) -> dict[str, Any]:
    state: dict[str, Tensor] = network.state_dict()
    return {name: value.contiguous() for name, value in state.items()}
