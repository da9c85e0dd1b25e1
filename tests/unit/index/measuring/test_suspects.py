import dataclasses

import numpy as np
import pytest
from support.measured_references import TERMS, WITH_CURVE, drawn, key, mixed

from cxrgate.index.manifest import PartName
from cxrgate.index.measuring.asking import Asking, Queries
from cxrgate.index.measuring.measure import measure, measured
from cxrgate.index.measuring.suspects import SUSPECTS, find_suspects
from cxrgate.index.nearest_patients import number_patients


def alike(patients=600, seed=0):
    """Two references of each patient, whom good models know again."""
    return drawn(patients, 2, noise=0.25, seed=seed, dimensions=48)


def under_several_ids(references, patients):
    """The second reference of these patients has an id of its own."""
    keys = references.patient_keys.copy()
    for patient in patients:
        keys[2 * patient + 1] = list(key(50_000 + patient))
    return dataclasses.replace(references, patient_keys=keys)


def strangers_of(references, terms=TERMS):
    numbers = number_patients(references.patient_keys)
    _, first = np.unique(numbers, return_index=True)
    asking = Asking(references, terms, numbers)
    return asking.ask(first, [np.flatnonzero(numbers == number) for number in range(len(first))])


def margin(found, rate=0.05):
    """The threshold in margins, which differently fitted standouts share."""
    point, standout = found.at(rate), found.standout
    return (np.log(point.standout / (1 - point.standout)) - standout.offset) / standout.slope


def queries(margins):
    count = len(margins)
    zeros = np.zeros(count, np.int64)
    return Queries(
        np.arange(count),
        np.asarray(margins, np.float64),
        zeros[:, None].astype(np.float64),
        zeros,
        zeros,
        zeros,
        np.zeros((count, 2), np.int64),
    )


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1, 0.2])
def test_a_second_id_of_some_patients_raises_no_threshold(share):
    references = alike()
    plain = measure(references, TERMS)
    split = measure(under_several_ids(references, range(round(600 * share))), TERMS)

    assert margin(split) <= margin(plain) + 0.02
    assert split.at(0.05).recognised[0].share.value > 0.9
    assert split.suspects >= 600 * share


def test_the_pairs_are_those_of_the_list_with_two_ids():
    references = under_several_ids(alike(), range(30))
    part = measured(TERMS)(
        {name: getattr(references, name) for name in ("identity", "features", "patient_keys")} | references.cosines
    )[PartName.MEASUREMENT]
    found = {row.tobytes() for row in part.arrays[SUSPECTS]}
    expected = {key(patient) for patient in range(30)} | {key(50_000 + patient) for patient in range(30)}

    assert expected <= found
    assert len(found) <= len(expected) + 6
    assert part.about["suspects"] == len(part.arrays[SUSPECTS]) // 2


def test_distinct_patients_give_about_as_many_as_chance_and_keep_their_thresholds():
    strangers = strangers_of(mixed(1500))
    found = find_suspects(strangers, 2000, None)

    assert len(found.pairs) <= 4 * found.by_chance
    assert found.left_out.mean() < 0.01


def test_a_snapshot_of_distinct_patients_has_no_array_of_suspects_unless_one_stands_out():
    references = drawn(3, 2)
    part = measured(WITH_CURVE)(
        {name: getattr(references, name) for name in ("identity", "features", "patient_keys")} | references.cosines
    )[PartName.MEASUREMENT]

    assert (SUSPECTS in part.arrays) == bool(part.about["suspects"])


def test_equal_margins_are_no_reason_to_suspect_anybody():
    assert find_suspects(queries(np.zeros(100)), 100, None).pairs == ()


def test_what_chance_brings_stays_in_the_measurement():
    margins = np.concatenate([np.linspace(-0.2, 0.1, 998), [0.8, 0.9, 1.0, 1.1]])
    found = find_suspects(queries(margins), 1000, None)

    assert found.by_chance == 3
    assert np.flatnonzero(found.left_out).tolist() == [1001]
