import math

import numpy as np
import pandas as pd
import pytest
from support.fakes import POLICY

from cxrgate.core.spaces import COPY, SIMILARITIES
from cxrgate.run import results
from cxrgate.run.nearness import SHOWN, nearest, nearest_recorded, nearest_released, nearness
from cxrgate.run.rows import RESULT_COLUMNS, RESULT_NUMBERS

ODDS = np.array([0.1, 0.1, 0.1, 0.45, math.nan])
ALIKE = {COPY.name: np.array([0.6, 0.6, 0.85, 0.6, math.nan])}


def test_an_image_at_a_threshold_has_one_and_the_usual_image_none():
    found = nearness(POLICY, np.array([0.1, 0.1, 0.5]), {COPY.name: np.array([0.6, 0.6, 0.6])})

    assert found.tolist() == pytest.approx([0, 0, 1])


def test_scales_are_made_equal_and_the_nearer_threshold_counts():
    found = nearness(POLICY, ODDS, ALIKE)

    assert found[2] == pytest.approx((0.85 - 0.6) / 0.3)
    assert found[3] == pytest.approx((0.45 - 0.1) / 0.4)
    assert math.isnan(found[4])


def test_the_released_ones_nearest_to_a_threshold_come_first():
    released = np.array([True, False, True, True, True])

    assert nearest(nearness(POLICY, ODDS, ALIKE), released).tolist() == [3, 2, 0]


def test_no_more_than_ten_are_named():
    assert len(nearest(np.arange(50.0), np.ones(50, bool))) == SHOWN == 10


def test_a_set_whose_usual_image_lies_above_a_threshold_still_has_an_order():
    found = nearness(POLICY, np.array([0.1, 0.6, 0.7]), {COPY.name: np.full(3, 0.99)})

    assert np.isfinite(found).all()
    assert found[0] <= found[1] < found[2] or found[0] == found[1]


def test_a_table_on_the_disk_gives_the_same_rows_whatever_its_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "ROW_GROUP", 7)
    rng = np.random.default_rng(0)
    rows = [
        {
            **dict.fromkeys(RESULT_COLUMNS, ""),
            **dict.fromkeys(RESULT_NUMBERS),
            **dict(zip(("score", "standout", *SIMILARITIES), rng.random(2 + len(SIMILARITIES)).tolist(), strict=True)),
            "image_id": f"{i}.tif",
            "decision": "ANONYMOUS",
            "borderline": i % 5 == 0,
            "colour": False,
            "released_as": "" if i % 3 == 0 else f"{i}.png",
        }
        for i in range(50)
    ]
    rows[4] |= dict.fromkeys(("score", "standout", *SIMILARITIES))
    results.write_results(tmp_path, {0: {"results": rows, "evidence": []}})
    table = pd.read_parquet(tmp_path / "results.parquet")
    columns = ["image_id", "score", "standout", *SIMILARITIES, "borderline", "released_as"]
    published = {f"{i}.png" for i in range(50) if i % 2}
    whole = table[columns].assign(released_as=[name if name in published else "" for name in table["released_as"]])

    found = nearest_recorded(tmp_path / "results.parquet", POLICY, published)

    pd.testing.assert_frame_equal(found[[*columns, "nearness"]], nearest_released(whole, POLICY))
    assert nearest_recorded(tmp_path / "results.parquet", POLICY, ()).empty
