from dataclasses import replace

import pytest
from support.fake_gate import BROKEN, CLEAN, LEAK, TEXT
from support.fakes import POLICY
from support.gate_calls import check, image, run
from support.grpc_servers import reason

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.client.types import from_policy
from cxrgate.gateway.rest.messages import policy_message


@pytest.mark.parametrize(("content", "decision"), [(CLEAN, pb.DECISION_ANONYMOUS), (LEAK, pb.DECISION_NOT_ANONYMOUS)])
def test_verdict_names_the_image_the_policy_and_a_receipt(tmp_path, content, decision):
    verdict = check(tmp_path, image(content)).verdict

    assert (verdict.image_id, verdict.decision, verdict.policy_digest) == ("a.png", decision, POLICY.digest)
    assert len(verdict.receipt) == 32


def test_verdicts_of_a_leak_and_of_a_clean_image_differ_in_the_decision_alone(tmp_path):
    clean, leak = (check(tmp_path, image(content)).verdict for content in (CLEAN, LEAK))

    for verdict in (clean, leak):
        verdict.ClearField("receipt")
        verdict.ClearField("decision")
    assert clean == leak


@pytest.mark.parametrize(
    ("sent", "code", "why"),
    [
        (image(TEXT), "INVALID_ARGUMENT", "IMAGE_UNDECODABLE"),
        (image(BROKEN), "UNAVAILABLE", "NOT_CHECKED"),
        (image(CLEAN, media_type=99), "INVALID_ARGUMENT", "MEDIA_TYPE"),
    ],
    ids=["undecodable", "a stage failed", "media type"],
)
def test_image_without_a_verdict_is_an_error_that_names_no_stage(tmp_path, sent, code, why):
    error = check(tmp_path, sent)

    assert (error.code().name, reason(error)) == (code, why)
    assert not {"decode", "embed", "search", "verify"} & set(error.details().split())


NAMES = ["", "../../etc/passwd", "C:\\x", "a\0b", "\u202egnp.a", "x" * 129, "=cmd", "{{7*7}}", "%n", "'", "a b", "ü"]


@pytest.mark.parametrize("number", range(len(NAMES)))
def test_odd_names_are_refused(tmp_path, number):
    error = check(tmp_path, image(CLEAN, NAMES[number]))

    assert (error.code().name, reason(error)) == ("INVALID_ARGUMENT", "NAME")


def test_policy_says_what_images_are_held_against(tmp_path):
    answer = run(tmp_path, lambda stub, _: stub.GetPolicy(pb.GetPolicyRequest(), timeout=5))

    assert answer.policy.digest == POLICY.digest
    assert answer.policy.certification == "uncertified"
    assert answer.image_bytes_limit == 32 * 2**20
    assert from_policy(answer).release_side is None


def test_policy_says_how_large_what_is_judged_and_released_may_be(tmp_path):
    policy = replace(POLICY, side=512)
    answer = run(tmp_path, lambda stub, _: stub.GetPolicy(pb.GetPolicyRequest(), timeout=5), policy=policy)

    assert from_policy(answer).release_side == 512
    assert policy_message(policy, "uncertified", 1).release_side == 512


def test_policy_says_how_many_keypoints_make_a_copy(tmp_path):
    policy = replace(POLICY, match_threshold=44, match_method="sift")
    answer = run(tmp_path, lambda stub, _: stub.GetPolicy(pb.GetPolicyRequest(), timeout=5), policy=policy)

    assert from_policy(answer).match_threshold == 44
