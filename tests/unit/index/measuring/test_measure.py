import dataclasses
import json

import numpy as np
import pytest
from support.measured_references import CURVE, TERMS, WITH_CURVE, drawn, joined, key, mixed, unit
from support.random_snapshots import random_keypoints

from cxrgate.core.digest import canonical_json
from cxrgate.index.manifest import PartName
from cxrgate.index.measuring import measure as module
from cxrgate.index.measuring.asking import References
from cxrgate.index.measuring.fit import ENOUGH, exceeded
from cxrgate.index.measuring.measure import PICTURES, measure, measured
from cxrgate.index.self_measurement import MATCHES, RATES, Basis, SelfMeasurement


def test_a_snapshot_of_many_patients_rests_on_them_alone():
    found = measure(mixed(), TERMS)

    assert (found.basis, found.reason, found.patients) == (Basis.MEASURED, "", 500)
    assert [point.rate for point in found.points] == list(RATES)
    assert found.at(0.05).standout == pytest.approx(0.5, abs=0.15)
    assert found.at(0.05).standout_alone == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.1])
def test_the_rate_is_kept_here_and_for_patients_who_are_not_enrolled(rate):
    point = measure(mixed(), TERMS).at(rate)

    assert point.flagged.value == pytest.approx(rate, abs=0.005)
    assert point.flagged.low < rate < point.flagged.high


def test_stricter_rates_have_higher_thresholds_and_recognise_fewer():
    found = measure(mixed(), TERMS)
    standouts = [point.standout for point in found.points]
    recognised = [point.recognised[0].share.value for point in found.points]

    assert standouts == sorted(standouts, reverse=True)
    assert recognised == sorted(recognised)
    assert recognised[-1] > recognised[0]


def test_recognition_is_told_by_the_number_of_other_references():
    found = measure(drawn(450, np.arange(450) % 3 + 1), TERMS).at(0.05)
    labels = [item.label for item in found.recognised]

    assert labels == ["1 or more", "1", "2"]
    assert [item.share.patients for item in found.recognised] == [300, 150, 150]
    assert found.recognised[0].share.value > 0.5


def test_the_more_references_a_patient_has_the_more_is_recognised():
    found = measure(drawn(900, np.arange(900) % 4 + 1, noise=0.9), TERMS).at(0.05)
    one, two, three = (item.share.value for item in found.recognised[1:])

    assert one < two < three


def test_the_same_references_give_the_same_measurement_byte_for_byte():
    one, two = (canonical_json(measure(mixed(), TERMS).to_json()) for _ in range(2))

    assert one == two


def test_a_measurement_comes_back_from_its_json():
    for terms in (TERMS, WITH_CURVE):
        found = measure(mixed(), terms)
        again = SelfMeasurement.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
        assert again.to_json() == found.to_json()
        assert again.at(0.03) == found.at(0.03)


def test_patients_that_the_models_were_trained_on_are_left_out_where_enough_others_remain():
    trained_on = [key(patient) for patient in range(60)]
    enough, too_few = measure(mixed(500), TERMS, trained_on), measure(mixed(ENOUGH + 10), TERMS, trained_on)

    assert (enough.patients, enough.left_out) == (440, 60)
    assert (too_few.patients, too_few.left_out) == (ENOUGH + 10, 0)


def test_with_few_patients_the_shipped_curve_is_weighed_in():
    references = mixed(100)
    combined = measure(references, WITH_CURVE)
    alone = measure(references, TERMS)

    assert (combined.basis, combined.patients) == (Basis.COMBINED, 100)
    assert "fewer than 400" in combined.reason
    offsets = [item.standout.offset / -20 for item in (alone, combined)]
    shipped = CURVE.margin(len(references.identity), 0.045)
    assert offsets[1] == pytest.approx(0.25 * offsets[0] + 0.75 * shipped, abs=0.02)


def test_without_a_curve_too_few_patients_promise_nothing():
    found = measure(mixed(20), TERMS)

    assert (found.basis, found.points) == (Basis.NOTHING, ())
    with pytest.raises(ValueError, match="measured rate"):
        found.at(0.05)


def test_one_patient_alone_rests_on_the_curve():
    found = measure(drawn(1, 3), WITH_CURVE)

    assert (found.basis, found.patients) == (Basis.SHIPPED, 0)
    assert found.at(0.05).copy == pytest.approx(min(CURVE.copy(3, 0.005), 0.94))


def test_where_every_image_is_its_own_patient_nothing_is_measured():
    one_patient = drawn(1, 600, noise=0.1)
    keys = np.array([list(key(row)) for row in range(600)], np.uint8)
    split = dataclasses.replace(one_patient, patient_keys=keys)
    found = measure(split, WITH_CURVE)

    assert (found.basis, found.patients) == (Basis.SHIPPED, 0)
    assert found.reason == "every image is its own patient"
    assert -found.standout.offset / 20 == pytest.approx(CURVE.margin(600, 0.045))


def arrays(references):
    return {name: getattr(references, name) for name in ("identity", "features", "patient_keys")} | references.cosines


def test_where_patients_share_pictures_nothing_is_measured():
    references = mixed(450)
    # The last thirty patients are the first thirty once more, under other ids.
    copies = np.flatnonzero(references.patient_keys[:, -1] < 30)[:30]
    again = References(
        references.identity[copies],
        references.features[copies],
        {"copy": references.cosines["copy"][copies]},
        np.array([list(key(10_000 + row)) for row in range(30)], np.uint8),
    )
    found = measure(joined(references, again), WITH_CURVE)

    assert (found.basis, found.reason) == (Basis.SHIPPED, "patients share pictures")
    assert found.sharing == 30
    part = measured(WITH_CURVE)(arrays(joined(references, again)))[PartName.MEASUREMENT]
    pairs = part.arrays[PICTURES].reshape(30, 2, -1)
    assert {(one.tobytes(), other.tobytes()) for one, other in pairs} == {
        (references.patient_keys[row].tobytes(), key(10_000 + place)) for place, row in enumerate(copies)
    }


def test_who_shares_a_picture_is_named_where_too_few_do_to_doubt_the_others():
    references = mixed(600)
    copies = {"copy": references.cosines["copy"][:1]}
    twin = References(references.identity[:1], references.features[:1], copies, np.array([list(key(9999))], np.uint8))
    part = measured(TERMS)(arrays(joined(references, twin)))[PartName.MEASUREMENT]

    assert part.about["sharing"] == 1
    assert [row.tobytes() for row in part.arrays[PICTURES]] == [key(0), key(9999)]
    alone = measured(TERMS)(arrays(references))[PartName.MEASUREMENT]
    assert "sharing" not in alone.about
    assert PICTURES not in alone.arrays


def test_few_patients_who_share_a_picture_do_not_raise_a_threshold():
    references = mixed(600)
    copies = {"copy": references.cosines["copy"][:1]}
    twin = References(references.identity[:1], references.features[:1], copies, np.array([list(key(9999))], np.uint8))
    plain, more = measure(references, TERMS), measure(joined(references, twin), TERMS)

    assert more.basis is Basis.MEASURED
    assert more.patients == 599
    assert more.at(0.002).copy == pytest.approx(plain.at(0.002).copy, abs=0.02)


def test_no_rate_raises_the_copy_threshold_above_its_limit():
    references = mixed(500)
    alike = dataclasses.replace(references, cosines={"copy": unit(references.cosines["copy"] + 0.075)})
    free, limited = (measure(alike, dataclasses.replace(TERMS, copy_limit=limit)) for limit in (0.99, 0.62))

    assert free.at(0.01).copy > 0.62
    assert {point.copy for point in limited.points if point.rate <= 0.01} == {0.62}
    assert limited.at(0.01).flagged.value > free.at(0.01).flagged.value


def test_a_share_is_exceeded_by_the_next_value_as_often_as_it_says():
    rng = np.random.default_rng(4)
    shares = [1 - exceeded(rng.random(99), 0.05) for _ in range(4000)]

    assert np.mean(shares) == pytest.approx(0.05, abs=0.002)


def test_the_curve_goes_on_with_its_last_slope_and_not_below_its_first_size():
    assert CURVE.margin(10, 0.05) == CURVE.margin(100, 0.05) == pytest.approx(0.4)
    assert CURVE.margin(10_000, 0.05) == pytest.approx(0.2)
    with pytest.raises(ValueError, match="one row per size"):
        dataclasses.replace(CURVE, sizes=(100,))


def keeping(references, rows):
    """The same references, and of each one of the rows of keypoints."""
    rng = np.random.default_rng(1)
    made = np.stack([random_keypoints(rng, 8) for _ in range(len(references.patient_keys))])
    for row, other in rows:
        made[row] = made[other]
    return dataclasses.replace(references, keypoints=made)


def test_matches_are_measured_where_keypoints_are_kept_and_change_nothing_elsewhere():
    plain, with_them = mixed(60), keeping(mixed(60), [])
    found, before = measure(with_them, TERMS), measure(plain, TERMS)

    assert found.at(0.05).matches == MATCHES
    assert before.at(0.05).matches is None
    assert SelfMeasurement.from_json(json.loads(canonical_json(found.to_json()))) == found
    assert "matches" not in canonical_json(before.to_json()).decode()


def test_patients_who_share_a_picture_by_its_keypoints_are_not_believed(monkeypatch):
    monkeypatch.setattr(module, "SAME_PICTURE", 8)
    rows = dict.fromkeys(range(20), 0)
    references = mixed(60)
    # Near each other, so that they are compared at all.
    references.identity[list(rows)] = references.identity[0]

    found = measure(keeping(references, rows.items()), TERMS)

    assert found.reason == "patients share pictures"
    assert found.sharing >= 10
