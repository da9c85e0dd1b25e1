"""What is in flight is limited, and nobody takes it all from the others."""

import asyncio
from contextlib import ExitStack

import pytest

from cxrgate.core import CallRefused
from cxrgate.rpc.admission import Admission


def held(admission, stack, identity):
    """Take places until there is none; how many these were."""
    count = 0
    while True:
        try:
            stack.enter_context(admission.now(identity))
        except CallRefused:
            return count
        count += 1


def test_one_caller_gets_half_and_everybody_who_comes_finds_places():
    admission = Admission(256)
    with ExitStack() as stack:
        counts = [held(admission, stack, identity) for identity in "abcdef"]

    assert counts[:3] == [128, 64, 32]
    assert min(counts) > 0
    assert admission.taken == 0


def test_a_refusal_says_when_to_come_back():
    admission = Admission(2)
    with admission.now("a"), pytest.raises(CallRefused) as refused, admission.now("a"):
        pass

    assert (refused.value.code, refused.value.reason) == ("RESOURCE_EXHAUSTED", "OVERLOAD")
    assert refused.value.retry_seconds > 0


def test_places_come_back():
    admission = Admission(4)
    for _ in range(3):
        with ExitStack() as stack:
            assert held(admission, stack, "a") == 2


async def waiting(admission, identities, done):
    """One who waits for each, holds the place until the next one asks, and says so."""

    async def one(identity):
        async with admission.when_free(identity):
            done.append(identity)
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(one(identity)) for identity in identities]
    await asyncio.sleep(0)
    return tasks


def test_those_who_wait_take_turns():
    async def go():
        admission, done = Admission(1), []
        with admission.now("a"):
            tasks = await waiting(admission, "aaaabb", done)
            first = list(done)
        await asyncio.gather(*tasks)
        return first, done, admission.taken

    first, done, left = asyncio.run(go())
    assert first == []
    assert sorted(done) == list("aaaabb")
    assert "b" in done[:2]
    assert left == 0


def test_who_goes_away_while_waiting_leaves_the_place_to_the_next():
    async def go():
        admission, done = Admission(2), []
        with admission.now("a"):
            tasks = await waiting(admission, "aaa", done)
            tasks[0].cancel()
        tasks[1].cancel()  # its turn has come in this moment
        await asyncio.gather(*tasks, return_exceptions=True)
        return done, admission.taken

    assert asyncio.run(go()) == (["a"], 0)


def test_a_stream_waits_where_a_call_is_refused():
    async def go():
        admission = Admission(2)
        with admission.now("a"):
            with pytest.raises(CallRefused), admission.now("a"):
                pass
            entered = admission.when_free("a")
            task = asyncio.create_task(entered.__aenter__())
            await asyncio.sleep(0)
            assert not task.done()
        await task
        assert admission.taken == 1
        await entered.__aexit__(None, None, None)
        return admission.taken

    assert asyncio.run(go()) == 0
