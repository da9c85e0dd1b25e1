import re
from types import SimpleNamespace

import pytest
from support.measured_references import TERMS, drawn, mixed

from cxrgate.core import SnapshotError
from cxrgate.index.manifest import PartName
from cxrgate.index.measuring.measure import measure
from cxrgate.run_page.snapshot_page import write_snapshot_page


def page(tmp_path, references):
    about = measure(references, TERMS).to_json()
    parts = {PartName.MEASUREMENT: SimpleNamespace(about=about)}
    manifest = SimpleNamespace(references=len(references.identity), patients=500, digest="cd" * 32, parts=parts)
    write_snapshot_page(manifest, 0.05, tmp_path / "page.html")
    return (tmp_path / "page.html").read_text()


def test_the_page_has_the_sentences_the_curve_and_a_row_per_rate(tmp_path):
    html = page(tmp_path, mixed(500))

    assert "5 % of unenrolled patients are flagged, measured on 500 patients" in html
    assert "The curve of the two rates" in html
    assert html.count("<tr>") == 1 + 13
    assert not re.search(r"<script|https?://", html)


def test_where_nothing_could_be_measured_the_page_says_why(tmp_path):
    html = page(tmp_path, drawn(5, 2))

    assert "No false-flag rate is promised" in html
    assert "<table" not in html
    assert "<figure" not in html


def test_a_snapshot_that_never_measured_itself_has_no_page(tmp_path):
    with pytest.raises(SnapshotError, match="index measure"):
        write_snapshot_page(SimpleNamespace(parts={}), 0.05, tmp_path / "page.html")


def test_one_reference_of_one_patient_is_said_in_the_singular(tmp_path):
    about = measure(drawn(5, 2), TERMS).to_json()
    parts = {PartName.MEASUREMENT: SimpleNamespace(about=about)}
    write_snapshot_page(
        SimpleNamespace(references=1, patients=1, digest="cd" * 32, parts=parts), 0.05, tmp_path / "one.html"
    )

    assert "1 reference of 1 patient." in (tmp_path / "one.html").read_text()
