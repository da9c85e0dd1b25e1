import json
from dataclasses import replace

import numpy as np
from support.fakes import POLICY, evidence

from cxrgate.gateway.records import RecordedEvidence, verdict_entry

WHOSE = {"receipt": "r", "image_id": "a", "identity": "generator", "time": "2026-11-28T11:02:00+00:00"}


def recorded(policy, matches):
    found = evidence()
    candidates = replace(found.candidates, matches=matches, nearest=None)
    verdict = policy.decide(replace(found, candidates=candidates), "pixels")
    return json.loads(json.dumps({**WHOSE, **verdict_entry(verdict, "uncertified")}))


def test_matches_are_kept_where_the_policy_asks_for_them():
    line = recorded(replace(POLICY, match_threshold=36, match_method="sift"), np.array([3, 40, 0]))
    found = RecordedEvidence.of(line)

    assert (found.matches, [item.matches for item in found.candidates]) == (40, [3, 40, 0])
    assert found.reasons == ("COPY",)


def test_a_line_without_them_is_read_as_before():
    line = recorded(POLICY, None)
    found = RecordedEvidence.of(line)

    assert "matches" not in line
    assert (found.matches, [item.matches for item in found.candidates]) == (None, [None] * 3)


def test_a_line_says_under_which_certificate_it_was_decided():
    assert recorded(POLICY, None)["certification"] == "uncertified"
