import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrgate.plots.histogram import BOTTOM, LEFT, RIGHT, TOP, Mark, Region, Zone, histogram

REGIONS = [
    Region(Zone.CLEAR, 0, "below"),
    Region(Zone.BORDERLINE, 0.4, "borderline"),
    Region(Zone.MATCH, 0.5, "match"),
]
MARKS = [Mark(0.5, "threshold 0.5"), Mark(0.4, "borderline 0.4")]


def zones(drawn):
    return {zone.zone: zone.count for zone in drawn.zones}


def test_thresholds_are_drawn_where_their_value_lies():
    drawn = histogram(np.array([0.1]), 1, REGIONS, MARKS)

    assert [line.position for line in drawn.marks] == pytest.approx(
        [LEFT + 0.5 * (RIGHT - LEFT), LEFT + 0.4 * (RIGHT - LEFT)], abs=0.01
    )
    assert [line.label for line in drawn.marks] == ["threshold 0.5", "borderline 0.4"]


@pytest.mark.parametrize(("threshold", "borderline"), [(0.5, 0.4), (0.99, 0.97), (0.05, 0.01), (1.0, 0.9), (0.4, 0.4)])
def test_labels_of_thresholds_stay_inside(threshold, borderline):
    drawn = histogram(np.array([0.1]), 1, REGIONS, [Mark(threshold, "threshold"), Mark(borderline, "borderline")])

    for line in drawn.marks:
        assert (line.text_x - 100 > 0) if line.anchor == "end" else (line.text_x + 100 <= RIGHT)


def test_value_at_a_threshold_lies_above_it_and_one_just_below_does_not():
    drawn = histogram(np.array([0.5, np.nextafter(0.5, 0), 0.4, np.nextafter(0.4, 0), 1.0, 0.0]), 1, REGIONS)

    assert zones(drawn) == {Zone.CLEAR: 2, Zone.BORDERLINE: 2, Zone.MATCH: 2}


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999), st.lists(st.floats(0, 1), max_size=40))
def test_no_bar_crosses_a_threshold_and_every_value_is_drawn_once(one, two, values):
    low, high = sorted((one, two))
    regions = [
        Region(Zone.CLEAR, 0, "a"),
        Region(Zone.BORDERLINE, low, "b"),
        Region(Zone.MATCH, high, "c"),
    ]
    drawn = histogram(np.array(values, dtype=np.float64), 1, regions)

    assert sum(bar.count for bar in drawn.bars) == drawn.counted == len(values)
    for bar in drawn.bars:
        assert not any(bar.low < bound < bar.high for bound in (low, high))
        assert bar.zone is [Zone.CLEAR, Zone.BORDERLINE, Zone.MATCH][(bar.low >= low) + (bar.low >= high)]
        assert LEFT <= bar.x <= bar.x + bar.width <= RIGHT + 0.02
        assert TOP <= bar.y <= BOTTOM
        assert bar.y + bar.height == pytest.approx(BOTTOM, abs=0.01)


def test_single_image_stays_visible_beside_a_hundred_thousand():
    drawn = histogram(np.append(np.zeros(100_000), 0.9), 1, REGIONS)

    assert drawn.bars[-1].count == 1
    assert drawn.bars[-1].height > 5
    assert drawn.bars[0].height == pytest.approx(BOTTOM - TOP)
    assert [tick.label for tick in drawn.y_ticks] == ["1", "10", "100", "1,000", "10k", "100k"]


def test_values_that_are_no_numbers_on_the_axis_are_counted_apart():
    drawn = histogram(np.array([np.nan, np.inf, -0.2, 1.7, 0.3, 1 + 1e-7]), 1, REGIONS)

    assert (drawn.counted, drawn.missing) == (2, 4)


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_nothing_to_count_gives_no_bars(values):
    drawn = histogram(np.array(values, dtype=np.float64), 1, REGIONS, MARKS)

    assert (drawn.bars, drawn.counted, drawn.missing) == ((), 0, len(values))


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 1, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (-0.5, 1, ["-0.5", "0", "0.5", "1"]),
        (0, 23.4, ["0", "5", "10", "15", "20"]),
        (0, 1e-3, ["0", "0.0002", "0.0004", "0.0006", "0.0008", "0.001"]),
    ],
)
def test_ticks_are_round_values(low, high, labels):
    assert [tick.label for tick in histogram(np.array([]), high, [Region(Zone.CLEAR, low, "a")]).x_ticks] == labels


def test_regions_that_do_not_rise_are_refused():
    with pytest.raises(ValueError, match="expected rising regions below 1"):
        histogram(np.array([]), 1, REGIONS[::-1])
