"""The job that every fault falls into: many small images, every bad input once, and planted leaks."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from support.bad_dicoms import REFUSED as BAD_DICOMS
from support.bad_rasters import REFUSED as BAD_RASTERS

from cxrgate.images.codec.encode import encode_png

IMAGES, FEW, REFERENCES, LEAKS = 1000, 200, 60, 20
SIDE, BATCH = 64, 32
MISBEHAVIOURS = ("exit", "segfault", "memory", "odd")
"""What a decoder does with four sound images where it is told to, by the first word of their names."""
JOURNAL = "work/journal.jsonl"
"""In the output of a run."""
MODEL_STORE = Path(__file__).parents[2] / "model_store"


@dataclass(frozen=True, slots=True)
class Job:
    """Where the sets and the snapshot lie; `config` writes a configuration of them."""

    folder: Path
    snapshot_name: str = "snapshot"

    @property
    def snapshot(self) -> Path:
        """Its folder."""
        return self.folder / self.snapshot_name

    @property
    def listed(self) -> frozenset[str]:
        """Ids of all images that are to be checked."""
        root = self.folder / "synthetic"
        return frozenset(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())

    def output(self, name: str) -> Path:
        """The output folder of that name."""
        return self.folder / name

    def config(self, name: str, **more: object) -> Path:
        """Write the configuration of a run into the output of that name."""
        private = f"private {self.snapshot_name}"
        settings = {
            "synthetic": "synthetic",
            "output": str(self.output(name)),
            "snapshot": str(self.snapshot),
            "models": str(MODEL_STORE),
            "enrol": f"{{images: real.csv, key: {private}/key, reference_map: {private}/references.csv}}",
            "policy": "{score_threshold: 0.9, minimum_typicality: -1, minimum_frontality: null}",
            "engine": "matrix",
            "batch_size": BATCH,
            **more,
        }
        path = self.folder / f"{name}.yaml"
        path.write_text("\n".join(f"{key}: {value}" for key, value in settings.items()) + "\n")
        return path

    def clear(self, name: str) -> None:
        """Remove the output of that name."""
        shutil.rmtree(self.output(name), ignore_errors=True)


def write_job(folder: Path, images: int = IMAGES) -> Job:
    """Draw the sets: synthetic images in two classes, references of one patient each, copies of some of them."""
    rows = []
    for number in range(REFERENCES):
        _write(folder / f"real/{number:03}.png", encode_png(picture(number)))
        rows.append([f"real/{number:03}.png", f"patient {number}"])
    with (folder / "real.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "patient_id"], *rows])
    for number in range(images):
        _write(folder / f"synthetic/{'ab'[number % 2]}/new{number:04}.png", encode_png(picture(10_000 + number)))
    for number in range(images * LEAKS // IMAGES):
        _write(folder / f"synthetic/{'ab'[number % 2]}/leak{number:03}.png", encode_png(picture(number)))
    for number, action in enumerate(MISBEHAVIOURS):
        _write(folder / f"synthetic/{action} {number}.png", encode_png(picture(20_000 + number)))
    for number, (content, _) in enumerate([*BAD_RASTERS.values(), *BAD_DICOMS.values()]):
        _write(folder / f"synthetic/bad/{number:03}.png", content)
    return Job(folder)


def picture(seed: int) -> np.ndarray:
    """A smooth random picture uint8[SIDE, SIDE]; equal seeds give equal pictures."""
    rng = np.random.default_rng(seed)
    spectrum = np.zeros((SIDE, SIDE), np.complex128)
    spectrum[:8, :8] = rng.normal(size=(8, 8)) + 1j * rng.normal(size=(8, 8))
    values = np.fft.ifft2(spectrum).real
    return np.rint(255 * (values - values.min()) / np.ptp(values)).astype(np.uint8)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
