import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.search_cases import CASES, make_case

from cxrgate.index.engines.coded.fit import fit
from cxrgate.index.engines.coded.frame import Frame


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(CASES)), st.integers(0, 2**32), st.integers(1, 150), st.data())
def test_codes_never_show_more_than_the_distance(case, seed, dimensions, data):
    rows, queries = make_case(case, seed, 200, dimensions, 20)
    frame = fit(rows, data.draw(st.integers(1, dimensions)))
    (row_codes, row_errors), (query_codes, query_errors) = frame.code(rows), frame.code(queries)
    apart = np.linalg.norm(query_codes.astype(float)[:, None] - row_codes, axis=2) * frame.step
    distances = np.linalg.norm(queries.astype(float)[:, None] - rows.astype(float), axis=2)

    assert (apart <= (distances + query_errors[:, None] + row_errors) * (1 + 1e-9)).all()


def test_the_bound_is_close_on_embeddings():
    rows, queries = make_case("patients", 1, 2000, 128, 100)
    frame = fit(rows, 128)
    errors = frame.code(rows)[1]
    apart = np.linalg.norm(frame.map(queries)[0][:, None] - frame.map(rows[:50])[0], axis=2)
    distances = np.linalg.norm(queries.astype(float)[:, None] - rows[:50].astype(float), axis=2)

    assert errors.max() < 0.02
    assert np.allclose(apart, distances)


@pytest.mark.parametrize(
    "change",
    [
        {"axes": np.eye(4)[:, :3] * 1.001},
        {"axes": np.eye(4)[:, [0, 0, 1]]},
        {"axes": np.full((4, 3), np.nan)},
        {"rest": np.array([0, 0, 1.0])},
        {"shift": np.zeros(2)},
        {"centre": np.zeros(3)},
        {"step": 0.0},
        {"step": np.inf},
        {"step": np.nan},
    ],
)
def test_a_map_that_may_lengthen_a_difference_is_refused(change):
    good = {"axes": np.eye(4)[:, :3], "rest": np.zeros(3), "shift": np.zeros(3), "centre": np.zeros(4), "step": 1.0}

    Frame(**good)
    with pytest.raises(ValueError, match="expected"):
        Frame(**{**good, **change})
