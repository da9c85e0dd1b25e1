"""The page and the plots of an audit."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.drawn_listing import rows
from support.fakes import POLICY

from cxrgate.audit.audit import Audit
from cxrgate.audit.axes import Axes
from cxrgate.audit.exhaustive import Exhaustive
from cxrgate.audit.page import write_page
from cxrgate.audit.plots import plots
from cxrgate.core.standout import Standout
from cxrgate.growth.extrapolation import extrapolate
from cxrgate.growth.growth import Growth
from cxrgate.index.self_measurement import OperatingPoint, Share
from cxrgate.planted.bounds import upper_bound
from cxrgate.planted.figures import leak_rows
from cxrgate.plots.plot import BOTTOM, LEFT, RIGHT, TOP, Axis, Series, plot

RULE = replace(
    POLICY, score_threshold=None, standout_threshold=0.5, standout=Standout(), borderline=0.3, copy_threshold=0.9
)
NOBODY = Share(0.0, 0.0, 1.0, 0)
POINTS = [
    OperatingPoint(rate, standout, standout, copy, NOBODY)
    for rate, standout, copy in ((0.01, 0.54, 0.915), (0.05, 0.5, 0.9), (0.1, 0.47, 0.89), (0.5, 0.2, 0.7))
]


def table(kind, leak_class, strength, standouts, similarities):
    """Cases decided by RULE."""
    flagged = (standouts >= 0.5) | (similarities >= 0.9)
    return pd.DataFrame(
        {
            "patient": [f"{leak_class} {number}" for number in range(len(standouts))],
            "kind": kind,
            "leak_class": leak_class,
            "strength": strength,
            "variant": "",
            "decision": np.where(flagged, "NOT_ANONYMOUS", "ANONYMOUS"),
            "reasons": np.where(flagged, "COPY", ""),
            "score": 0.2,
            "standout": standouts,
            "similarity": similarities,
            "typicality": 0.5,
            "frontality": np.nan,
            "found": kind == "leak",
            "failed": False,
            "refused": False,
        }
    )


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(0)

    def clean():
        return table("clean", "", "", rng.uniform(0, 0.55, 100), rng.uniform(0.6, 0.92, 100))

    leaks = [
        table("leak", "medium_copy", "192 px", rng.uniform(0.6, 1, 60), rng.uniform(0.9, 1, 60)),
        table("leak", "blend", "weak <b>", rng.uniform(0.3, 1, 60), rng.uniform(0.7, 1, 60)),
        table("leak", "blend", "strong", rng.uniform(0, 0.4, 60), rng.uniform(0.6, 0.8, 60)),
    ]
    axes = Axes({}, {}, Exhaustive(0, 0, 0, 0))
    cases = pd.concat([*leaks, clean()], ignore_index=True)
    growth = Growth(rows(), extrapolate(rows()))
    return Audit(RULE, POINTS, cases, axes, RULE.standout, growth)


def test_an_axis_places_values_and_keeps_those_outside_on_its_edge():
    drawn = plot(
        "title",
        "caption",
        Axis("x", 1, 100, (1, 10, 100), logarithmic=True),
        Axis("y", 0, 1, (0, 1)),
        [Series("a", [(1, 0), (10, 0.5), (1000, 2)], 1)],
    )

    middle = ((LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2)
    assert drawn.series[0].points == [(LEFT, BOTTOM), middle, (RIGHT, TOP)]


def test_the_roc_passes_the_share_that_this_gate_stops(result):
    drawn = plots(result.cases, RULE, POINTS, list(leak_rows(result.cases)))
    roc = next(item for item in drawn if item.title.startswith("Leaks stopped"))

    assert [series.name for series in roc.series] == ["medium copies"]
    # The last point flags more unenrolled patients than any gate that is used.
    assert len(roc.series[0].points) == 3
    heights = [point[1] for point in roc.series[0].points]
    assert heights == sorted(heights, reverse=True)
    assert roc.marks[0].label == "this gate"
    assert roc.marks[0].position == roc.series[0].points[1][0]


def test_a_gate_that_decides_by_the_score_shows_the_score_and_no_rates_that_nobody_measured(result):
    by_score = replace(POLICY, score_threshold=0.5)
    drawn = plots(result.cases, by_score, (), list(leak_rows(result.cases)))

    assert [item.title for item in drawn] == ["Same-patient score", "Copy similarity", "What so many patients can show"]


def test_the_page_names_the_thresholds_that_decided(result, tmp_path):
    write_page(result, tmp_path / "audit.html")

    html = (tmp_path / "audit.html").read_text()
    assert re.search(r"Thresholds of the rule: standout 0\.50*, copy 0\.90*\.", html)


def test_the_dots_of_the_bounds_are_the_audit_s_classes(result):
    rows = list(leak_rows(result.cases))
    drawn = plots(result.cases, RULE, POINTS, rows)[-1]
    dots = next(series for series in drawn.series if series.form == "dots")

    assert len(dots.points) == 2
    assert upper_bound(0, 60, 0.05) == pytest.approx(1 - rows[0].share.lower_95)


def test_the_page_stands_by_itself_and_escapes_names(result, tmp_path):
    write_page(result, tmp_path / "audit.html")
    html = (tmp_path / "audit.html").read_text()

    assert "weak &lt;b&gt;" in html
    assert not re.search(r"<script|https?://(?!www\.w3\.org)|<img", html)
    assert html.count("<figure") == 7
    assert "patients who are not enrolled" in html
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html


def test_equal_results_give_equal_pages(result, tmp_path):
    for name in ("a", "b"):
        write_page(result, tmp_path / name)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
