import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from support.run_results import write_manifest

from cxrgate.core import MismatchError, UsageError
from cxrgate.plots.charts import charts
from cxrgate.plots.histogram import LEFT, RIGHT, Zone
from cxrgate.run.recorded import read_results
from cxrgate.run_page.page import write_report

MALICIOUS = "\"'><script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>.png"
VOID = {"meta", "img", "br", "link", "input", "hr"}
SVG_LEAVES = {"line", "rect"}


class Page(HTMLParser):
    """What a browser would see: the elements, and that they are closed in order."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def tags(self, name):
        return [attrs for tag, attrs in self.elements if tag == name]


def test_page_says_what_happened_and_that_nothing_is_certified(page, rows):
    html = page(rows.typical())

    assert "97 of 120 images released; 18 removed: 12 same patient, 9 copy; 5 without an answer." in html
    assert "Uncertified: no bound on missed leaks has been measured." in html
    assert "3 of the removed images were removed for both reasons" in html


def test_page_claims_neither_anonymity_nor_a_guarantee(page, rows):
    text = re.sub(r"<[^>]*>", " ", page(rows.typical()))

    assert "no match found" in text
    assert not re.search(r"is anonymous|are anonymous|guarantee|safe to", text, re.IGNORECASE)


def test_page_is_well_formed_and_accessible(page, rows):
    read = Page(page(rows.typical()))

    assert read.open == []
    assert {tag for tag, _ in read.elements} >= {"header", "main", "nav", "footer", "figcaption"}
    assert all(attrs["scope"] in {"row", "col"} for attrs in read.tags("th"))
    drawings = [attrs for attrs in read.tags("svg") if attrs.get("role") == "img"]
    assert len(drawings) == 4
    assert all(attrs["aria-label"].startswith("Histogram of") for attrs in drawings)
    ids = [attrs["id"] for _, attrs in read.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["href"][1:] for attrs in read.tags("a")} <= set(ids)


def test_page_loads_nothing_and_holds_no_pixels_without_pictures(page, rows):
    html = page(rows.typical())

    assert not re.search(r"https?://|src=|@import|<script|<link|<img|data:image|url\((?!#)", html)
    assert "This page holds no pixels" in html


def test_names_from_outside_are_text(page, rows):
    flagged = rows.checked(MALICIOUS, MALICIOUS, score=0.9)
    borderline = rows.checked("b" + MALICIOUS, MALICIOUS, score=0.45)
    failed = rows.failed("c" + MALICIOUS, MALICIOUS, message=MALICIOUS)
    html = page([flagged, borderline, failed], rows.pictures(), synthetic={"images": 3, "name": MALICIOUS})
    read = Page(html)

    assert read.open == []
    assert read.tags("script") == []
    assert all(attrs["src"].startswith("data:image/png;base64,") for attrs in read.tags("img"))
    assert not any(name.startswith("on") for _, attrs in read.elements for name in attrs)
    assert html.count("&lt;script&gt;") >= 8


def test_digests_stand_in_full(page, rows):
    html = page(rows.typical())
    run = rows.run()

    digests = [run["policy_digest"], run["snapshot"]["digest"], run["snapshot"]["images"]]
    digests += [model["digest"] for model in run["models"].values()]
    assert all(f">{digest}</code>" in html for digest in digests)


def test_thresholds_are_drawn_at_their_place(page, rows):
    html = page(rows.typical(), policy={"score_threshold": 0.7, "borderline": 0.25})
    drawing = re.search(r"<svg [^>]*same-patient score.*?</svg>", html, re.DOTALL).group()

    for value, label in ((0.7, "threshold 0.7"), (0.25, "borderline 0.25")):
        x = round(LEFT + value * (RIGHT - LEFT), 2)
        assert re.search(rf'<line x1="{x}" x2="{x}"[^>]*/>\s*<text [^>]*>{label}</text>', drawing)


def test_zones_agree_with_the_decisions_within_the_band(rows):
    images = [rows.checked(str(score), score=score) for score in (0.3998, 0.39995, 0.4998, 0.49995, 0.5)]
    images += [rows.checked(f"t{value}", typicality=value) for value in (0.35005, 0.3502)]
    table = rows.table(images)
    score, copy, _, typicality = charts(table, rows.policy())

    counted = {zone.zone: zone.count for zone in score.histogram.zones}
    assert counted[Zone.MATCH] == (table["decision"] == "NOT_ANONYMOUS").sum() == 2
    assert counted[Zone.BORDERLINE] == table["borderline"].sum() == 2
    assert {zone.zone: zone.count for zone in copy.histogram.zones}[Zone.MATCH] == 0
    assert {zone.zone: zone.count for zone in typicality.histogram.zones}[Zone.ATYPICAL] == 1


def test_frontality_is_drawn_where_the_policy_asks_for_it(rows):
    images = [rows.checked(f"f{value}", frontality=value) for value in (0.50005, 0.5002)] + [rows.checked("none")]
    table = rows.table(images)
    *_, drawn = charts(table, rows.policy(minimum_frontality=0.5))

    assert [(zone.zone, zone.count) for zone in drawn.histogram.zones] == [(Zone.ATYPICAL, 1), (Zone.CLEAR, 1)]
    assert drawn.histogram.missing == 1
    assert len(charts(table, rows.policy())) == 4


def test_wide_bands_reach_over_the_edges_of_the_charts(rows):
    table = rows.table([rows.checked("a", similarity=0.95, typicality=0.99, frontality=0.99)])
    wide = rows.policy(band=0.16, minimum_typicality=0.9, minimum_frontality=0.9)
    _, copy, _, typicality, frontality = charts(table, wide)

    assert {zone.zone: zone.count for zone in copy.histogram.zones}[Zone.MATCH] == 1
    for drawn in (typicality, frontality):
        assert {zone.zone: zone.count for zone in drawn.histogram.zones}[Zone.ATYPICAL] == 1


def test_results_of_an_earlier_version_are_refused_by_what_they_lack(results, rows):
    folder = results(rows.typical())
    pd.read_parquet(folder / "results.parquet").drop(columns="frontality").to_parquet(folder / "results.parquet")

    with pytest.raises(UsageError, match="it lacks frontality; run again into another output folder"):
        read_results(folder)


def test_page_of_a_hundred_thousand_images_stays_small(page, rows):
    scores = np.random.default_rng(0).beta(1, 8, 100_000)
    row = rows.checked("")
    table = rows.table([row]).iloc[np.zeros(len(scores), dtype=int)].reset_index(drop=True)
    table["image_id"] = [f"class/{'x' * 200}{place}.png" for place in range(len(scores))]
    table["score"] = scores
    table["decision"] = np.where(scores >= 0.4999, "NOT_ANONYMOUS", "ANONYMOUS")
    table["reasons"] = np.where(scores >= 0.4999, "SAME_PATIENT", "")
    table["released_as"] = np.where(scores >= 0.4999, "", "x.png")

    assert len(page(table, evidence=rows.evidence([]))) < 2_000_000


def test_what_reviewers_withheld_is_counted_as_not_released(page, section, rows):
    images = [rows.checked(name, score=score) for name, score in (("a", 0.1), ("b", 0.45), ("c", 0.46))]
    html = page(images, withheld=["released/b"])

    assert "2 of 3 images released; none removed; 1 withheld by reviewers." in html
    assert "1 image without a match was withheld by reviewers and is not released." in section(html, "decisions")
    assert 'data-label="Released" class="number">2<' in section(html, "decisions")
    assert ">c<" in section(html, "borderline")
    assert ">b<" not in section(html, "borderline")


def test_run_without_images_has_a_page(page):
    html = page([])

    assert "No image was checked." in html
    assert html.count("No image has a value.") == 4


def test_run_of_failures_only_has_a_page_without_nan(page, rows):
    html = page([rows.failed(f"{place}.png", "") for place in range(3)])

    assert "0 of 3 images released; none removed; 3 without an answer." in html
    assert not re.search(r"\bnan\b", html, re.IGNORECASE)


def test_policy_without_copy_threshold_says_that_copies_were_not_looked_for(page, rows):
    html = page([rows.checked("a")], policy={"copy_threshold": None})

    assert "none: not looked for" in html
    assert "this policy has no copy threshold" in html


def test_throughput_is_left_out_without_timing(page, rows):
    assert "images per second" in page([rows.checked("a")])
    for timing in (None, {"finished": "2026-11-28T11:02:00+00:00"}):
        assert 'id="throughput"' not in page([rows.checked("a")], timing=timing)


def test_results_folder_is_checked(tmp_path, results, rows):
    released = write_manifest(tmp_path / "released", [])
    with pytest.raises(UsageError, match=r"no results of a run: run\.json"):
        write_report(tmp_path, released, tmp_path / "report.html")

    folder = results([{**rows.failed("a"), "released_as": "released/a.png"}])
    with pytest.raises(UsageError, match="1 released images are not ANONYMOUS"):
        write_report(folder, released, tmp_path / "report.html")
    with pytest.raises(UsageError, match=r"no released set: it has no manifest\.json"):
        write_report(results([rows.checked("a")]), tmp_path / "none", tmp_path / "report.html")
    assert list(tmp_path.glob("*report.html*")) == []


def test_match_without_any_evidence_is_refused(page, rows):
    nothing = rows.evidence([]).astype(object)

    with pytest.raises(UsageError, match="lacks the evidence"):
        page([rows.checked("a", score=0.9)], evidence=nothing)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"policy_digest": "0" * 64}, MismatchError),
        ({"policy": {}}, UsageError),
        ({"snapshot": {}}, UsageError),
    ],
)
def test_run_that_does_not_fit_is_refused_and_an_older_page_stays(tmp_path, results, rows, change, error):
    folder = results([rows.checked("a")])
    output = tmp_path / "report.html"
    output.write_text("before")
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, **change}))

    with pytest.raises(error):
        write_report(folder, write_manifest(tmp_path / "released", []), output)
    assert output.read_text() == "before"


def test_throughput_without_stages_has_no_bars(page, rows):
    timing = {"seconds": 2.0, "images_per_second": 0.5, "images": 1, "stages": {}}
    html = page([rows.checked("a")], timing=timing)

    assert "1 image in 2.0 seconds: 0.5 images per second." in html
    assert 'class="stages"' not in html


def test_stages_stand_with_seconds_and_rate(page, rows):
    stages = {
        "decode": {"seconds": 0.5, "images": 20, "images_per_second": 40.0},
        "embed": {"seconds": 2.0, "images": 19, "images_per_second": 9.5},
    }
    html = page([rows.checked("a")], timing={"seconds": 2.5, "images_per_second": 8.0, "images": 20, "stages": stages})
    items = re.findall(r"<li><span>(\w+)</span>.*?width: ([\d.]+)%.*?>([\d.]+) s<.*?>([\d.]+) images/s<", html)

    assert items == [("decode", "25.0", "0.5", "40.0"), ("embed", "100.0", "2.0", "9.5")]


def test_equal_results_give_equal_pages(page, rows):
    assert page(rows.typical()) == page(rows.typical())


def test_page_lists_the_released_images_nearest_to_a_threshold(page, rows):
    html = page(rows.typical())
    part = html.partition('id="nearest-title"')[2].partition("</section>")[0]

    assert part.count('<th role="rowheader"') == 10


def test_page_of_the_demo_says_that_its_patients_are_invented(results, rows, tmp_path):
    released = write_manifest(tmp_path / "released", [])
    write_report(results(rows.typical()), released, tmp_path / "demo.html", invented=True)
    html = (tmp_path / "demo.html").read_text()

    assert "The patients of this page are invented." in html
    assert "Drawings are easy" in html
