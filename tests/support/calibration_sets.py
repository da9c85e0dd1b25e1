"""What a small calibration takes: a leak policy that asks for little, and a listing of enrolled and other patients."""

from __future__ import annotations

import csv

from PIL import Image

from support.fakes import picture

NEW = 40
POLICY = """
certified: [{class: identical, strength: same pixels, rate: 0.09}]
confidence: 0.6
false_flags: 0.3
measured_patients: 2
allow_laxer_thresholds: true
"""


def write_listing(folder, *more):
    """The real images, pictures of patients who are not enrolled, and whatever else."""
    with (folder / "real.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    for number in range(NEW):
        name = f"real/new{number}.png"
        Image.fromarray(picture(5000 + number)).save(folder / name)
        rows.append([name, f"new {number}"])
    with (folder / "listing.csv").open("w", newline="") as file:
        csv.writer(file).writerows([*rows, *more])
