"""Every search over codes gives the float64 answer, to the last bit and in the same order."""

import os
from collections.abc import Sequence

import numpy as np
import pytest
from benchmarks import bench_json
from hypothesis import given, settings
from hypothesis import strategies as st
from support.search_cases import CASES, brute_force, make_case
from support.search_kernels import NAMES, NUMPY, kernels, search

from cxrgate.index.engines.coded.codes import encode
from cxrgate.index.engines.coded.fit import fit
from cxrgate.index.engines.engine import Neighbors

WHOLE = os.environ.get("SEARCH_EXACTNESS") == "whole"
"""`make search-exactness` sets it; what it found then stands in out/bench.json."""


def assert_found(answers: Sequence[Neighbors], rows, queries, k):
    """Each of the answers is the float64 one, which is made once: it takes longer than all of them."""
    wanted, distances = brute_force(rows, queries, k)
    for found in answers:
        wrong = int((found.rows != wanted).any(axis=1).sum())

        assert wrong == 0, f"{wrong} of {len(queries)} queries"
        assert np.array_equal(found.distances, distances)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("numbers", [None, 32])
def test_cases_on_which_a_search_can_go_wrong(name, case, numbers):
    rows, queries = make_case(case, 1, 1500, 64, 60)
    codes, nearest = encode(rows, fit(rows, numbers)), search(name)
    for k in (1, 7, 50):
        assert_found([nearest(codes, rows, queries, k)], rows, queries, k)


@st.composite
def small_cases(draw):
    dimensions, count = draw(st.integers(1, 260)), draw(st.integers(1, 700))
    rows, queries = make_case(
        draw(st.sampled_from(sorted(CASES))), draw(st.integers(0, 2**32)), count, dimensions, draw(st.integers(1, 20))
    )
    scale = np.float32(draw(st.sampled_from([1e-6, 1.0, 1e5])) if np.abs(rows).max() < 1e30 else 1)
    numbers = draw(st.one_of(st.none(), st.integers(1, dimensions)))
    return rows * scale, queries * scale, numbers, draw(st.integers(1, min(count, 60)))


@settings(max_examples=60, deadline=None)
@given(small_cases())
def test_random_cases_of_every_size(case):
    rows, queries, numbers, k = case
    codes = encode(rows, fit(rows, numbers))
    assert_found([search(name)(codes, rows, queries, k) for name in (NUMPY, *kernels())], rows, queries, k)


@pytest.mark.parametrize("name", NAMES)
def test_batches_do_not_change_the_answer(name):
    rows, queries = make_case("patients", 2, 3000, 96, 1100)
    codes, nearest = encode(rows, fit(rows, 64)), search(name)
    whole = nearest(codes, rows, queries, 3)
    for size in (1, 2, 3, 7, 505):
        parts = [nearest(codes, rows, queries[i : i + size], 3) for i in range(0, 60 if size < 8 else 1100, size)]
        rows_found = np.concatenate([part.rows for part in parts])
        assert np.array_equal(rows_found, whole.rows[: len(rows_found)])


@pytest.mark.parametrize("name", NAMES)
def test_all_rows_are_found_where_all_are_asked_for(name):
    rows, queries = make_case("grid", 3, 777, 8, 9)
    codes, nearest = encode(rows, fit(rows)), search(name)

    assert_found([nearest(codes, rows, queries, len(rows))], rows, queries, len(rows))


@pytest.mark.parametrize("name", NAMES)
def test_rows_may_be_a_part_of_wider_ones(name):
    rows, queries = make_case("patients", 4, 900, 50, 20)
    wider = np.random.default_rng(0).standard_normal((900, 70), np.float32)
    wider[:, 11:61] = rows
    part = wider[:, 11:61]
    codes, nearest = encode(part, fit(part)), search(name)

    assert_found([nearest(codes, part, queries, 5)], rows, queries, 5)


@pytest.mark.parametrize("name", NAMES)
def test_no_query_is_no_answer(name):
    rows, _ = make_case("normal", 5, 40, 6, 1)
    found = search(name)(encode(rows, fit(rows)), rows, np.empty((0, 6), np.float32), 3)

    assert found.rows.shape == found.distances.shape == (0, 3)


# 100,000 queries on 20,000 references, and 10,000 on 112,120, of the shipped spaces' widths; the short form asks fewer.
SIZES = [
    ("patients", 20_000, 128, 100_000, None),
    ("near-duplicates 2e-6", 20_000, 128, 100_000, None),
    ("near-duplicates 1e-4", 20_000, 256, 100_000, 64),
    ("repeated", 20_000, 128, 100_000, 64),
    ("patients", 112_120, 128, 10_000, None),
    ("patients", 112_120, 256, 10_000, None),
    ("patients", 112_120, 512, 10_000, None),
]
SHORT = slice(0, 5)


@pytest.mark.slow
@pytest.mark.timeout(7200 if WHOLE else 600)
@pytest.mark.skipif(not kernels(), reason="no kernel")
@pytest.mark.parametrize(("case", "count", "dimensions", "asked", "numbers"), SIZES if WHOLE else SIZES[SHORT])
def test_no_wrong_id_at_the_size_that_users_have(case, count, dimensions, asked, numbers):
    asked = asked if WHOLE else asked // 200
    rows, queries = make_case(case, 6, count, dimensions, asked)
    codes = encode(rows, fit(rows, numbers))
    for start, k in zip(range(0, asked, asked // 2), (1, 50), strict=False):
        part = queries[start : start + asked // 2]
        assert_found([search(name)(codes, rows, part, k) for name in kernels()], rows, part, k)
    if WHOLE:
        about = f"{case}, {count:,} references of {dimensions} numbers, codes of {codes.width}, {', '.join(kernels())}"
        wrong = {**bench_json.read().get("search_wrong_ids", {}), about: {"queries": asked, "wrong": 0}}
        bench_json.merge({"search_wrong_ids": wrong})
