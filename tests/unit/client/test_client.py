"""Both clients against the gate service on fake stages, over real gRPC with mTLS."""

import asyncio
import queue
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
from support.fake_gate import BROKEN, CLEAN, LEAK, TEXT, Stages, gate_server, with_quota
from support.fakes import POLICY
from support.grpc_servers import IDENTITIES

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.client import (
    AcceptanceTooLow,
    AsyncGate,
    Decision,
    Gate,
    GateDenied,
    GateError,
    GateOverloaded,
    GateUnavailable,
    Image,
    ImageRefused,
    Verdict,
    generate_until,
)
from cxrgate.client.generate import SYSTEMATIC
from cxrgate.client.resume import Unanswered
from cxrgate.client.types import from_answer, from_verdict
from cxrgate.core import ImageRecord
from cxrgate.images.codec.encode import encode_png


@contextmanager
def running(folder, **settings):
    """The server in a loop of its own thread, so that the synchronous client can be called."""
    started, address = threading.Event(), []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def main():
        async with gate_server(folder, **settings) as (_, _, at):
            address.append(at)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    assert started.wait(30)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with running(tmp_path_factory.mktemp("gate"), roles=with_quota(100_000, 10_000)) as at:
        yield at


@pytest.fixture
def gate(address):
    with Gate(address, IDENTITIES["generator"]) as opened:
        yield opened


def test_verdict_says_whether_the_image_may_go_out(gate):
    clean, leak = gate.check(CLEAN, "a"), gate.check(LEAK, "b")

    assert (clean.decision, clean.released, clean.policy_digest) == (Decision.ANONYMOUS, True, POLICY.digest)
    assert (leak.decision, leak.released, leak.image_id) == (Decision.NOT_ANONYMOUS, False, "b")


def test_policy(gate):
    assert (gate.policy().digest, gate.policy().release_side) == (POLICY.digest, None)
    assert gate.policy().match_threshold is None


def test_refused_image_is_answered_alike_alone_and_in_a_stream(gate, address):
    async def ask():
        async with AsyncGate(address, IDENTITIES["generator"]) as other:
            return await other.check(TEXT, "a")

    (streamed,) = gate.check_many([Image(TEXT, "a")])
    for verdict in (gate.check(TEXT, "a"), asyncio.run(ask()), streamed):
        assert (verdict.image_id, verdict.decision, verdict.released) == ("a", Decision.INDETERMINATE, False)
        assert isinstance(verdict.error, ImageRefused)
        assert verdict.error.reason == "IMAGE_UNDECODABLE"


def test_gate_that_cannot_judge_raises(address):
    with Gate(address, IDENTITIES["generator"], seconds=5) as gate, pytest.raises(GateUnavailable) as error:
        gate.check(BROKEN)
    assert error.value.reason == "NOT_CHECKED"


def test_wrong_role_raises(address):
    with Gate(address, IDENTITIES["monitor"]) as gate, pytest.raises(GateDenied):
        gate.check(CLEAN)


def test_nobody_at_the_address_raises():
    with Gate("127.0.0.1:1", IDENTITIES["generator"], seconds=5) as gate, pytest.raises(GateUnavailable):
        gate.check(CLEAN)


def test_used_up_quota_raises_without_a_delay(tmp_path):
    with running(tmp_path, roles=with_quota(1, 100)) as at, Gate(at, IDENTITIES["generator"]) as gate:
        gate.check(CLEAN)
        with pytest.raises(GateOverloaded) as error:
            gate.check(CLEAN)
    assert (error.value.reason, error.value.retry_seconds) == ("QUOTA", None)


CONTENTS = [CLEAN, LEAK, TEXT, CLEAN, BROKEN] * 10
EXPECTED = ["ANONYMOUS", "NOT_ANONYMOUS", "INDETERMINATE", "ANONYMOUS", "INDETERMINATE"] * 10


def images():
    return [Image(content, f"image{number}") for number, content in enumerate(CONTENTS)]


def test_many_images_come_back_in_order(gate):
    found = list(gate.check_many(images()))

    assert [str(item.decision) for item in found] == EXPECTED
    assert [item.image_id for item in found] == [item.image_id for item in images()]
    assert isinstance(found[2].error, ImageRefused)


def test_many_images_come_back_in_order_asynchronously(address):
    async def source():
        for item in images():
            yield item

    async def call():
        async with AsyncGate(address, IDENTITIES["generator"]) as gate:
            single = await gate.check(CLEAN)
            policy = await gate.policy()
            return [item async for item in gate.check_many(source())], single, policy

    found, single, policy = asyncio.run(call())
    assert [str(item.decision) for item in found] == EXPECTED
    assert single.released
    assert policy.certification == "uncertified"


def judged(content):
    """The pixels that the fake decoder makes of the bytes, encoded as the gate encodes them."""
    (image,) = asyncio.run(Stages().decode([ImageRecord("a", content)]))
    return encode_png(image.pixels), image.digest


def test_filter_keeps_the_pixels_that_were_judged_and_not_the_bytes_that_were_sent(gate):
    assert list(gate.filter(CONTENTS)) == [judged(CLEAN)[0]] * 20


def test_only_an_image_that_may_go_out_is_returned_and_only_where_asked_for(gate):
    clean, leak = (gate.check(content, return_image=True) for content in (CLEAN, LEAK))

    assert (clean.png, clean.pixel_digest) == judged(CLEAN)
    assert (leak.png, leak.pixel_digest) == (None, judged(LEAK)[1])
    assert gate.check(CLEAN).png is None
    assert [item.png for item in gate.check_many([Image(CLEAN, "a")])] == [None]
    assert [item.png for item in gate.check_many([Image(CLEAN, "a")], return_image=True)] == [judged(CLEAN)[0]]


class OwnError(Exception):
    pass


def test_what_the_callers_own_images_raise_comes_back_to_the_caller(gate, address):
    def source():
        yield Image(CLEAN, "a")
        raise OwnError("of the generator")

    async def asynchronously():
        async def later():
            for item in source():
                yield item

        async with AsyncGate(address, IDENTITIES["generator"]) as other:
            return [item async for item in other.check_many(later())]

    with pytest.raises(OwnError, match="of the generator"):
        list(gate.check_many(source()))
    with pytest.raises(OwnError, match="of the generator"):
        asyncio.run(asynchronously())


def test_a_gate_that_returns_no_image_lets_nothing_be_kept():
    class Old(Answers):
        def check(self, content, image_id="image", *, return_image=False):
            return replace(super().check(content, image_id), png=None)

    with pytest.raises(GateError, match="before 0"):
        generate_until(Old(10), {"normal": 1}, lambda _: b"x")


def test_stream_answers_one_image_before_the_next_is_made(gate):
    answered = queue.Queue()

    def source():
        for number in range(3):
            yield Image(CLEAN, f"image{number}")
            assert answered.get(timeout=20) == f"image{number}"

    for verdict in gate.check_many(source()):
        answered.put(verdict.image_id)
    assert answered.empty()


def test_refused_stream_raises(address):
    with Gate(address, IDENTITIES["monitor"]) as gate, pytest.raises(GateDenied):
        list(gate.check_many(images()))


def test_large_images_pass_the_limits_of_both_ends(gate):
    assert gate.check(bytes(32 * 2**20)).released


def test_answer_of_another_image_is_no_release():
    verdict = pb.Verdict(image_id="other", decision=pb.DECISION_ANONYMOUS)

    assert not from_verdict(Image(b"", "own"), verdict).released


@pytest.mark.parametrize("content", [b"", b"\x10\x00", b"\x10\x63"])
def test_unspecified_and_unknown_decisions_are_no_release(content):
    verdict = pb.Verdict.FromString(content)
    verdict.image_id = "own"

    assert from_verdict(Image(b"", "own"), verdict).decision is Decision.INDETERMINATE


def test_empty_answer_of_a_stream_is_no_release():
    assert not from_answer(Image(b"", "own"), pb.CheckImagesResponse()).released


def test_stream_is_resumed_after_the_last_answer():
    waiting = Unanswered()
    for name in "abc":
        waiting.send(Image(b"", name))
    waiting.answer(pb.CheckImagesResponse(sequence=1))

    assert waiting.after(0).image.image_id == "b"
    assert waiting.after(2).image.image_id == "c"
    assert waiting.after(3) is None


@pytest.mark.parametrize("sequence", [0, 2, 5])
def test_answer_out_of_turn_is_not_believed(sequence):
    waiting = Unanswered()
    waiting.send(Image(b"", "a"))
    waiting.send(Image(b"", "b"))

    with pytest.raises(GateError):
        waiting.answer(pb.CheckImagesResponse(sequence=sequence))


def test_stream_is_not_resumed_for_ever_nor_after_a_refusal():
    now = [0.0]
    waiting = Unanswered(lambda: now[0])

    assert not waiting.may_resume(GateError("PERMISSION_DENIED", "", ""))
    assert not waiting.may_resume(GateError("INTERNAL", "STAGE_FAILED", ""))
    assert waiting.may_resume(GateError("UNAVAILABLE", "", ""))
    assert waiting.may_resume(GateError("INTERNAL", "", ""))
    now[0] = 121.0
    assert not waiting.may_resume(GateError("UNAVAILABLE", "", ""))


class Answers:
    """A gate that rejects every image whose content ends in a number above `share` tenths."""

    def __init__(self, share):
        self.share = share
        self.asked = 0

    def check(self, content, image_id="image", *, return_image=False):
        self.asked += 1
        if content.startswith(b"refused "):
            error = ImageRefused("INVALID_ARGUMENT", content.split()[1].decode(), "x")
            return Verdict(image_id, Decision.INDETERMINATE, error=error)
        passes = self.asked % 10 < self.share
        return Verdict(image_id, Decision.ANONYMOUS if passes else Decision.NOT_ANONYMOUS, png=content)


def test_generation_keeps_class_balance_and_counts_rejections():
    generated = generate_until(Answers(5), {"normal": 20, "effusion": 7}, lambda label: label.encode())

    assert {label: len(found) for label, found in generated.images.items()} == {"normal": 20, "effusion": 7}
    assert set(generated.images["effusion"]) == {b"effusion"}
    assert min(generated.rejected.values()) > 0


def test_generation_stops_when_too_few_pass():
    gate = Answers(0)

    with pytest.raises(AcceptanceTooLow) as error:
        generate_until(gate, {"normal": 5}, lambda _: b"x", patience=30)
    assert gate.asked == 30
    assert error.value.generated.rejected == {"normal": 30}
    assert error.value.generated.reasons == {"normal": {"NOT_ANONYMOUS": 30}}


def test_refused_images_count_as_rejected_by_their_reasons():
    made = iter([b"refused CRC", b"refused CRC", b"refused NONFINITE"] * 4)

    with pytest.raises(AcceptanceTooLow, match="0 images passed and 9 did not: CRC 6, NONFINITE 3"):
        generate_until(Answers(0), {"normal": 5}, lambda _: next(made), patience=9)


@pytest.mark.parametrize("reason", sorted(SYSTEMATIC))
def test_what_the_next_image_would_have_too_ends_it_at_once(reason):
    gate = Answers(9)

    with pytest.raises(ImageRefused) as error:
        generate_until(gate, {"normal": 5}, lambda _: f"refused {reason}".encode())
    assert error.value.reason == reason
    assert gate.asked == 1


def test_what_the_generator_raises_is_raised():
    def broken(_):
        raise OwnError("out of memory")

    with pytest.raises(OwnError, match="out of memory"):
        generate_until(Answers(9), {"normal": 5}, broken)
