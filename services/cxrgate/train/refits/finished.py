"""A finished model, and the images that what follows its trunk is fitted to: opened, and written as another model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cxrgate.core import ModelError
from cxrgate.core.allocator import keep_freed_memory
from cxrgate.core.progress import Progress
from cxrgate.models import EmbedderArchitecture, ModelKind, ModelManifest
from cxrgate.models.networks.embedder import Embedder
from cxrgate.models.store import load_model, save_model
from cxrgate.train.bands import certify_bands
from cxrgate.train.enough import expect_fittable
from cxrgate.train.fitting import fitted_architecture
from cxrgate.train.listing import ListedImage, Split, hashed_patients
from cxrgate.train.pixels import PixelSet, decode_part
from cxrgate.train.refits.unseen import expect_unseen


@dataclass(frozen=True, slots=True)
class RefitJob:
    """What to fit to: a finished retrieval or verification model, and listed images with a split.

    Those of the split `train` are fitted to, those of `tune` set the calibration. `work` holds decoded images;
    `folder` becomes the model.
    """

    listed_images: Sequence[ListedImage]
    seed: int
    model: Path
    work: Path
    folder: Path


@dataclass(frozen=True, slots=True, eq=False)
class FinishedModel:
    """An embedder for retrieval or verification, as it was read."""

    manifest: ModelManifest
    shape: EmbedderArchitecture
    network: Embedder = field(repr=False)

    @classmethod
    def read(cls, folder: Path) -> FinishedModel:
        """ModelError where the folder holds no such model."""
        model = load_model(folder)
        manifest, network, shape = model.manifest, model.network, model.manifest.architecture
        if (
            not isinstance(network, Embedder)
            or not isinstance(shape, EmbedderArchitecture)
            or manifest.kind.finds_pictures
        ):
            raise ModelError(f"{folder} is no embedder for retrieval or verification: only those can be fitted again")
        return cls(manifest, shape, network)

    def decode(self, job: RefitJob, split: Split, progress: Progress) -> PixelSet:
        """The job's images of one split, as this model takes them."""
        listed_images = [listed_image for listed_image in job.listed_images if listed_image.split is split]
        return decode_part(listed_images, self.manifest.preprocessing.height, job.work, progress)


def open_finished(job: RefitJob) -> FinishedModel:
    """The job's model, when there is enough to fit to and to calibrate on.

    Raises:
        ModelError: no model folder, or no embedder for retrieval or verification.
        UsageError: too few patients, see expect_fittable, or patients that it knows, see expect_unseen.
    """
    keep_freed_memory()
    model = FinishedModel.read(job.model)
    expect_fittable(job.listed_images)
    expect_unseen(job.listed_images, [model.manifest])
    return model


@torch.inference_mode()
def embedded(network: Embedder, pooled: NDArray[np.float32]) -> NDArray[np.float32]:
    """The embeddings float32[n, d] of what its trunk pools."""
    return np.asarray(network.embedded(torch.from_numpy(pooled)).numpy(), np.float32)


def save_finished(
    job: RefitJob,
    network: Embedder,
    kind: ModelKind,
    shape: EmbedderArchitecture,
    models: Sequence[FinishedModel],
    fitted: Mapping[str, Any],
    kept: PixelSet,
    progress: Progress,
) -> ModelManifest:
    """Write the model, with the bands of 16-bit dtypes where the tune part is large enough to measure them on.

    Args:
        job: names the folder and the images.
        network: fitted.
        kind: of the model.
        shape: of the network; its cohort is as large as what was found.
        models: whose training patients are the new one's, too; the first is the one that it was made of.
        fitted: what the manifest says of it, by what was done.
        kept: the images of the tune part.
        progress: see certify_bands.

    Raises:
        ModelError: a number is not finite in a 16-bit dtype; the model is written, without that band.
    """
    before = dict(models[0].manifest.provenance)
    known = [model.manifest.provenance.get("patients", {}) for model in models]
    own = {split: [item for item in job.listed_images if item.split is split] for split in (Split.TRAIN, Split.TUNE)}
    patients = {
        str(split): sorted(
            {*hashed_patients(part), *(patient for each in known for patient in each.get(str(split), ()))}
        )
        for split, part in own.items()
    }
    about = {
        "from": models[0].manifest.digest,
        "seed": job.seed,
        "images": {str(split): len(part) for split, part in own.items()},
        "sources": sorted({item.source for item in job.listed_images}),
        "torch": torch.__version__,
    }
    provenance = {**before, "patients": patients, **{name: {**about, **more} for name, more in fitted.items()}}
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    manifest = models[0].manifest
    saved = save_model(
        job.folder,
        kind,
        fitted_architecture(network, shape),
        manifest.preprocessing,
        state,
        provenance,
        dtype=manifest.dtype,
    )
    return certify_bands(saved, job.folder, kept.pixels, progress)
