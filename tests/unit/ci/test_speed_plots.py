"""The plots of growth in the manual are those of its figures."""

import importlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DRAWN = sorted((ROOT / "docs/operations").glob("growth-*.svg"))


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / ".ci")
    return importlib.import_module("speed_plots")


def test_each_plot_is_drawn_of_the_figures_that_are_committed(script):
    figures = json.loads(script.FIGURES.read_text())

    assert {path.name: path.read_text() for path in DRAWN} == {
        f"growth-{name}.svg": script.svg(drawing) for name, drawing in script.plots(figures).items()
    }
    assert {path.name for path in DRAWN} == {
        f"growth-{name}.svg" for name in ("search", "references-memory", "images-time", "images-memory")
    }


def test_the_table_is_of_the_same_figures(script):
    page = script.PAGE.read_text()

    assert script.with_table(page, script.table(json.loads(script.FIGURES.read_text()))) == page


def test_what_is_measured_again_counts_anew_and_the_rest_stays(script):
    before = {"images": {"10": {"seconds": 1}, "20": {"seconds": 2}}, "all_spaces": {"5": {"peak_gib": 1}}}
    about = {"machine": {"cores": 2}, "commit": "c"}
    bench = {"parts": {"images": about}, "growth_over_images": {"20": {"seconds": 3}}}

    found = script.taken_over(bench, before)

    assert found["images"] == {"10": {"seconds": 1}, "20": {"seconds": 3, **about}}
    assert found["all_spaces"] == before["all_spaces"]
