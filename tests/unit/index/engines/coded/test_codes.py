from dataclasses import replace

import numpy as np
import pytest
from support.search_cases import make_case

from cxrgate.index.engines.coded.codes import encode
from cxrgate.index.engines.coded.fit import fit


@pytest.fixture(scope="module")
def made():
    rows, _ = make_case("patients", 1, 1000, 30, 1)
    return rows, encode(rows, fit(rows))


def test_blocks_give_the_codes_of_the_rows(made, monkeypatch):
    rows, codes = made
    monkeypatch.setattr("cxrgate.index.engines.coded.codes._CHUNK", 64)
    blocks = list(codes.blocks())
    numbers = np.concatenate([block for _, block, _ in blocks])[: len(rows)]

    assert [first for first, _, _ in blocks] == list(range(0, 1024, 64))
    assert np.array_equal(numbers[:, :30], codes.frame.code(rows)[0])
    assert not numbers[:, 30:].any()
    assert np.array_equal(codes.starts[: len(rows)], -((numbers.astype(int) ** 2).sum(axis=1) // 2))


def test_codes_of_these_rows_are_taken(made):
    rows, codes = made
    codes.check(rows)


CHANGES = {
    "other order": lambda rows, codes: (rows[::-1], codes),
    "fewer rows": lambda rows, codes: (rows[:-200], codes),
    "fewer dimensions": lambda rows, codes: (rows[:, :-1], codes),
    "starts moved": lambda rows, codes: (rows, replace(codes, starts=codes.starts - 1)),
    "starts cut": lambda rows, codes: (rows, replace(codes, starts=codes.starts[:-1])),
    "error halved": lambda rows, codes: (rows, replace(codes, error=codes.error / 2)),
    "error unknown": lambda rows, codes: (rows, replace(codes, error=float("nan"))),
    "another type": lambda rows, codes: (rows, replace(codes, packed=codes.packed.astype(np.int16))),
    "numbers turned round": lambda rows, codes: (rows, replace(codes, packed=codes.packed[:, ::-1])),
    "another step": lambda rows, codes: (rows, replace(codes, frame=replace(codes.frame, step=codes.frame.step * 1.1))),
}


@pytest.mark.parametrize("change", CHANGES)
def test_codes_of_other_rows_are_refused(made, change):
    rows, codes = CHANGES[change](*made)
    with pytest.raises(ValueError, match="expected"):
        codes.check(rows)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_refused(made, bad):
    rows = made[0].copy()
    rows[7, 3] = bad
    with pytest.raises(ValueError, match="finite"):
        encode(rows, made[1].frame)
    with pytest.raises(ValueError, match="finite"):
        fit(rows)
