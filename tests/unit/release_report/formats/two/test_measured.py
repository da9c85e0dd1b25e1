import json

from support.measured_references import TERMS, mixed

from cxrgate.index.measuring.measure import measure
from cxrgate.release_report.formats.two.measured import recognised

ABOUT = json.loads(json.dumps(measure(mixed(), TERMS).to_json()))
RUN = {"snapshot": {"parts": {"measurement": {"about": ABOUT}}}}
POLICY = {"standout_threshold": 0.5, "promise": {"rate": 0.05, "patients": 500, "basis": "measured"}}


def test_what_is_recognised_is_told_with_the_patients_that_it_rests_on():
    (sentence,) = recognised(RUN, POLICY)

    assert sentence.startswith("Another radiograph of an enrolled patient: ")
    assert sentence.endswith("are recognised, measured on 167 of your patients; the others pass.")


def test_without_a_measurement_or_under_another_rule_nothing_is_said():
    assert list(recognised({"snapshot": {}}, POLICY)) == []
    assert list(recognised(RUN, {"score_threshold": 0.5})) == []
