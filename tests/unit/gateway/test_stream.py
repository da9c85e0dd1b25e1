"""How far a stream reads ahead: by its own limit, and by that of all streams of its caller."""

import asyncio
from contextlib import aclosing

from cxrgate.gateway.stream import Limit, Unanswered, answers

WIDE = Limit(1000, 10**9)


class Stream:
    """Items of ten bytes, none of which is answered before `hold` is set."""

    def __init__(self, caller, limit=WIDE, count=100):
        self.read, self.got, self.hold = 0, [], asyncio.Event()
        self._count, self._answers = count, answers(self._answer, self._items(), lambda _: 10, limit, caller)

    async def _items(self):
        for number in range(self._count):
            self.read += 1
            yield number

    async def _answer(self, number):
        await self.hold.wait()
        return number

    async def consume(self):
        async with aclosing(self._answers) as stream:
            async for answer in stream:
                self.got.append(answer)


async def started(stream):
    """The task that consumes it, once it has read what it may."""
    task = asyncio.create_task(stream.consume())
    await settled()
    return task


async def settled():
    for _ in range(1000):
        await asyncio.sleep(0)


def run(test):
    asyncio.run(test())


def test_a_stream_reads_as_many_items_ahead_as_its_limit_says():
    async def test():
        stream = Stream(Unanswered(WIDE), Limit(7, 10**9))
        task = await started(stream)
        assert stream.read == 7
        stream.hold.set()
        await task
        assert stream.got == list(range(100))

    run(test)


def test_a_stream_reads_no_further_item_above_its_bytes():
    async def test():
        stream = Stream(Unanswered(WIDE), Limit(100, 25))
        task = await started(stream)
        assert stream.read == 3
        stream.hold.set()
        await task

    run(test)


def test_streams_of_one_caller_share_its_limit_and_each_has_one_item():
    async def test():
        for limit in (Limit(10, 10**9), Limit(10**9, 95)):
            caller = Unanswered(limit)
            streams = [Stream(caller) for _ in range(4)]
            tasks = [await started(stream) for stream in streams]
            assert 10 <= sum(stream.read for stream in streams) <= 13
            assert all(stream.read >= 1 for stream in streams)
            for stream in streams:
                stream.hold.set()
            await asyncio.gather(*tasks)
            assert [stream.got for stream in streams] == 4 * [list(range(100))]
            assert caller.is_empty

    run(test)


def test_a_stream_goes_on_one_item_at_a_time_beside_one_that_is_stuck():
    async def test():
        caller = Unanswered(Limit(10, 10**9))
        stuck, other = Stream(caller), Stream(caller)
        task = await started(stuck)
        assert stuck.read == 10
        other.hold.set()
        await asyncio.wait_for(other.consume(), 10)
        assert other.got == list(range(100))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert caller.is_empty

    run(test)


def test_what_a_cancelled_stream_held_is_room_for_the_callers_others():
    async def test():
        caller = Unanswered(Limit(10, 10**9))
        first, second = Stream(caller), Stream(caller)
        one, two = await started(first), await started(second)
        assert (first.read, second.read) == (10, 1)
        one.cancel()
        await settled()
        assert second.read == 10
        second.hold.set()
        await two

    run(test)
