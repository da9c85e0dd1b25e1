import asyncio

import pytest

from cxrgate.gate.stopwatch import Stopwatch


class Clock:
    """Stands still until it is set."""

    now = 0.0

    def __call__(self):
        return self.now


def play(*calls):
    """Run (stage, begin, end) side by side on a clock of whole seconds, each with ten images; the watch after it."""
    clock = Clock()
    watch = Stopwatch(clock)

    async def second(number, running):
        clock.now = float(number)
        for stage, begin, end in calls:
            if end == number:
                future, task = running.pop((stage, begin, end))
                future.set_result(stage)
                assert await task == stage
        for call in calls:
            if call[1] == number:
                future = asyncio.get_running_loop().create_future()
                running[call] = future, asyncio.ensure_future(watch.time(call[0], 10, future))
                await asyncio.sleep(0)

    async def whole():
        running = {}
        for number in range(1 + max(end for _, _, end in calls)):
            await second(number, running)

    asyncio.run(whole())
    return {stage: found["seconds"] for stage, found in watch.stages().items()}


def test_batches_side_by_side_count_once():
    assert play(("decode", 0, 3), ("decode", 1, 4), ("decode", 2, 5)) == {"decode": 5}


def test_idle_time_does_not_count():
    assert play(("decode", 0, 2), ("decode", 5, 6)) == {"decode": 3}


def test_stages_overlap():
    assert play(("decode", 0, 4), ("embed", 1, 5), ("write", 2, 3)) == {"decode": 4, "embed": 4, "write": 1}


def test_waiting_for_the_other_model_is_not_work():
    # One thread: it embeds two batches, verifies the first, then the second.
    calls = [("embed", 0, 2), ("embed", 0, 4), ("verify", 2, 7), ("verify", 4, 10)]

    assert play(*calls) == {"embed": 4, "verify": 6}


def test_rate_is_per_busy_second_and_failed_calls_count():
    clock = Clock()
    watch = Stopwatch(clock)

    async def fail():
        clock.now = 4.0
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        asyncio.run(watch.time("search", 8, fail()))
    assert watch.stages() == {"search": {"seconds": 4.0, "images": 8, "images_per_second": 2.0}}


def test_nothing_timed_is_no_stage():
    assert Stopwatch().stages() == {}
