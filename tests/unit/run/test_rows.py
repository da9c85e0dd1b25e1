"""What is recorded of one image."""

from dataclasses import replace

import numpy as np
import pandas as pd
from support.fakes import POLICY, evidence, picture

from cxrgate.core import Failure, GreyImage, Stage
from cxrgate.gate.pipeline import Checked
from cxrgate.run.results import write_results
from cxrgate.run.rows import RESULT_COLUMNS, evidence_rows, result_row
from cxrgate.run.sources import Source

FAILED = Checked(None, Failure("cut", Stage.DECODE, "INVALID_ARGUMENT", "TRUNCATED", "expected a whole chunk"))


def checked(image_id, frontality, least=0.5):
    found = evidence(image_id=image_id)
    found = replace(found, candidates=replace(found.candidates, frontality=frontality))
    verdict = replace(POLICY, minimum_frontality=least).decide(found, "pixels")
    return Checked(GreyImage(image_id, picture(1)), verdict)


def test_every_row_has_every_column():
    for item in (checked("told", 0.75), FAILED):
        assert result_row(item, "label", "name.png").keys() == set(RESULT_COLUMNS)


def test_what_the_pixels_come_from_is_recorded():
    row = result_row(checked("told", 0.75), "", "name.png", Source("bytes", "cxrgate 1"))
    assert (row["source_digest"], row["decoding"]) == ("bytes", "cxrgate 1")


def test_frontality_is_recorded_and_empty_where_nobody_says(tmp_path):
    items = [checked("told", 0.75), checked("stranger", 0.25), checked("silent", None, None), checked("bad", np.nan)]
    rows = [result_row(item, "", "name.png") for item in (*items, FAILED)]
    batch = {"results": rows, "evidence": [row for item in items for row in evidence_rows(item)]}
    write_results(tmp_path, {0: batch})

    table = pd.read_parquet(tmp_path / "results.parquet").set_index("image_id")
    assert table["frontality"].dropna().to_dict() == {"told": 0.75, "stranger": 0.25}
    assert table["reasons"].to_dict() == {
        "told": "", "stranger": "STRANGER", "silent": "", "bad": "SCORE_INVALID", "cut": "TRUNCATED",
    }  # fmt: skip
    csv = pd.read_csv(tmp_path / "results.csv", index_col="image_id")
    pd.testing.assert_series_equal(csv["frontality"], table["frontality"])


def test_matches_are_recorded_per_candidate_and_the_most_per_image_and_empty_where_nobody_asked(tmp_path):
    found = evidence(image_id="matched")
    found = replace(found, candidates=replace(found.candidates, matches=np.array([3, 40, 0])))
    rule = replace(POLICY, match_threshold=36, match_method="sift")
    items = [Checked(GreyImage("matched", picture(1)), rule.decide(found, "pixels")), checked("plain", 0.75)]
    rows = [result_row(item, "", "name.png") for item in (*items, FAILED)]
    write_results(tmp_path, {0: {"results": rows, "evidence": [row for item in items for row in evidence_rows(item)]}})

    table = pd.read_parquet(tmp_path / "results.parquet").set_index("image_id")
    told = pd.read_parquet(tmp_path / "evidence.parquet").set_index("image_id")["matches"]
    assert table["matches"].dropna().to_dict() == {"matched": 40}
    assert told["matched"].tolist() == [3, 40, 0]
    assert told["plain"].isna().all()
