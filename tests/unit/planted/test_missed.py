"""What no answer means for a planted leak: the same in a calibration, an audit and a release report."""

import numpy as np
import pandas as pd
import pytest
from support.recorded_cases import cases
from support.run_results import policy

from cxrgate.calibration.findings import find
from cxrgate.planted.bounds import upper_bound
from cxrgate.planted.figures import ANY, leak_rows
from cxrgate.planted.missed import counted
from cxrgate.planted.threshold_path import ThresholdPath
from cxrgate.release_report.decided_again import decide_again
from cxrgate.release_report.formats.one.leaks import audit_rows, worst_patients

POLICY = policy()
AT = ThresholdPath.at_one(POLICY.to_json(), POLICY.band)
NOTHING = {"decision": "INDETERMINATE", "failed": True}
REFUSED = {**NOTHING, "refused": True, "reasons": "MODE_FORBIDDEN"}
ERROR = {**NOTHING, "reasons": "STAGE_FAILED"}


def leaks(name, scores, **more):
    patients = [f"{name} {number}" for number in range(len(scores))]
    return cases("leak", scores, None, "strong_copy", "112 px", patients, **more)


JUDGED = [leaks("caught", [0.9] * 20), leaks("passed", [0.1] * 3)]


@pytest.mark.parametrize(
    ("tables", "patients", "misses", "errors", "refused"),
    [
        (JUDGED, 23, 3, 0, 0),
        # Refused ones among others show nothing about thresholds: no bound becomes better by them.
        ([*JUDGED, leaks("refused", [np.nan] * 50, **REFUSED)], 23, 3, 0, 50),
        # Where the gate takes no image of the kind, none is released.
        ([leaks("refused", [np.nan] * 50, **REFUSED)], 50, 0, 0, 50),
        # An error is no release, and the next time there may be one.
        ([*JUDGED, leaks("error", [np.nan] * 4, **ERROR)], 27, 7, 4, 0),
        ([*JUDGED, leaks("invalid", [5.0] * 4, decision="INDETERMINATE", reasons="SCORE_INVALID")], 27, 7, 4, 0),
    ],
)
def test_calibration_audit_and_report_count_alike(tables, patients, misses, errors, refused):
    table = pd.concat(tables, ignore_index=True)
    found = find(AT, table, 0, 0.05)
    decided = decide_again(table, POLICY.to_json())
    (row,), (reported,) = leak_rows(decided), audit_rows(decided)

    assert (found.patients, found.misses, found.errors, found.refused) == (patients, misses, errors, refused)
    assert (row.share.n, round((1 - row.share.recall) * row.share.n), row.refused) == (patients, misses, refused)
    assert 1 - row.share.lower_95 == pytest.approx(found.upper) == upper_bound(misses, patients, 0.05)
    assert (reported.patients, reported.misses, reported.at_most) == (patients, misses, 1 - row.share.lower_95)
    assert worst_patients(decided)[-1]["with_a_release"] == misses


def test_a_class_counts_what_was_judged_of_each_patient():
    encodings = pd.concat([leaks("a", [0.9, 0.1]), leaks("a", [np.nan] * 2, **REFUSED).assign(strength="16 bit")])
    decided = decide_again(encodings, POLICY.to_json())
    rows = {row.strength: row.share for row in leak_rows(decided)}

    assert [(name, share.n, share.recall) for name, share in rows.items()] == [
        (ANY, 2, 0.5), ("112 px", 2, 0.5), ("16 bit", 2, 1.0),
    ]  # fmt: skip
    assert [(row.strength, row.patients, row.misses) for row in audit_rows(decided)] == [
        (ANY, 2, 1), ("112 px", 2, 1), ("16 bit", 2, 0),
    ]  # fmt: skip
    assert counted(encodings)["strength"].unique().tolist() == ["112 px"]
