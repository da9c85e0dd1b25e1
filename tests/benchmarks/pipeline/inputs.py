"""Images for the pipeline's measurements: a few pictures with a detector's noise, each under many names."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from cxrgate.gate.config import Enrol, ModelFolders, PolicyConfig, RunConfig
from cxrgate.images.codec.encode import encode_png

STORE = Path(__file__).parents[3] / "model_store"
REFERENCES = 64
DIFFERENT = 64
"""Pictures; a name more is a hard link, so that a set of 200,000 is written in seconds."""
SMOOTH = 256
"""Pixels at which a larger picture is drawn: it shows nothing finer, and drawing takes seconds for a few large ones."""
NOISE = 2
"""Grey levels either side: a PNG of 1,024 px then has 400 to 500 kB, as those of radiographs have."""


def noisy(number, side):
    """Uint8[side, side], with an edge's worth of structure and noise in every pixel."""
    from support.fakes import picture  # noqa: PLC0415 - loads torch, which a run with null models must not have

    small = picture(number, (min(side, SMOOTH), min(side, SMOOTH)))
    smooth = np.asarray(Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)).astype(np.int16)
    noise = np.random.default_rng(number).integers(-NOISE, NOISE + 1, smooth.shape)
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)


def write_references(folder, side):
    """A list of real images, each another patient's."""
    (folder / "real").mkdir(parents=True)
    for number in range(REFERENCES):
        (folder / f"real/{number:04}.png").write_bytes(encode_png(noisy(number, side)))
    rows = [f"real/{number:04}.png,{number}\n" for number in range(REFERENCES)]
    (folder / "real.csv").write_text("image,patient_id\n" + "".join(rows))


def write_synthetic(folder, name, side, images):
    """So many images below folder/name, a thousand in a folder; all sets of a folder have the same pictures."""
    for number in range(images):
        path = folder / name / f"{number // 1000:04}/{number % 1000:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn = folder / f"pictures/{number % DIFFERENT:04}.png"
        if not drawn.exists():
            drawn.parent.mkdir(exist_ok=True)
            drawn.write_bytes(encode_png(noisy(1000 + number % DIFFERENT, side)))
        os.link(drawn, path)


def config(folder, name, store, output, **more):
    """A run over folder/name by the models of a store."""
    return RunConfig(
        synthetic=folder / name,
        output=output,
        snapshot=folder / "snapshot",
        models=ModelFolders.of(store),
        enrol=Enrol(images=folder / "real.csv", key=folder / "key", reference_map=folder / "map.csv"),
        # Invented pictures are no radiographs; and one that is not released is not encoded.
        policy=PolicyConfig(score_threshold=1.0, copy_threshold=None, minimum_typicality=-1, minimum_frontality=None),
        **more,
    )
