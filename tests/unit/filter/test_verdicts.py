import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxrgate.core import Decision
from cxrgate.filter import Nearest, Verdict, Verdicts
from cxrgate.run.rows import RESULT_COLUMNS

NEAREST = Nearest("ab" * 16, "cd" * 16, 1.5, {"similarity": 0.4}, 0.9, None, Path("/real/1.png"))
FOUND = Verdicts(
    [
        Verdict("a", "sick", Decision.ANONYMOUS, score=0.1, similarities={"similarity": 0.2}),
        Verdict("b", "well", Decision.NOT_ANONYMOUS, ("SAME_PATIENT", "COPY"), score=0.9, nearest=NEAREST),
        Verdict("c", "well", Decision.INDETERMINATE, ("TRUNCATED",), stage="decode", message="cut off"),
    ]
)


def test_a_sequence_in_the_order_of_the_images():
    assert [verdict.image_id for verdict in FOUND] == ["a", "b", "c"]
    assert (len(FOUND), FOUND[1].image_id, [verdict.image_id for verdict in FOUND[1:]]) == (3, "b", ["b", "c"])
    assert [verdict.image_id for verdict in FOUND.released] == ["a"]


def test_counts_name_every_decision():
    assert FOUND.counts == dict.fromkeys(Decision, 1)
    assert Verdicts([]).counts == dict.fromkeys(Decision, 0)
    assert repr(FOUND[:2]) == "Verdicts(2 images: 1 ANONYMOUS, 1 NOT_ANONYMOUS)"


def test_the_table_has_the_columns_of_a_runs_results():
    table = FOUND.to_pandas()

    assert set(RESULT_COLUMNS) - set(table.columns) == {
        *("colour", "source_digest", "decoding", "released_as", "cohort_mean", "cohort_spread", "cohort_size"),
    }
    assert table["reasons"].tolist() == ["", "SAME_PATIENT;COPY", "TRUNCATED"]
    assert table["decision"].tolist() == ["ANONYMOUS", "NOT_ANONYMOUS", "INDETERMINATE"]
    np.testing.assert_array_equal(table["score"], [0.1, 0.9, np.nan])
    np.testing.assert_array_equal(table["similarity"], [0.2, np.nan, np.nan])
    np.testing.assert_array_equal(table["nearest_similarity"], [np.nan, 0.4, np.nan])
    assert table.loc[1, "nearest_path"] == "/real/1.png"
    assert pd.isna(table.loc[0, "nearest_path"])


def test_no_images_are_an_empty_table_of_the_same_types():
    empty = Verdicts([]).to_pandas()

    assert len(empty) == 0
    assert list(empty.columns) == list(FOUND.to_pandas().columns)
    assert empty["score"].dtype == "float64"


def test_verdicts_are_frozen_and_travel_between_processes():
    with pytest.raises(AttributeError):
        FOUND[0].decision = Decision.ANONYMOUS
    assert pickle.loads(pickle.dumps(FOUND[1])) == FOUND[1]
