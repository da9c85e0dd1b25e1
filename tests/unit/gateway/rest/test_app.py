"""The gate over HTTPS says what it says over gRPC, to whom it says it there, and records it in the same log."""

import asyncio
import base64
import io
import itertools
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from PIL import Image
from support.fake_gate import BROKEN, CLEAN, LEAK, PIXELS, TEXT, with_quota
from support.fakes import POLICY
from support.rest_gate import rest_gate

from cxrgate.gate.drift import Drift
from cxrgate.gateway.rest.messages import policy_message
from cxrgate.hashlog import read_lines
from cxrgate.rpc.limits import CALLS_PER_IDENTITY, IMAGE_BYTES

ROLE = "spiffe://cxrgate/"


def run(folder, call, **settings):
    async def go():
        async with rest_gate(folder, **settings) as gate:
            return await call(gate)

    return asyncio.run(go())


def told(answer):
    """Status, code and reason of a refusal."""
    return answer.status_code, answer.json()["code"], answer.json()["reason"]


def test_a_verdict_is_one_word_a_receipt_and_digests(tmp_path):
    async def call(gate):
        clean, leak = await gate.check(CLEAN, image_id="a.png"), await gate.check(LEAK, image_id="b.png")
        return clean, leak, list(read_lines(gate.service.log.path))

    clean, leak, lines = run(tmp_path, call)

    assert (clean.status_code, leak.status_code) == (200, 200)
    assert set(clean.json()) == {"image_id", "decision", "receipt", "policy_digest", "pixel_digest", "image"}
    assert (clean.json()["decision"], leak.json()["decision"]) == ("ANONYMOUS", "NOT_ANONYMOUS")
    assert (clean.json()["image_id"], clean.json()["policy_digest"]) == ("a.png", POLICY.digest)
    assert [line.content["receipt"] for line in lines] == [clean.json()["receipt"], leak.json()["receipt"]]
    assert {line.content["identity"] for line in lines} == {f"{ROLE}generator"}
    assert not any(word in leak.text for word in ("987", "patient", "reference", "score"))
    assert clean.headers["cache-control"] == "no-store"


def test_released_pixels_come_back_where_they_are_asked_for(tmp_path):
    async def call(gate):
        return [
            (await gate.check(content, return_image=wanted)).json()["image"]
            for content, wanted in ((CLEAN, "true"), (CLEAN, "false"), (LEAK, "true"))
        ]

    asked, unasked, leak = run(tmp_path, call)

    assert (unasked, leak) == (None, None)
    assert (np.asarray(Image.open(io.BytesIO(base64.b64decode(asked)))) == PIXELS).all()


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        (None, (401, "UNAUTHENTICATED", "IDENTITY")),
        (f"{ROLE}nobody", (401, "UNAUTHENTICATED", "IDENTITY")),
        (f"{ROLE}reviewer", (403, "PERMISSION_DENIED", "ROLE")),
        (f"{ROLE}index", (403, "PERMISSION_DENIED", "ROLE")),
    ],
)
def test_who_may_not_call_it_over_grpc_may_not_here(tmp_path, peer, expected):
    async def call(gate):
        answer = await gate.check(CLEAN, peer)
        return told(answer), gate.calls("CheckImage", expected[1]), gate.stages.sizes

    assert run(tmp_path, call) == (expected, 1, [])


def test_roles_decide_for_each_path(tmp_path):
    async def call(gate):
        return {
            role: [(await gate.get(path, ROLE + role)).status_code for path in ("/v1/policy", "/openapi.json")]
            for role in ("generator", "reviewer", "admin", "monitor")
        }

    expected = {"generator": [200, 200], "reviewer": [200, 200], "admin": [200, 200], "monitor": [403, 403]}
    assert run(tmp_path, call) == expected


def test_the_policy_names_what_decides(tmp_path):
    answer = run(tmp_path, lambda gate: gate.get("/v1/policy")).json()

    assert (answer["digest"], answer["certification"], answer["candidate_count"]) == (POLICY.digest, "uncertified", 3)
    assert answer["thresholds"] == {"score_threshold": 0.5, "copy_threshold": 0.9}
    assert (answer["image_bytes_limit"], answer["release_side"]) == (IMAGE_BYTES, None)


def test_the_policy_names_how_many_keypoints_make_a_copy():
    policy = replace(POLICY, match_threshold=44, match_method="sift")

    assert policy_message(policy, "uncertified", 1).thresholds["match_threshold"] == 44


@pytest.mark.parametrize(
    ("content", "query", "kind", "expected"),
    [
        (TEXT, {}, None, (400, "INVALID_ARGUMENT", "IMAGE_UNDECODABLE")),
        (BROKEN, {}, None, (503, "UNAVAILABLE", "NOT_CHECKED")),
        (CLEAN, {"image_id": "a/b"}, None, (400, "INVALID_ARGUMENT", "NAME")),
        (CLEAN, {"image_id": ""}, None, (400, "INVALID_ARGUMENT", "NAME")),
        (CLEAN, {"return_image": "yes"}, None, (400, "INVALID_ARGUMENT", "MALFORMED")),
        (CLEAN, {"image-id": "a"}, None, (400, "INVALID_ARGUMENT", "MALFORMED")),
        (CLEAN, {"image_id": ["a", "b"]}, None, (400, "INVALID_ARGUMENT", "MALFORMED")),
        (CLEAN, {}, "text/plain", (415, "INVALID_ARGUMENT", "MEDIA_TYPE")),
        (b"x" * (IMAGE_BYTES + 1), {}, None, (413, "INVALID_ARGUMENT", "IMAGE_TOO_LARGE")),
    ],
    ids=range(9),
)
def test_what_has_no_verdict_has_its_reason(tmp_path, content, query, kind, expected):
    headers = {} if kind is None else {"content-type": kind}

    assert told(run(tmp_path, lambda gate: gate.check(content, headers=headers, **query))) == expected


def test_a_content_type_says_what_the_image_is_taken_for(tmp_path):
    async def call(gate):
        seen, decode = [], gate.stages.decode

        async def remembering(records):
            seen.extend(record.declared for record in records)
            return await decode(records)

        gate.stages.decode = remembering
        for kind in ("image/png", "application/dicom; charset=x", "IMAGE/JPEG", "application/octet-stream"):
            await gate.check(CLEAN, headers={"content-type": kind})
        return seen

    assert run(tmp_path, call) == ["PNG", "DICOM", "JPEG", None]


def test_quota_and_rate_are_those_of_the_identity(tmp_path):
    async def used_up(gate):
        return [await gate.check(CLEAN) for _ in range(3)]

    *allowed, refused = run(tmp_path, used_up, roles=with_quota(2, 1000))
    assert [answer.status_code for answer in allowed] == [200, 200]
    assert told(refused) == (429, "RESOURCE_EXHAUSTED", "QUOTA")
    assert "retry-after" not in refused.headers

    (tmp_path / "rate").mkdir()
    _, hurried, _ = run(tmp_path / "rate", used_up, roles=with_quota(100, 1))
    assert told(hurried) == (429, "RESOURCE_EXHAUSTED", "RATE")
    assert hurried.headers["retry-after"] == "1"
    assert 0 < hurried.json()["retry_seconds"] <= 1


def test_overload_is_refused_at_once_with_a_time(tmp_path):
    async def call(gate):
        gate.stages.hold.clear()
        first = asyncio.create_task(gate.check(CLEAN))
        await gate.stages.running.wait()
        second = await gate.check(CLEAN)
        gate.stages.hold.set()
        return second, await first

    second, first = run(tmp_path, call, in_flight=1)
    assert (told(second), first.status_code) == ((429, "RESOURCE_EXHAUSTED", "OVERLOAD"), 200)
    assert second.headers["retry-after"] == "1"


def test_one_identity_cannot_hold_every_call(tmp_path):
    async def call(gate):
        gate.stages.hold.clear()
        waiting = [asyncio.create_task(gate.check(CLEAN)) for _ in range(CALLS_PER_IDENTITY)]
        await gate.stages.running.wait()
        await asyncio.sleep(0)  # by now each of them has begun
        one_more = await gate.check(CLEAN)
        gate.stages.hold.set()
        await asyncio.gather(*waiting)
        return told(one_more)

    roles = with_quota(10_000, 10_000)
    assert run(tmp_path, call, in_flight=1000, roles=roles) == (429, "RESOURCE_EXHAUSTED", "CALLS")


def test_a_call_ends_at_its_deadline(tmp_path):
    async def call(gate):
        gate.stages.hold.clear()
        answer = await gate.check(CLEAN)
        return told(answer), gate.calls("CheckImage", "DEADLINE_EXCEEDED")

    assert run(tmp_path, call, seconds=0.1) == ((504, "DEADLINE_EXCEEDED", "DEADLINE"), 1)


def test_drift_is_told_and_nothing_is_judged(tmp_path):
    drift = Drift()
    drift.noticed = True

    refused = run(tmp_path, lambda gate: gate.check(CLEAN), drift=drift)
    assert told(refused) == (400, "FAILED_PRECONDITION", "DRIFT")


def test_an_error_that_nobody_foresaw_tells_a_number_alone(tmp_path):
    async def call(gate):
        def current():
            raise RuntimeError("/secret/path")

        gate.service.gates.current = current
        return await gate.get("/v1/policy")

    answer = run(tmp_path, call)
    assert told(answer) == (500, "INTERNAL", "INTERNAL")
    assert "secret" not in answer.text
    assert "incident" in answer.json()["message"]


def test_other_paths_and_methods_are_refused_in_the_same_words(tmp_path):
    async def call(gate):
        async with gate.caller() as caller:
            return [
                told(await caller.request(*which)) for which in (("GET", "/"), ("GET", "/docs"), ("PUT", "/v1/check"))
            ]

    path, method = (404, "NOT_FOUND", "PATH"), (405, "UNIMPLEMENTED", "METHOD")
    assert run(tmp_path, call) == [path, path, method]


def test_a_caller_that_goes_away_takes_its_image_with_it(tmp_path):
    async def call(gate):
        gate.stages.hold.clear()
        gone = asyncio.Event()
        messages = [{"type": "http.request", "body": CLEAN, "more_body": False}]

        async def receive():
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(_):
            pass

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/check",
            "query_string": b"",
            "headers": [],
            "state": {"peer": f"{ROLE}generator"},
        }
        asking = asyncio.create_task(gate.app(scope, receive, send))
        await gate.stages.running.wait()
        gone.set()
        await asyncio.wait_for(asking, 5)
        gate.stages.hold.set()
        return gate.calls("CheckImage", "CANCELLED")

    assert run(tmp_path, call) == 1


def test_answers_are_what_the_description_says(tmp_path):
    async def call(gate):
        described = (await gate.get("/openapi.json")).json()
        return described, [await gate.check(content) for content in (CLEAN, LEAK, TEXT)], await gate.get("/v1/policy")

    described, checks, policy = run(tmp_path, call)
    assert {path: set(found) for path, found in described["paths"].items()} == {
        "/v1/check": {"post"},
        "/v1/policy": {"get"},
    }
    for path, method, answers in (("/v1/check", "post", checks), ("/v1/policy", "get", [policy])):
        for answer in answers:
            responses = described["paths"][path][method]["responses"]
            schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
            jsonschema.validate(answer.json(), {**schema, "components": described["components"]})


@pytest.fixture
def described(tmp_path):
    """The description, and behind it a door that is opened anew for each request."""
    numbers = itertools.count()

    async def app(scope, receive, send):
        scope.setdefault("state", {})["peer"] = f"{ROLE}generator"
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        async with rest_gate(folder, with_quota(10_000_000, 10_000_000)) as gate:
            await gate.app(scope, receive, send)

    return schemathesis.openapi.from_asgi("/openapi.json", app)


RIGHT, WRONG = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE


@pytest.mark.parametrize(
    ("path", "method", "mode", "expected"),
    [
        ("/v1/policy", "GET", RIGHT, {200}),
        ("/v1/check", "POST", RIGHT, {200}),
        ("/v1/check", "POST", WRONG, {400, 415}),
    ],
    ids=["policy", "check", "check, wrong"],
)
def test_requests_made_from_the_description_are_answered_as_it_says(path, method, mode, expected, described):
    """Schemathesis makes right and wrong requests from the description, and checks every answer against it."""
    operation, statuses = described[path][method], set()

    @settings(max_examples=25, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def conforms(case):
        statuses.add(case.call_and_validate().status_code)

    conforms()
    assert statuses
    assert statuses <= expected
