"""Listings to evaluate on: listed images without files, and small sets of drawn pictures on disk."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch

from cxrgate.images import ImageFile
from cxrgate.images.codec.encode import encode_png
from cxrgate.models import EmbedderArchitecture, ModelKind
from cxrgate.models.networks.build import build_network
from cxrgate.models.store import save_model
from cxrgate.planted.listing import Entry
from cxrgate.train import ListedImage, patient_hash
from support.fakes import SMALL, picture

SEEN = {"patients": {"train": [patient_hash("nih:1")]}}


def entry(name, patient, source="nih", split=None, **more):
    """A row of a listing, without a file."""
    return Entry(ListedImage(ImageFile(Path(name), name, "", patient), patient, source, split), **more)


def entries(*counts, source="nih"):
    """Patients with so many images each."""
    return [
        entry(f"{source}/{patient}-{image}.png", f"{source}:{patient}", source)
        for patient, count in enumerate(counts)
        for image in range(count)
    ]


def write_listing(folder: Path, rows, columns=("image", "patient_id", "source", "view", "follow_up")) -> None:
    """Write folder/manifest.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def write_pictures(folder: Path, source: str, counts, start: int = 0, split: str | None = None):
    """Draw patients with so many images each, and give the rows of their listing. Views alternate by patient."""
    rows = []
    (folder / source).mkdir(parents=True, exist_ok=True)
    for patient, count in enumerate(counts, start):
        for image in range(count):
            name = f"{source}/{patient}-{image}.png"
            pixels = np.roll(picture(patient), 2 * image, axis=1)
            (folder / name).write_bytes(encode_png(pixels))
            row = [name, f"{source}:{patient}", source, ("AP", "PA")[patient % 2], str(image)]
            rows.append(row if split is None else [*row, split])
    return rows


def save_store(folder):
    """Untrained embedders; the verification model says that it saw a patient, scores no pair 1, and knows copies."""
    torch.manual_seed(0)
    shape = EmbedderArchitecture(pool=2, dimensions=32)
    for kind, threshold in ((ModelKind.RETRIEVAL, None), (ModelKind.VERIFICATION, None), (ModelKind.COPY, 0.99999)):
        network = build_network(shape)
        network.calibration.copy_(torch.tensor([10.0, -9.9999]))
        provenance = SEEN if kind is ModelKind.VERIFICATION else {}
        save_model(folder / kind, kind, shape, SMALL, network.state_dict(), provenance, threshold=threshold)
