"""Pictures with enough to see for keypoints, and copies of them that no descriptor of the whole picture knows again."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from cxrgate.images.codec.encode import encode_png
from support.fakes import save_small_models
from support.image_sets import write_config

SIDE = 256


def texture(seed: int) -> np.ndarray:
    """Blobs of several sizes, uint8[256, 256]; equal seeds give equal pictures."""
    rng = np.random.default_rng(seed)
    values = sum(
        weight * _enlarged(rng.uniform(0, 255, (grid, grid)).astype(np.float32))
        for grid, weight in ((8, 2), (16, 1), (32, 1))
    )
    return np.rint(255 * (values - values.min()) / np.ptp(values)).astype(np.uint8)


def _enlarged(values: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(values).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def turned(pixels: np.ndarray) -> np.ndarray:
    """By 30 degrees; what comes in at the corners is black."""
    return np.asarray(Image.fromarray(pixels).rotate(30, Image.Resampling.BICUBIC))


def cropped(pixels: np.ndarray) -> np.ndarray:
    """To 60 % of either side, about the middle."""
    margin = SIDE // 5
    return pixels[margin:-margin, margin:-margin]


def write_textures(folder: Path, **policy: object) -> Path:
    """Models, 12 real pictures of 6 patients, and five to check: new, turned, cropped, mirrored, and the same.

    Gives the configuration's path; the threshold on the untrained score is 1.
    """
    save_small_models(folder / "models")
    (folder / "real").mkdir()
    rows = [[f"real/{number}.png", f"patient {number // 2}"] for number in range(12)]
    for number, (name, _) in enumerate(rows):
        (folder / name).write_bytes(encode_png(texture(number)))
    with (folder / "real.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "patient_id"], *rows])
    (folder / "synthetic").mkdir()
    made = {
        "new": texture(100),
        "turned": turned(texture(3)),
        "cropped": cropped(texture(4)),
        "mirrored": np.ascontiguousarray(texture(5)[:, ::-1]),
        "same": texture(6),
    }
    for name, pixels in made.items():
        (folder / f"synthetic/{name}.png").write_bytes(encode_png(pixels))
    return with_policy(folder, "out", **policy)


def with_policy(folder: Path, output: str, **policy: object) -> Path:
    """A configuration of another run over the same pictures; `snapshot` names another one."""
    more = {"snapshot": policy.pop("snapshot")} if "snapshot" in policy else {}
    rule = {"score_threshold": 1.0, "borderline": 0.9, "minimum_typicality": -1, **policy}
    text = ", ".join(f"{name}: {value}" for name, value in rule.items())
    return write_config(folder, folder / output, 4, policy=f"{{{text}}}", **more)
