"""Small real and synthetic sets on disk, and a configuration of a run over them."""

from __future__ import annotations

import csv
from pathlib import Path

from PIL import Image

from cxrgate.images.codec.encode import encode_png
from support.fakes import picture, save_small_models

PATIENTS, VIEWS, NEW = 12, 2, 20


def write_sets(folder: Path) -> Path:
    """Write models, 24 real images of 12 patients and 34 synthetic ones, and give the configuration's path.

    Synthetic: new pictures in two classes, copies (identical, JPEG, rescaled) and files that are no image.
    The threshold on the untrained score is 1: only copies are matches.
    """
    save_small_models(folder / "models")
    rows = []
    for number in range(PATIENTS * VIEWS):
        name = f"real/{number:03}.png"
        _write(folder / name, encode_png(picture(number)))
        rows.append([name, f"patient {number // VIEWS}"])
    with (folder / "real.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "patient_id"], *rows])
    for number in range(NEW):
        _write(folder / f"synthetic/{'ab'[number % 2]}/new{number:02}.png", encode_png(picture(1000 + number)))
    write_copies(folder / "synthetic" / "a")
    _write(folder / "synthetic/b/cut.png", encode_png(picture(1))[:300])
    _write(folder / "synthetic/b/text.png", b"not an image at all")
    return write_config(folder, folder / "out", 4)


def write_copies(folder: Path) -> None:
    """Identical, re-encoded and rescaled copies of real images 0 to 3."""
    for number in range(4):
        image = Image.fromarray(picture(number))
        _write(folder / f"copy{number}.png", encode_png(picture(number)))
        image.save(folder / f"jpeg{number}.jpg", quality=40)
        image.resize((160, 192)).save(folder / f"scaled{number}.png")


def write_config(folder: Path, output: Path, batch_size: int, **more: object) -> Path:
    """Write the configuration of a run into `output`."""
    settings = {
        "synthetic": "synthetic",
        "output": str(output),
        "snapshot": "snapshot",
        "models": "{retrieval: models/retrieval, verification: models/verification}",
        "enrol": "{images: real.csv, key: private/key, reference_map: private/references.csv}",
        "policy": "{score_threshold: 1.0, borderline: 0.9, minimum_typicality: -1}",
        "batch_size": batch_size,
        **more,
    }
    path = folder / f"{output.name}.yaml"
    path.write_text("\n".join(f"{key}: {value}" for key, value in settings.items()) + "\n")
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
