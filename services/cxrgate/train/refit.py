"""Fit what follows a finished model's trunk to more images: whitening, discriminants, cohort, calibration.

It costs one forward per image, minutes where a training costs hours, and the within-class covariance of patients that
the trunk was not trained on tells better how images of one patient differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cxrgate.core import ModelError
from cxrgate.core.allocator import keep_freed_memory
from cxrgate.core.progress import Progress, silent
from cxrgate.models import EmbedderArchitecture, ModelManifest
from cxrgate.models.networks.embedder import Embedder
from cxrgate.models.store import load_model, save_model
from cxrgate.train.enough import expect_fittable
from cxrgate.train.fitting import fit_head, fitted_architecture, set_calibration
from cxrgate.train.inputs import normalise
from cxrgate.train.listing import ListedImage, Split, hashed_patients
from cxrgate.train.pixels import PixelSet, decode_part

_BATCH = 32

Float32s = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RefitJob:
    """What to fit to: a finished retrieval or verification model, and listed images with a split.

    `work` holds decoded images; `folder` becomes the model.
    """

    listed_images: Sequence[ListedImage]
    seed: int
    model: Path
    work: Path
    folder: Path


def refit(job: RefitJob, progress: Progress = silent) -> ModelManifest:
    """Write the model fitted anew.

    Args:
        job: listed images of the split `train` are fitted to, those of `tune` set the calibration.
        progress: called with what is being done, how much was done now and of how much.

    Raises:
        ModelError: no model folder, or no embedder for retrieval or verification.
        UsageError: too few patients, see expect_fittable, or an image cannot be read.
    """
    keep_freed_memory()
    model = load_model(job.model)
    manifest, network = model.manifest, model.network
    shape = manifest.architecture
    if not isinstance(network, Embedder) or not isinstance(shape, EmbedderArchitecture) or manifest.kind.finds_pictures:
        raise ModelError(f"{job.model} is no embedder for retrieval or verification: only those can be fitted again")
    expect_fittable(job.listed_images)
    seen, kept = (_decode(job, manifest, split, progress) for split in (Split.TRAIN, Split.TUNE))
    pooled = _pool(network, manifest, seen, progress)
    fit_head(network, manifest.kind, pooled, seen.patients, job.seed)
    with torch.inference_mode():
        embeddings = network.embedded(torch.from_numpy(_pool(network, manifest, kept, progress))).numpy()
    set_calibration(network, manifest.kind, embeddings, kept.patients)
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    provenance = _provenance(job, manifest, seen, kept)
    shape = fitted_architecture(network, shape)
    return save_model(job.folder, manifest.kind, shape, manifest.preprocessing, state, provenance, dtype=manifest.dtype)


def _decode(job: RefitJob, manifest: ModelManifest, split: Split, progress: Progress) -> PixelSet:
    listed_images = [listed_image for listed_image in job.listed_images if listed_image.split is split]
    return decode_part(listed_images, manifest.preprocessing.height, job.work, progress)


@torch.inference_mode()
def _pool(network: Embedder, manifest: ModelManifest, images: PixelSet, progress: Progress) -> Float32s:
    rows = []
    for start in range(0, len(images.pixels), _BATCH):
        pixels = torch.from_numpy(np.array(images.pixels[start : start + _BATCH])).unsqueeze(1)
        rows.append(network.pooled(normalise(pixels.to(torch.float32) / 255, manifest.preprocessing)).numpy())
        progress("look at images", len(pixels), len(images.pixels))
    return np.concatenate(rows)


def _provenance(job: RefitJob, manifest: ModelManifest, seen: PixelSet, kept: PixelSet) -> dict[str, Any]:
    """What the model was before, and what it was fitted to; its patients are those of both."""
    before = dict(manifest.provenance)
    old = before.get("patients", {})
    patients = {
        str(split): sorted({*old.get(str(split), ()), *hashed_patients(images.listed_images)})
        for split, images in ((Split.TRAIN, seen), (Split.TUNE, kept))
    }
    fitted = {
        "from": manifest.digest,
        "seed": job.seed,
        "images_sha256": seen.digest,
        "images": {str(Split.TRAIN): len(seen.pixels), str(Split.TUNE): len(kept.pixels)},
        "sources": sorted({listed_image.source for listed_image in job.listed_images}),
        "torch": torch.__version__,
    }
    return {**before, "patients": patients, "refit": fitted}
