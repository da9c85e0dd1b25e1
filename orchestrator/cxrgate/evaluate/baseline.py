"""The cheap baseline: a frozen EfficientNet-Lite0 with linear discriminant analysis, as a model store like any other.

Blocks 5 and 11 pooled 4 x 4 and the global average of the head at 256 px: 3,712 numbers, brought to 256 by principal
components and discriminant analysis of clean images, compared by their cosine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cxrgate.core import UsageError
from cxrgate.core.allocator import keep_freed_memory
from cxrgate.core.progress import Progress
from cxrgate.models import EmbedderArchitecture, Fit, Interpolation, ModelKind, Preprocessing
from cxrgate.models.networks.build import build_network
from cxrgate.models.networks.embedder import Embedder
from cxrgate.models.networks.lite import published_weights
from cxrgate.models.store import save_model
from cxrgate.planted.listing import Entry
from cxrgate.train import ListedImage, Split, hashed_patients
from cxrgate.train.enough import expect_fittable
from cxrgate.train.fitting import set_calibration
from cxrgate.train.initial import discriminate
from cxrgate.train.inputs import normalise
from cxrgate.train.pixels import PixelSet, decode_set
from cxrgate.train.scoring.models import embed_listing

ARCHITECTURE = EmbedderArchitecture(taps=(4, 10), pool=4, dimensions=256)
INPUT = Preprocessing(256, 256, Fit.SQUASH, Interpolation.BILINEAR, (0.498,) * 3, (0.502,) * 3)
"""Mean 127 and deviation 128 of 255, as the published weights were trained."""
SEED = 1
_BATCH = 8


@dataclass(frozen=True, slots=True)
class Fitted:
    """What the baseline was fitted on, or why there is none."""

    description: str
    store: Path | None


def fit_baseline(entries: Sequence[Entry], work: Path, progress: Progress) -> Fitted:
    """Fit on the entries with split `train`, calibrate on those with `tune`; without sources that have NC licences.

    Args:
        entries: the whole listing.
        work: for decoded images and the store.
        progress: called with what is being done, how much was done now and of how much.

    Raises:
        UsageError: an image cannot be read, or the trunk's published weights are not installed.
    """
    restricted = {entry.listed_image.source for entry in entries if "NC" in entry.licence.upper()}
    free = [entry.listed_image for entry in entries if entry.listed_image.source not in restricted]
    train, tune = (
        [listed_image for listed_image in free if listed_image.split is split] for split in (Split.TRAIN, Split.TUNE)
    )
    try:
        expect_fittable([*train, *tune])
    except UsageError as error:
        return Fitted(f"no baseline by the column split: {error}", None)
    network = _fit(train, work, progress)
    provenance = {"patients": {"train": hashed_patients(train), "tune": hashed_patients(tune)}}
    _save(network, ModelKind.RETRIEVAL, work, provenance)
    threshold = _calibrate(network, tune, work, progress)
    _save(network, ModelKind.VERIFICATION, work, provenance)
    for kind in ModelKind:
        if kind.finds_pictures:
            _save(network, kind, work, provenance, threshold)
    sources = ", ".join(dict.fromkeys(listed_image.source for listed_image in train))
    return Fitted(f"fitted on {len(train)} images of split train, calibrated on {len(tune)} of tune: {sources}", work)


def _fit(listed_images: Sequence[ListedImage], work: Path, progress: Progress) -> Embedder:
    images = decode_set(
        listed_images,
        INPUT.height,
        work / "pixels",
        lambda done: progress("decode for the baseline", done, len(listed_images)),
    )
    torch.manual_seed(SEED)  # what is random is overwritten
    network = build_network(ARCHITECTURE).eval()
    network.trunk.load_state_dict(published_weights(ARCHITECTURE.trunk))
    pooled = _pool(network, images, progress)
    discriminate(network, pooled, images.patients, SEED)
    return network


@torch.inference_mode()
def _pool(network: Embedder, images: PixelSet, progress: Progress) -> NDArray[np.float64]:
    """float64[n, 3712]."""
    keep_freed_memory()
    parts = []
    for start in range(0, len(images.pixels), _BATCH):
        grey = torch.from_numpy(np.array(images.pixels[start : start + _BATCH])).unsqueeze(1) / 255
        parts.append(network.pooled(normalise(grey, INPUT)).numpy())
        progress("embed for the baseline", len(grey), len(images.pixels))
    return np.concatenate(parts).astype(np.float64)


def _calibrate(network: Embedder, listed_images: Sequence[ListedImage], work: Path, progress: Progress) -> float:
    """Set the calibration and give the threshold of the cosine, both as training does."""
    embedded = embed_listing(
        work / ModelKind.RETRIEVAL,
        listed_images,
        progress=lambda done: progress("calibrate the baseline", done, len(listed_images)),
    )
    return set_calibration(network, ModelKind.VERIFICATION, embedded.rows, embedded.patients)


def _save(
    network: Embedder, kind: ModelKind, store: Path, provenance: Mapping[str, Any], threshold: float | None = None
) -> None:
    save_model(store / kind, kind, ARCHITECTURE, INPUT, network.state_dict(), provenance, threshold=threshold)
