import json

from support.measured_references import TERMS, mixed

from cxrgate.index.measuring import measure
from cxrgate.release_report.formats.two.measured import measured

ABOUT = json.loads(json.dumps(measure(mixed(), TERMS).to_json()))
RUN = {"snapshot": {"parts": {"measurement": {"about": ABOUT}}}}
POLICY = {"standout_threshold": 0.5, "promise": {"rate": 0.05, "patients": 500, "basis": "measured"}}


def test_the_promise_and_what_is_recognised_are_told_with_the_patients_that_they_rest_on():
    promise, recognised = measured(RUN, POLICY)

    assert promise == (
        "Of patients who are not enrolled 5 % are to be flagged: by 500 patients of this index, each asked as if not "
        "enrolled."
    )
    assert recognised.startswith("Another radiograph of an enrolled patient: ")
    assert recognised.endswith("measured on 167 of your patients; the others pass.")


def test_a_shipped_curve_is_named():
    (promise,) = measured({"snapshot": {}}, {**POLICY, "promise": {"rate": 0.01, "patients": 0, "basis": "shipped"}})

    assert "1 % are to be flagged: by a curve that is shipped with the models" in promise


def test_a_run_of_the_first_rule_says_nothing_of_it():
    assert list(measured({"snapshot": {}}, {"score_threshold": 0.5})) == []
    assert list(measured(RUN, {"score_threshold": 0.5})) == []
