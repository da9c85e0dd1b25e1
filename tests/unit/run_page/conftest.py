"""Rows, results folders and pages of invented runs."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from support.run_results import (
    checked,
    evidence_of,
    failed,
    policy,
    reference_id,
    run_of,
    table,
    typical_rows,
    write_manifest,
    write_results,
)

from cxrgate.run_page.page import write_report


class DrawnPictures:
    """Gradients instead of radiographs, larger than a page shows them."""

    def __init__(self):
        self.asked = []

    def synthetic(self, image_id, pixel_digest):
        self.asked.append(image_id)
        return np.tile(np.linspace(0, 255, 512).astype(np.uint8), (400, 1))

    def reference(self, reference_id):
        self.asked.append(reference_id)
        return np.tile(np.linspace(255, 0, 400).astype(np.uint8)[:, None], (1, 512))


ROWS = SimpleNamespace(
    checked=checked,
    failed=failed,
    typical=typical_rows,
    table=table,
    evidence=evidence_of,
    policy=policy,
    run=lambda: run_of(policy(), 0),
    pictures=DrawnPictures,
    reference_id=reference_id,
    references=lambda place: [reference_id(place, rank) for rank in range(4)],
)


@pytest.fixture
def rows():
    """Rows of results.parquet and what belongs to them."""
    return ROWS


@pytest.fixture
def results(tmp_path):
    """Write a results folder and give its path."""
    return lambda images, **changes: write_results(tmp_path / "results", images, **changes)


@pytest.fixture
def page(results, tmp_path):
    """Write results and their page, and give the page's HTML."""

    def render(images, pictures=None, **changes):
        output, released = tmp_path / "report.html", tmp_path / "released"
        names = table(images)["released_as"]
        write_manifest(released, {name for name in names if name} - set(changes.pop("withheld", ())))
        write_report(results(images, **changes), released, output, pictures)
        return output.read_text(encoding="utf-8")

    return render


@pytest.fixture
def section():
    """Cut one section out of a page."""
    return lambda html, name: re.search(rf'<section id="{name}".*?</section>', html, re.DOTALL).group()
