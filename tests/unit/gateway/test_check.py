"""The check service without any protocol: plain values in, plain values out."""

import asyncio
import math
import subprocess
import sys
import threading
from contextlib import asynccontextmanager

import pytest
from support.fake_gate import BROKEN, CLEAN, LEAK, TEXT, Stages
from support.fakes import POLICY

from cxrgate.core import CallRefused, Decision, MediaType
from cxrgate.gate.drift import Drift
from cxrgate.gate.gates import FixedGate
from cxrgate.gate.pipeline import Gate
from cxrgate.gateway import check as check_module
from cxrgate.gateway.batches import Batches
from cxrgate.gateway.check import NEAR_DUPLICATES, CheckService
from cxrgate.gateway.probing import ALARM
from cxrgate.gateway.quota import Quotas
from cxrgate.gateway.records import ImageToCheck
from cxrgate.hashlog import HashLog, read_lines
from cxrgate.rpc.roles import Caller, Quota

CALLER = Caller("spiffe://cxrgate.test/generator", "generator")
QUOTAS = {"generator": Quota(images_per_day=3, images_per_second=1000)}


class Models:
    def __init__(self, *, healthy=True):
        self.healthy = healthy

    async def are_healthy(self):
        return self.healthy


@asynccontextmanager
async def opened(folder, models=None, **more):
    """A check service over the stand-ins of all stages."""
    gate = Gate(*[Stages()] * 4, POLICY)
    log = HashLog(folder / "log")
    try:
        yield CheckService(FixedGate(gate), models or Models(), log, Batches(4), Quotas(QUOTAS), **more)
    finally:
        await log.close()


def use(folder, function, **more):
    async def call():
        async with opened(folder, **more) as service:
            return await function(service)

    return asyncio.run(call())


def check(service, content, name="image", caller=CALLER):
    return service.check(service.gates.current(), caller, ImageToCheck(name, content))


async def refusal(awaitable):
    with pytest.raises(CallRefused) as refused:
        await awaitable
    return refused.value.code, refused.value.reason


def events(folder):
    return [line.content["event"] for line in read_lines(folder / "log", growing=True)]


def test_an_answer_is_a_decision_and_a_receipt_and_the_evidence_lies_behind_it(tmp_path):
    async def call(service):
        answers = [await check(service, content, content.decode()) for content in (CLEAN, LEAK)]
        return answers, await service.evidence(CALLER, answers[1].receipt)

    (clean, leak), evidence = use(tmp_path, call)

    assert (clean.image_id, clean.decision, clean.policy_digest) == ("clean", Decision.ANONYMOUS, POLICY.digest)
    assert leak.decision is Decision.NOT_ANONYMOUS
    assert (evidence.image_id, evidence.identity, evidence.decision) == ("leak", CALLER.identity, leak.decision)
    assert evidence.score == 0.987654321
    assert [candidate.reference_id for candidate in evidence.candidates] == ["reference0", "reference1", "reference2"]
    assert events(tmp_path) == ["image_checked", "image_checked", "evidence_read"]


def test_a_receipt_leads_to_its_evidence_after_a_restart(tmp_path):
    receipt = use(tmp_path, lambda service: check(service, LEAK)).receipt

    assert use(tmp_path, lambda service: service.evidence(CALLER, receipt)).decision is Decision.NOT_ANONYMOUS
    assert use(tmp_path, lambda service: refusal(service.evidence(CALLER, "another"))) == ("NOT_FOUND", "RECEIPT")


def test_what_cannot_be_judged_is_refused_and_recorded(tmp_path):
    async def call(service):
        return [await refusal(check(service, content)) for content in (TEXT, BROKEN)]

    assert use(tmp_path, call) == [("INVALID_ARGUMENT", "IMAGE_UNDECODABLE"), ("UNAVAILABLE", "NOT_CHECKED")]
    assert events(tmp_path) == ["image_refused", "image_refused"]


@pytest.mark.parametrize("name", ["", "a/b", "a" * 129, "a\n", "ä"])
def test_a_name_that_could_not_stand_in_a_log_is_refused_before_anything_is_checked(tmp_path, name):
    assert use(tmp_path, lambda service: refusal(check(service, CLEAN, name))) == ("INVALID_ARGUMENT", "NAME")
    assert events(tmp_path) == []


def test_images_that_are_to_be_returned_leave_threads_for_other_callers(tmp_path, monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr(check_module, "encode_png", lambda _: go_on.wait(10) and b"png")

    async def call(service):
        gate = service.gates.current()
        wanted = [ImageToCheck(f"image{number}", CLEAN, return_image=True) for number in range(64)]
        returned = asyncio.gather(*[service.check(gate, CALLER, image) for image in wanted])
        await asyncio.sleep(0.1)
        async with asyncio.timeout(5):
            await check(service, CLEAN, "other")
        go_on.set()
        return await returned

    assert {answer.image for answer in use(tmp_path, call)} == {b"png"}


def test_what_was_used_of_a_quota_today_counts_after_a_restart(tmp_path):
    async def call(service):
        for _ in range(2):
            service.quotas.take(CALLER)
            await check(service, CLEAN)

    async def take(service):
        service.quotas.take(CALLER)
        with pytest.raises(CallRefused) as refused:
            service.quotas.take(CALLER)
        return refused.value.reason

    use(tmp_path, call)
    assert use(tmp_path, take) == "QUOTA"


OTHER = Caller("spiffe://cxrgate.test/other", "generator")
DRIFTED = ("FAILED_PRECONDITION", "DRIFT")


async def drifting(service, caller):
    """A caller whose images are others from one moment on."""
    for content in [CLEAN] * 10 + [LEAK] * 20:
        await check(service, content, caller=caller)


def test_scores_that_drift_end_the_verdicts_of_their_identity_alone(tmp_path):
    async def call(service):
        await drifting(service, CALLER)
        gate = service.gates.current()
        judged = service.judge(gate, CALLER.identity, CLEAN, MediaType.PNG)
        return [await refusal(check(service, CLEAN)), await refusal(judged)], await answered(service)

    async def answered(service):
        ready = await anext(service.watch())
        return (await check(service, CLEAN, caller=OTHER)).decision, ready.ready

    refused, others = use(tmp_path, call, drift=Drift(reference=10, window=10))

    assert (refused, others) == ([DRIFTED] * 2, (Decision.ANONYMOUS, True))
    assert events(tmp_path).count("drift_noticed") == 1
    assert use(tmp_path, lambda service: refusal(check(service, CLEAN))) == DRIFTED
    assert use(tmp_path, answered) == (Decision.ANONYMOUS, True)


def test_scores_of_several_identities_that_drift_end_all_verdicts(tmp_path):
    async def call(service):
        await drifting(service, CALLER)
        await drifting(service, OTHER)
        return await asked(service)

    async def asked(service):
        new = Caller("spiffe://cxrgate.test/new", "generator")
        return await refusal(check(service, CLEAN, caller=new)), (await anext(service.watch())).ready

    assert use(tmp_path, call, drift=Drift(reference=10, window=10)) == (DRIFTED, False)
    assert events(tmp_path)[-2:] == ["drift_noticed"] * 2
    assert use(tmp_path, asked) == (DRIFTED, False)


def test_what_another_door_records_counts_for_drift_too(tmp_path):
    async def call(service):
        for score in [0.1] * 10 + [0.9] * 20 + [None]:
            line = {"policy_digest": POLICY.digest, "caller": "PACS", "score": score}
            await service.record("received_image_checked", line)
        return service.drift.has_stopped("PACS")

    assert use(tmp_path, call, drift=Drift(reference=10, window=10))
    assert events(tmp_path).count("drift_noticed") == 1


def test_who_asks_about_one_picture_again_and_again_is_noticed(tmp_path):
    other = Caller("spiffe://cxrgate.test/other", "generator")

    async def call(service):
        for number in range(ALARM + 1):
            await check(service, CLEAN, caller=other if number == 0 else CALLER)
        before = events(tmp_path).count(NEAR_DUPLICATES)
        await check(service, CLEAN)
        return before

    assert use(tmp_path, call) == 0
    (noticed,) = [line.content for line in read_lines(tmp_path / "log") if line.content["event"] == NEAR_DUPLICATES]
    assert noticed["identity"] == CALLER.identity


def test_an_image_that_could_not_be_described_is_nobodys_duplicate(tmp_path):
    async def call(service):
        for _ in range(ALARM + 2):
            await refusal(check(service, TEXT))

    use(tmp_path, call)

    assert set(events(tmp_path)) == {"image_refused"}


def test_a_door_takes_up_lines_of_its_own(tmp_path):
    lines = []
    use(tmp_path, lambda service: service.record("mine", {"number": 1}))
    use(tmp_path, lambda service: check(service, CLEAN), recall=lines.append)

    assert [(line["event"], line["number"]) for line in lines] == [("mine", 1)]


@pytest.mark.parametrize("healthy", [True, False])
def test_it_is_ready_while_the_models_answer_and_nothing_has_drifted(tmp_path, healthy):
    async def call(service):
        found = [await anext(service.watch())]
        service.drift.noticed = True
        return [*found, await anext(service.watch())]

    first, drifted = use(tmp_path, call, models=Models(healthy=healthy))

    assert (first.ready, first.index) == (healthy, True)
    assert (drifted.ready, drifted.index) == (False, True)


def test_a_score_that_is_no_number_is_recorded_as_none(tmp_path):
    class Odd(Stages):
        def _evidence(self, item):
            found = super()._evidence(item)
            found.scores[:] = math.nan
            return found

    async def call():
        log = HashLog(tmp_path / "log")
        service = CheckService(FixedGate(Gate(*[Odd()] * 4, POLICY)), Models(), log, Batches(1))
        answer = await check(service, CLEAN)
        evidence = await service.evidence(CALLER, answer.receipt)
        await log.close()
        return answer, evidence

    answer, evidence = asyncio.run(call())

    assert answer.decision is Decision.INDETERMINATE
    assert [candidate.score for candidate in evidence.candidates] == [None] * 3


def test_it_loads_no_protocol_and_no_models_framework():
    script = "import sys, cxrgate.gateway.check; print({'google.protobuf', 'grpc', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
