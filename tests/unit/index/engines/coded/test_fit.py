import numpy as np
import pytest
from support.search_cases import make_case

from cxrgate.index.engines.coded.codes import encode
from cxrgate.index.engines.coded.fit import FEW, fit


def test_rows_along_few_axes_get_short_codes_and_others_long_ones():
    few, _ = make_case("low rank", 1, 5000, 256, 1)
    many, _ = make_case("on sphere", 1, 5000, 256, 1)

    assert fit(few).axes.shape == (256, 32)
    assert fit(many).axes.shape == (256, 256)


def test_few_rows_get_all_their_numbers():
    rows, _ = make_case("low rank", 1, FEW - 1, 256, 1)

    assert fit(rows).complete


@pytest.mark.parametrize("case", ["patients", "one far", "all equal"])
@pytest.mark.parametrize("dimensions", [1, 3, 128, 300])
def test_the_same_rows_give_the_same_frame_and_no_number_is_cut_off(case, dimensions):
    rows, _ = make_case(case, 2, FEW, dimensions, 1)
    first, second = fit(rows), fit(rows.copy())
    mapped = first.map(rows)[0] - first.shift

    assert np.array_equal(first.axes, second.axes)
    assert first.step == second.step
    assert np.abs(mapped).max() <= 127 * first.step * (1 + 1e-9)


@pytest.mark.parametrize("rank", [3, 1100])
def test_embeddings_wider_than_a_code_are_shortened(rank):
    rng = np.random.default_rng(3)
    rows = (rng.standard_normal((FEW, rank)) @ rng.standard_normal((rank, 1100))).astype(np.float32)
    frame = fit(rows)

    assert frame.axes.shape[1] <= 1024
    encode(rows, frame).check(rows)
