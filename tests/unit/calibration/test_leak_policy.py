from pathlib import Path

import pytest

from cxrgate.calibration.leak_policy import read_leak_policy
from cxrgate.core import UsageError

SHIPPED = Path(__file__).parents[3] / "deploy" / "leak_policy.yaml"
PAIR = "{class: identical, strength: same pixels, rate: 0.01}"


def read(tmp_path, text):
    (tmp_path / "policy.yaml").write_text(text)
    return read_leak_policy(tmp_path / "policy.yaml")


def test_shipped_policy_shares_its_risk_among_its_pairs():
    policy = read_leak_policy(SHIPPED)

    assert [pair.leak_class for pair in policy.certified] == ["identical", "re_encoded", "medium_copy", "strong_copy"]
    assert policy.risk == pytest.approx(0.0125)


@pytest.mark.parametrize(
    ("certified", "told"),
    [
        ("[]", "certified"),
        (f"[{PAIR}, {PAIR}]", "every certified pair once"),
        ("[{class: identical, strength: jpeg 70, rate: 0.01}]", "can be planted"),
        ("[{class: identical, strength: same pixels, rate: 0.2}]", "less than or equal to 0.09"),
        ("[{class: identical, strength: same pixels, rate: 0}]", "greater than 0"),
    ],
    ids=["nothing", "twice", "unknown", "above what regulators allow", "no miss at all"],
)
def test_policy_that_promises_nothing_or_the_impossible_is_refused(tmp_path, certified, told):
    with pytest.raises(UsageError, match=told):
        read(tmp_path, f"certified: {certified}\n")


def test_another_radiograph_can_be_certified(tmp_path):
    pair = "{class: same_patient, strength: another radiograph, rate: 0.09}"

    assert read(tmp_path, f"certified: [{pair}]\n").certified[0].name == "same_patient, another radiograph"
