"""Whether an earlier run.json stays as it is."""

import pytest

from cxrgate.run.described import read_described, stays_described

HELD = {"images": 24, "patients": 12, "decoded": 0, "not_compared": "", "sentence": "held against 24 images"}
PARTLY = {**HELD, "not_compared": "1 of them is not on this host"}
TOLD = {"policy_digest": "ab", "timing": {"finished": "2026"}, "held": HELD, "workers": 2, "range": (0, 1)}
EARLIER = {**TOLD, "range": [0, 1]}


@pytest.mark.parametrize(
    ("earlier", "now", "stays"),
    [
        (EARLIER, TOLD, True),
        (EARLIER, {**TOLD, "workers": 8, "held": PARTLY}, True),
        ({**EARLIER, "held": PARTLY}, {**TOLD, "held": PARTLY}, True),
        ({**EARLIER, "held": PARTLY}, TOLD, False),
        (EARLIER, {**TOLD, "policy_digest": "cd"}, False),
        (EARLIER, {**TOLD, "laxer": ["a number"]}, False),
        ({name: value for name, value in EARLIER.items() if name != "timing"}, TOLD, False),
        ({**EARLIER, "held": None}, TOLD, False),
        ({**EARLIER, "held": {"images": 24}}, TOLD, False),
        ({}, TOLD, False),
    ],
)
def test_it_stays_where_nothing_of_the_verdicts_is_told_otherwise(earlier, now, stays):
    assert stays_described(earlier, now) is stays


@pytest.mark.parametrize("content", [None, b"", b"[1]", b"null", b'{"timing": ', b"\xff"])
def test_one_that_is_missing_or_rotten_tells_nothing(tmp_path, content):
    path = tmp_path / "run.json"
    if content is not None:
        path.write_bytes(content)
    assert read_described(path) == {}
