"""Small training sets and recipes that several tests share."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from cxrgate.models import ModelKind
from cxrgate.train.augmentation import Augmentation
from cxrgate.train.inputs import Inputs
from cxrgate.train.pixels import PixelSet
from cxrgate.train.recipe import Initial, Loss, Optimizer, Recipe
from support.fakes import picture

SIDE = 32
STILL = Augmentation(
    rotation=0,
    zoom=(1, 1),
    aspect=0,
    shift=0,
    gamma=0,
    contrast=0,
    brightness=0,
    shading=0,
    resolution=0,
    noise=0,
    jpeg=0,
    erase=0,
)
"""Changes nothing."""

RETRIEVAL = {
    "network": "packhaeuser-retrieval",
    "trunk": "resnet10",
    "pool": 2,
    "bottleneck": 4,
    "hidden": 16,
    "dimensions": 8,
}
VERIFICATION = {"network": "packhaeuser-verification", "trunk": "resnet10", "dimensions": 8}
EMBEDDER = {"network": "embedder", "taps": [4], "pool": 2, "dimensions": 8}
_SQUARE = {
    "height": SIDE,
    "width": SIDE,
    "fit": "squash",
    "interpolation": "bilinear",
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
}


def recipe(loss: Loss, **changes) -> Recipe:
    """A recipe of a few steps for the loss's network; `changes` are fields of it."""
    pairs = loss is Loss.PAIRS
    fields = {
        "kind": ModelKind.VERIFICATION if pairs else ModelKind.RETRIEVAL,
        "network": VERIFICATION if pairs else RETRIEVAL,
        "preprocessing": _SQUARE,
        "initial": Initial.RANDOM,
        "loss": loss,
        "memory": 12,
        "patients": 4,
        "optimizer": Optimizer.ADAM,
        "warm_up": 1,
        "steps": 4,
        "average": 0.5,
        "augmentation": STILL,
    }
    return Recipe.model_validate(fields | changes)


def pixel_set(patients: int = 6, images: int = 2, sources: int = 1) -> PixelSet:
    """Pictures of patients, `images` of each, the sources taking turns by patient."""
    labels = np.repeat(np.arange(patients), images)
    pixels = np.stack([picture(seed, (SIDE, SIDE)) for seed in range(len(labels))])
    return PixelSet(pixels, labels, labels % sources, [], "drawn")


def inputs(settings: Recipe, images: PixelSet | None = None) -> Inputs:
    """The training set as a network sees it."""
    return Inputs(images or pixel_set(), settings)


def write_listing(folder: Path, rows: list[dict[str, str]]) -> Path:
    """listing.csv with a drawn picture for each of `rows`, which name image, patient_id and whatever else."""
    for seed, row in enumerate(rows):
        path = folder / row["image"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(seed)).save(path)
    return write_table(folder / "listing.csv", rows)


def write_table(path: Path, rows: list[dict[str, str]]) -> Path:
    """A CSV with the first row's keys as header."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def rows(patients: int, images: int = 2, source: str = "", split: str = "") -> list[dict[str, str]]:
    """Rows of a listing: `images` pictures of each patient."""
    names = [(f"{source}{split}p{patient}", image) for patient in range(patients) for image in range(images)]
    return [
        {"image": f"{patient}/{image}.png", "patient_id": patient, "source": source, "split": split}
        for patient, image in names
    ]
