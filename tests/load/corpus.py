"""What is sent: small radiograph-like pictures, copies of enrolled ones, and files that are no images."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from support.fakes import picture
from support.null_models import null_models

from cxrgate.gate.config import read_config
from cxrgate.images.codec.encode import encode_png
from cxrgate.run.run import run

SIDE, SMALL = 1024, 256
"""Pixels: what the files of ChestX-ray14 have, 490 kB each, and what generators make, 40 kB each."""

CLEAN, LEAKS, BROKEN, REFERENCES = 48, 8, 8, 24
MODEL_STORE = Path(__file__).parents[2] / "model_store"


@dataclass(frozen=True, slots=True)
class Corpus:
    """Where images, snapshot and configuration of a gate lie."""

    folder: Path

    @property
    def images(self) -> Path:
        """The folder of the files that are sent, by their numbers."""
        return self.folder / "sent"

    @property
    def config(self) -> Path:
        """The gate's configuration."""
        return self.folder / "gate.yaml"

    @property
    def digest(self) -> str:
        """Sha256 over everything that is sent, in hex."""
        found = hashlib.sha256()
        for path in sorted(self.images.iterdir()):
            found.update(path.read_bytes())
        return found.hexdigest()


def write_corpus(folder: Path, workers: int, side: int = SIDE) -> Corpus:
    """Draw the files, so many pixels wide, and enrol the references; the gate has so many decode workers."""
    corpus = Corpus(folder)
    for name in ("sent", "real", "first"):
        (folder / name).mkdir(parents=True)
    references = [_noisy(number, side) for number in range(REFERENCES)]
    for number, content in enumerate(references):
        (folder / f"real/{number:03}.png").write_bytes(content)
    with (folder / "real.csv").open("w", newline="") as file:
        rows = [[f"real/{number:03}.png", f"patient {number}"] for number in range(REFERENCES)]
        csv.writer(file).writerows([["image", "patient_id"], *rows])
    clean = [_noisy(1000 + number, side) for number in range(CLEAN)]
    # Spread, so that every stretch of calls has some of each kind.
    sent = [*clean, *references[:LEAKS], *[content[: len(content) // 2] for content in clean[:BROKEN]]]
    for place, number in enumerate(np.random.default_rng(0).permutation(len(sent))):
        (corpus.images / f"{place:03}").write_bytes(sent[number])
    (folder / "first/one.png").write_bytes(clean[0])
    _enrol(corpus, workers)
    return corpus


def _noisy(seed: int, side: int) -> bytes:
    """A PNG file as long as a radiograph's."""
    rng = np.random.default_rng(seed)
    smooth = picture(seed, (side // 8, side // 8)).repeat(8, 0).repeat(8, 1)
    return encode_png(np.clip(smooth + rng.integers(-2, 3, smooth.shape), 0, 255).astype(np.uint8))


def _enrol(corpus: Corpus, workers: int) -> None:
    """The snapshot is that of a run over one image."""
    settings = {
        "synthetic": "first",
        "output": "output",
        "snapshot": "snapshot",
        "models": MODEL_STORE,
        "enrol": "{images: real.csv, key: private/key, reference_map: private/references.csv}",
        "policy": "{score_threshold: 0.9, minimum_typicality: -1, minimum_frontality: null}",
        "workers": workers,
    }
    corpus.config.write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))
    with null_models():
        run(read_config(corpus.config))
