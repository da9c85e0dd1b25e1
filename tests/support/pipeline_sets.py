"""A small MIMIC-CXR and a synthetic set on disk, and anonymization-pipeline's config.yaml over them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import torch
import yaml
from PIL import Image

from cxrgate.images.codec.encode import encode_png
from cxrgate.models import ModelKind, VerificationArchitecture
from cxrgate.models.networks.build import build_network
from cxrgate.models.store import save_model
from support.fakes import SMALL, picture, save_small_models

REAL, NEW = 12, 6
SUBJECT = 10000032


def write_seed_sets(folder: Path) -> Path:
    """Write 12 training images of 6 patients and 8 synthetic images, and give the configuration's path.

    Synthetic: six new pictures in two classes, a copy of the real image 3 in one of them, and a file that is no
    image in the other. The verification network is made to tell equal pictures (score 0.88) from all others.
    """
    save_small_models(folder / "models")
    save_decisive_verification(folder / "models/verification")
    write_mimic(folder / "mimic")
    for number in range(NEW):
        _write(folder / f"synthetic/{_label(number)}/new{number}.png", encode_png(picture(1000 + number)))
    _write(folder / "synthetic/Cardiomegaly/copy.jpg", jpeg(3))
    _write(folder / "synthetic/No_Cardiomegaly/text.png", b"not an image at all")
    return write_seed_config(folder)


def save_decisive_verification(folder: Path) -> None:
    """Write a verification model with score 1 / (1 + exp(-2)) for equal features and next to 0 for different ones."""
    shape = VerificationArchitecture("resnet10", 16)
    torch.manual_seed(0)
    state = build_network(shape).state_dict()
    state["fc_end.weight"].fill_(-300.0)
    state["fc_end.bias"].fill_(2.0)
    save_model(folder, ModelKind.VERIFICATION, shape, SMALL, state, {})


def jpeg(number: int) -> bytes:
    """A picture as MIMIC-CXR-JPG has them."""
    buffer = io.BytesIO()
    Image.fromarray(picture(number)).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def write_mimic(root: Path) -> None:
    """Write the images and the table of splits."""
    rows = [["dicom_id", "study_id", "subject_id", "split"]]
    for number in range(REAL):
        subject, study = SUBJECT + number // 2, 50000000 + number
        rows.append([f"image{number:02}", study, subject, "train"])
        _write(root / f"files/p10/p{subject}/s{study}/image{number:02}.jpg", jpeg(number))
    with (root / "mimic-cxr-2.0.0-split.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def write_seed_config(folder: Path, name: str = "config.yaml", **changes: object) -> Path:
    """Write a configuration of anonymization-pipeline with its own keys."""
    settings = {
        "dataset_name": "mimic",
        "anonymous_dataset_path": "synthetic",
        "real_dataset_path": "mimic",
        "real_dataset_splits_path": "mimic/mimic-cxr-2.0.0-split.csv",
        "verification_model": "models/verification",
        "retrieval_model": "models/retrieval",
        "lookup_table_output": "outputs/lookup_table.pth",
        "nearest_images_output": "outputs/nearest_images.csv",
        "verification_output": "outputs/verification_results.csv",
        "filtered_dataset_output": "outputs/filtered_dataset",
        **changes,
    }
    path = folder / name
    path.write_text(yaml.safe_dump({key: value for key, value in settings.items() if value is not None}))
    return path


def _label(number: int) -> str:
    return ("Cardiomegaly", "No_Cardiomegaly")[number % 2]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
