import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrgate.index import MatrixEngine
from cxrgate.index.engines.kdtree import KDTreeEngine


def brute_force(rows, queries, k):
    """Sort everything by (distance, insertion)."""
    found = []
    for query in queries.astype(np.float64):
        distances = np.sqrt(((rows.astype(np.float64) - query) ** 2).sum(axis=1))
        found.append(np.lexsort((np.arange(len(rows)), distances))[:k])
    return np.array(found)


@st.composite
def cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, dimensions = draw(st.integers(1, 300)), draw(st.integers(1, 40))
    scale, offset = draw(st.sampled_from([1e-6, 1.0, 1e4])), draw(st.sampled_from([0.0, 1.0, 1e4]))
    rows = (offset + scale * rng.standard_normal((count, dimensions))).astype(np.float32)
    rows[rng.integers(0, count, count // 3)] = rows[rng.integers(0, count)]  # ties
    queries = rows[rng.integers(0, count, 5)] + (scale * draw(st.sampled_from([0, 1e-4, 1]))) * rng.standard_normal(
        (5, dimensions)
    )
    return rows, queries.astype(np.float32), draw(st.integers(1, min(count, 7)))


@settings(max_examples=150, deadline=None)
@given(cases())
def test_both_engines_find_what_brute_force_finds_in_the_same_order(case):
    rows, queries, k = case
    matrix, tree = MatrixEngine(rows).search(queries, k), KDTreeEngine(rows).search(queries, k)

    assert np.array_equal(matrix.rows, brute_force(rows, queries, k))
    assert np.array_equal(matrix.rows, tree.rows)
    assert np.array_equal(matrix.distances, tree.distances)


def test_blocks_and_batches_do_not_change_the_answer(monkeypatch):
    rng = np.random.default_rng(1)
    rows, queries = rng.standard_normal((500, 16), np.float32), rng.standard_normal((50, 16), np.float32)
    whole = MatrixEngine(rows).search(queries, 3)
    monkeypatch.setattr("cxrgate.index.engines.matrix.BLOCK", 37)
    monkeypatch.setattr("cxrgate.index.engines.matrix.QUERIES", 7)
    parts = MatrixEngine(rows).search(queries, 3)

    assert np.array_equal(whole.rows, parts.rows)
    assert np.array_equal(whole.distances, parts.distances)


def test_near_duplicates_are_told_apart():
    rng = np.random.default_rng(2)
    base = rng.standard_normal(128).astype(np.float32)
    rows = base + 1e-6 * rng.standard_normal((2000, 128)).astype(np.float32)

    assert np.array_equal(MatrixEngine(rows).search(rows[:200], 1).rows[:, 0], brute_force(rows, rows[:200], 1)[:, 0])


@pytest.mark.parametrize("rows", [np.zeros((5, 3)), [[3e18, 0, 4e18], [3e18, 1e18, 4e18], [0, 5e18, 0], [9e18, 0, 0]]])
def test_a_query_without_length_finds_what_is_nearest(rows):
    rows, query = np.asarray(rows, np.float32), np.zeros((1, 3), np.float32)
    found = MatrixEngine(rows).search(query, 3)

    assert np.array_equal(found.rows, brute_force(rows, query, 3))
    assert np.array_equal(found.rows, KDTreeEngine(rows).search(query, 3).rows)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_of_which_one_is_not_finite_are_refused(bad):
    with pytest.raises(ValueError, match="finite"):
        MatrixEngine(np.array([[0, 1], [bad, 0], [1, 1]], np.float32))


@pytest.mark.parametrize("engine", [MatrixEngine, KDTreeEngine])
@pytest.mark.parametrize("k", [0, -1, 4, 2**31])
def test_k_outside_the_index_is_refused(engine, k):
    with pytest.raises(ValueError, match="expected k"):
        engine(np.ones((3, 2), np.float32)).search(np.ones((1, 2), np.float32), k)


@pytest.mark.parametrize("engine", [MatrixEngine, KDTreeEngine])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_query_that_is_not_finite_is_refused(engine, bad):
    with pytest.raises(ValueError, match="finite"):
        engine(np.ones((3, 2), np.float32)).search(np.array([[0, bad]], np.float32), 1)


@pytest.mark.parametrize("engine", [MatrixEngine, KDTreeEngine])
def test_query_of_another_width_is_refused(engine):
    with pytest.raises(ValueError, match=r"float32\[q, 2\]"):
        engine(np.ones((3, 2), np.float32)).search(np.ones((1, 3), np.float32), 1)
