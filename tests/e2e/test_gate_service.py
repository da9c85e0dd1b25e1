"""The gate service over real gRPC on loopback, with mTLS, on fake stages."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from fakes import POLICY
from gate_set import BROKEN, CLEAN, LEAK, SLOW, TEXT, gate_server, with_quota
from grpc_set import channel, reason, retry_seconds

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.certification import Certificate
from cxrgate.gate.audit import verify_log
from cxrgate.rpc.guard import Times


def image(content, image_id="a.png", media_type=0):
    return pb.Image(image_id=image_id, content=content, media_type=media_type)


def run(folder, call, role="generator", **settings):
    async def go():
        async with gate_server(folder, **settings) as (stages, _, address), channel(address, role) as opened:
            return await call(stubs.GateServiceStub(opened), stages)

    return asyncio.run(go())


def check(folder, sent, **settings):
    async def call(stub, _):
        try:
            return await stub.CheckImage(pb.CheckImageRequest(image=sent), timeout=10)
        except grpc.aio.AioRpcError as error:
            return error

    return run(folder, call, **settings)


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
        (image(CLEAN, media_type=9), "INVALID_ARGUMENT", "MEDIA_TYPE"),
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


def stream(contents, first=1, numbers=None, pause=0.0):
    async def requests():
        for place, content in enumerate(contents):
            number = numbers[place] if numbers else first + place
            yield pb.CheckImagesRequest(sequence=number, image=image(content, f"image{number}"))
            await asyncio.sleep(pause)

    async def call(stub, stages):
        found = []
        try:
            async for answer in stub.CheckImages(requests()):
                found.append(answer)  # noqa: PERF401 - what came before an error counts
        except grpc.aio.AioRpcError as error:
            return found, error
        return found, stages

    return call


def test_stream_answers_each_image_in_order(tmp_path):
    contents = [SLOW, CLEAN, LEAK, TEXT, CLEAN, BROKEN] * 20
    found, _ = run(tmp_path, stream(contents, first=7), roles=with_quota(10000, 10000))

    assert [item.sequence for item in found] == list(range(7, 127))
    outcomes = [item.verdict.decision if item.HasField("verdict") else item.error.reason for item in found[:6]]
    assert outcomes == [1, 1, 2, "IMAGE_UNDECODABLE", 1, "NOT_CHECKED"]
    assert [item.verdict.image_id or item.error.image_id for item in found] == [f"image{n}" for n in range(7, 127)]


def test_one_poisoned_image_fails_alone(tmp_path):
    found, _ = run(tmp_path, stream([CLEAN, CLEAN, TEXT, CLEAN]))

    assert [item.HasField("verdict") for item in found] == [True, True, False, True]


def test_a_caller_that_sends_one_image_at_a_time_is_answered_one_at_a_time(tmp_path):
    async def call(stub, _):
        opened = stub.CheckImages()
        for number in range(1, 4):
            await opened.write(pb.CheckImagesRequest(sequence=number, image=image(CLEAN)))
            answer = await asyncio.wait_for(opened.read(), 10)
            assert answer.sequence == number
        await opened.done_writing()
        return await opened.code()

    assert run(tmp_path, call) is grpc.StatusCode.OK


def test_empty_stream_is_ok(tmp_path):
    found, _ = run(tmp_path, stream([]))

    assert found == []


@pytest.mark.parametrize("numbers", [[1, 2, 4], [1, 1, 2], [5, 4], [2**63, 2**63 + 2], [2**64 - 1, 0]])
def test_a_gap_or_a_repeat_ends_the_stream_after_the_answers_before_it(tmp_path, numbers):
    found, error = run(tmp_path, stream([CLEAN] * len(numbers), numbers=numbers))

    assert (error.code().name, reason(error)) == ("INVALID_ARGUMENT", "SEQUENCE")
    assert [item.sequence for item in found] == numbers[: len(found)]
    assert len(found) == (2 if numbers[:2] == [1, 2] else 1)


def test_images_of_a_busy_service_share_batches(tmp_path):
    async def call(stub, stages):
        stages.hold.clear()
        calls = [stub.CheckImage(pb.CheckImageRequest(image=image(CLEAN)), timeout=10) for _ in range(40)]
        waiting = asyncio.gather(*calls)
        await asyncio.wait_for(stages.running.wait(), 5)
        await asyncio.sleep(0.5)
        stages.hold.set()
        await waiting
        return stages.sizes

    sizes = run(tmp_path, call)
    assert sum(sizes) == 40
    assert len(sizes) <= 8
    assert max(sizes) <= 16


def test_unary_calls_above_the_limit_are_refused_at_once_and_say_when_to_come_back(tmp_path):
    async def call(stub, stages):
        stages.hold.clear()
        request = pb.CheckImageRequest(image=image(CLEAN))
        held = [asyncio.ensure_future(stub.CheckImage(request, timeout=10)) for _ in range(2)]
        await asyncio.wait_for(stages.running.wait(), 5)
        await asyncio.sleep(0.3)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.CheckImage(request, timeout=10)
        stages.hold.set()
        return error.value, await asyncio.gather(*held)

    error, held = run(tmp_path, call, in_flight=2)
    assert (error.code().name, reason(error)) == ("RESOURCE_EXHAUSTED", "OVERLOAD")
    assert 0 < retry_seconds(error) < 5
    assert [item.verdict.decision for item in held] == [1, 1]


def test_streams_wait_where_unary_calls_are_refused(tmp_path):
    found, _ = run(tmp_path, stream([CLEAN] * 30), in_flight=2)

    assert [item.verdict.decision for item in found] == [1] * 30


def test_stream_reads_no_further_than_its_window(tmp_path):
    async def call(stub, stages):
        stages.hold.clear()
        sent = 0

        async def requests():
            nonlocal sent
            for number in range(200):
                sent = number
                yield pb.CheckImagesRequest(sequence=number, image=image(b"x" * 300_000))

        opened = stub.CheckImages(requests())
        await asyncio.wait_for(stages.running.wait(), 10)
        await asyncio.sleep(2)
        ahead = sent
        opened.cancel()
        stages.hold.set()
        return ahead

    # The window of 32 images, and what gRPC itself takes in before anybody reads it.
    assert run(tmp_path, call) < 100


def test_cancelled_image_leaves_the_queue(tmp_path):
    async def call(stub, stages):
        stages.hold.clear()
        request = pb.CheckImageRequest(image=image(CLEAN))
        first = asyncio.ensure_future(stub.CheckImage(request, timeout=10))
        await asyncio.wait_for(stages.running.wait(), 5)
        with pytest.raises(grpc.aio.AioRpcError):
            await asyncio.gather(*[stub.CheckImage(request, timeout=0.5) for _ in range(10)])
        await asyncio.sleep(1)
        stages.hold.set()
        await first
        return sum(stages.sizes)

    # One running; two more batches of what came first; the rest of the ten is dropped unchecked.
    assert run(tmp_path, call) < 11


def test_quota_ends_a_stream_and_survives_a_restart(tmp_path):
    roles = with_quota(5, 1000)
    found, error = run(tmp_path, stream([CLEAN] * 8), roles=roles)

    assert len(found) == 5
    assert (error.code().name, reason(error)) == ("RESOURCE_EXHAUSTED", "QUOTA")
    again = check(tmp_path, image(CLEAN), roles=roles)
    assert (again.code().name, reason(again)) == ("RESOURCE_EXHAUSTED", "QUOTA")


def test_rate_refuses_unary_calls_with_a_delay_and_slows_streams(tmp_path):
    async def call(stub, _):
        request = pb.CheckImageRequest(image=image(CLEAN))
        answers = await asyncio.gather(
            *[stub.CheckImage(request, timeout=0.9) for _ in range(8)], return_exceptions=True
        )
        loop = asyncio.get_running_loop()
        started = loop.time()
        found, _ = await stream([CLEAN] * 6)(stub, None)
        return answers, len(found), loop.time() - started

    answers, count, seconds = run(tmp_path, call, roles=with_quota(1000, 4))
    assert any(isinstance(item, grpc.aio.AioRpcError) for item in answers)
    assert count == 6
    assert seconds > 1


def test_evidence_goes_to_the_reviewer_and_reading_it_is_recorded_first(tmp_path):
    receipt = check(tmp_path, image(LEAK)).verdict.receipt
    request = pb.GetEvidenceRequest(receipt=receipt)
    found = run(tmp_path, lambda stub, _: stub.GetEvidence(request, timeout=5), role="reviewer").evidence

    assert (found.image_id, found.decision, list(found.reasons)) == ("a.png", 2, ["SAME_PATIENT"])
    assert found.score == 0.987654321
    assert [item.reference_id for item in found.candidates] == ["reference0", "reference1", "reference2"]
    assert found.identity == "spiffe://cxrgate/generator"
    lines = [json.loads(line.split(" ", 1)[1]) for line in (tmp_path / "gate.log").read_text().splitlines()]
    assert [(line["event"], line["identity"].rsplit("/", 1)[1]) for line in lines] == [
        ("image_checked", "generator"),
        ("evidence_read", "reviewer"),
    ]
    assert verify_log(tmp_path / "gate.log").count == 2


@pytest.mark.parametrize("receipt", ["", "x", "A" * 32, "../.."])
def test_invented_receipts_are_not_found(tmp_path, receipt):
    async def call(stub, _):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.GetEvidence(pb.GetEvidenceRequest(receipt=receipt), timeout=5)
        return error.value

    assert reason(run(tmp_path, call, role="reviewer")) == "RECEIPT"


def test_nothing_is_answered_once_the_log_cannot_be_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    async def call(stub, _):
        monkeypatch.setattr("cxrgate.gate.audit.os.fsync", full)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.CheckImage(pb.CheckImageRequest(image=image(CLEAN)), timeout=10)
        return error.value

    assert reason(run(tmp_path, call)) == "AUDIT"


def test_idle_stream_is_ended(tmp_path):
    found, error = run(tmp_path, stream([CLEAN, CLEAN], pause=3), times=Times(idle=1))

    assert len(found) == 1
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


class Clock:
    """Before the certificate's end until it is told otherwise."""

    def __init__(self):
        self.time = datetime(2026, 11, 25, tzinfo=UTC)
        self.certificate = Certificate("digest", {}, self.time + timedelta(days=1), {})

    def __call__(self):
        return self.time

    def pass_the_end(self):
        self.time = self.certificate.expires


def certified(folder, call):
    clock = Clock()
    return run(folder, lambda stub, _: call(stub, clock), certificate=clock.certificate, now=clock)


def test_a_certified_gate_names_its_certificate(tmp_path):
    answer = certified(tmp_path, lambda stub, _: stub.GetPolicy(pb.GetPolicyRequest(), timeout=5))

    assert answer.policy.certification == "digest"


def test_when_the_certificate_is_over_nothing_is_answered_any_more(tmp_path):
    async def call(stub, clock):
        request = pb.CheckImageRequest(image=image(CLEAN))
        before = await stub.CheckImage(request, timeout=5)
        clock.pass_the_end()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.CheckImage(request, timeout=5)
        return before, error.value

    before, error = certified(tmp_path, call)
    assert before.verdict.decision == pb.DECISION_ANONYMOUS
    assert (error.code().name, reason(error)) == ("FAILED_PRECONDITION", "CERTIFICATE_INVALID")


def test_a_stream_ends_when_the_certificate_is_over(tmp_path):
    async def call(stub, clock):
        opened = stub.CheckImages()
        await opened.write(pb.CheckImagesRequest(sequence=1, image=image(CLEAN)))
        first = await asyncio.wait_for(opened.read(), 5)
        clock.pass_the_end()
        await opened.write(pb.CheckImagesRequest(sequence=2, image=image(CLEAN)))
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await asyncio.wait_for(opened.read(), 5)
        return first, error.value

    first, error = certified(tmp_path, call)
    assert first.verdict.decision == pb.DECISION_ANONYMOUS
    assert reason(error) == "CERTIFICATE_INVALID"
