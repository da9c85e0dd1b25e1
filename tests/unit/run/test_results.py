"""The tables of a run are written a row group at a time, and hold what a whole table would hold."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from support.fakes import POLICY, evidence, picture

from cxrgate.core import Failure, GreyImage, Stage
from cxrgate.gate.pipeline import Checked
from cxrgate.run import results
from cxrgate.run.results import spreadsheet_safe, write_results
from cxrgate.run.rows import (
    EVIDENCE_COLUMNS,
    EVIDENCE_NUMBERS,
    RESULT_COLUMNS,
    RESULT_NUMBERS,
    evidence_rows,
    result_row,
)


def batch(*items):
    rows = [result_row(item, "label", f"{item.outcome.image_id}.png") for item in items]
    return {"results": rows, "evidence": [row for item in items for row in evidence_rows(item)]}


def passed(name, score=0.1):
    found = POLICY.decide(evidence(scores=(score, 0.2, 0.3), image_id=name), "pixels")
    return Checked(GreyImage(name, picture(1)), found)


def failed(name):
    return Checked(None, Failure(name, Stage.DECODE, "INVALID_ARGUMENT", "TRUNCATED", "expected a whole chunk"))


BATCHES = {
    2: batch(passed("=e"), passed("f", 0.9)),
    0: batch(failed("a"), failed("b")),
    1: batch(passed("c"), failed("d")),
}


def whole(kind, columns):
    """The table made at once."""
    table = pd.DataFrame([row for number in sorted(BATCHES) for row in BATCHES[number][kind]], columns=list(columns))
    if kind == "evidence":
        return table.astype(dict.fromkeys(EVIDENCE_NUMBERS, "float64"))
    return table.astype({**dict.fromkeys(RESULT_NUMBERS, "float64"), "borderline": "bool", "colour": "bool"})


TABLES = [("results", RESULT_COLUMNS), ("evidence", EVIDENCE_COLUMNS)]


@pytest.mark.parametrize("rows", [1, 2, 4, 1000])
@pytest.mark.parametrize(("kind", "columns"), TABLES, ids=["results", "evidence"])
def test_row_groups_change_nothing_in_the_tables(tmp_path, monkeypatch, rows, kind, columns):
    monkeypatch.setattr(results, "ROW_GROUP", rows)
    decisions = write_results(tmp_path, BATCHES)
    expected = whole(kind, columns)

    assert decisions == {"ANONYMOUS": 2, "NOT_ANONYMOUS": 1, "INDETERMINATE": 3}
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / f"{kind}.parquet"), expected)
    assert pq.ParquetFile(tmp_path / f"{kind}.parquet").num_row_groups == -(-len(expected) // rows)
    assert (tmp_path / f"{kind}.csv").read_text() == spreadsheet_safe(expected).to_csv(index=False)


@pytest.mark.parametrize(("kind", "columns"), TABLES, ids=["results", "evidence"])
def test_a_table_of_one_row_group_has_the_bytes_that_pandas_writes(tmp_path, kind, columns):
    write_results(tmp_path, BATCHES)
    whole(kind, columns).to_parquet(tmp_path / "expected", index=False)

    assert (tmp_path / f"{kind}.parquet").read_bytes() == (tmp_path / "expected").read_bytes()


def test_no_more_rows_than_a_row_group_and_a_batch_are_in_memory(tmp_path, monkeypatch):
    sizes, write = [], results._Table._write
    monkeypatch.setattr(results, "ROW_GROUP", 3)
    monkeypatch.setattr(results._Table, "_write", lambda table, rows: sizes.append(len(rows)) or write(table, rows))
    write_results(tmp_path, {number: batch(failed(f"{number}")) for number in range(10)})

    assert max(sizes) == 3
    assert len(pd.read_parquet(tmp_path / "results.parquet")) == 10


def test_a_run_without_evidence_has_a_table_without_rows(tmp_path):
    write_results(tmp_path, {0: batch(failed("a"))})

    table = pd.read_parquet(tmp_path / "evidence.parquet")
    assert (list(table.columns), len(table)) == (list(EVIDENCE_COLUMNS), 0)
    assert np.isnan(pd.read_parquet(tmp_path / "results.parquet")["score"]).all()


def test_an_error_leaves_the_tables_of_before(tmp_path):
    write_results(tmp_path, BATCHES)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(KeyError):
        write_results(tmp_path, {**BATCHES, 3: {"results": [{}], "evidence": []}})

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
