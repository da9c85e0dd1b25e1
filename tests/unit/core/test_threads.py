"""Once work has begun no thread is started: one that has no memory to start with would be waited for without end."""

import asyncio
import os
import threading

import pytest

from cxrgate.core.threads import NICENESS, run_with_threads, started_pool, threads_of_a_loop, yield_to_others


@pytest.fixture
def no_new_thread(monkeypatch):
    """Starting a thread from now on is an error."""

    def begin():
        def refuse(thread):
            raise AssertionError(f"{thread.name} was started")

        monkeypatch.setattr(threading.Thread, "start", refuse)

    return begin


def test_a_pool_has_all_its_threads_before_its_first_task(no_new_thread):
    with started_pool(3, "three") as pool:
        no_new_thread()
        together = threading.Barrier(3)

        assert len({task.result(10) for task in [pool.submit(together.wait) for _ in range(3)]}) == 3


def test_work_in_threads_starts_none(no_new_thread):
    count = threads_of_a_loop()._max_workers

    async def work():
        no_new_thread()
        together = threading.Barrier(count)
        return await asyncio.gather(*[asyncio.to_thread(together.wait) for _ in range(count)])

    assert sorted(run_with_threads(work())) == list(range(count))


def niceness():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_what_yields_has_threads_of_a_lower_priority_and_changes_nobody_elses(no_new_thread):
    async def yielding():
        yield_to_others()
        return await asyncio.to_thread(niceness)

    async def work():
        no_new_thread()
        other = await asyncio.create_task(yielding())
        return other, await asyncio.to_thread(niceness)

    usual = niceness()
    assert run_with_threads(work()) == (min(19, usual + NICENESS), usual)
    assert niceness() == usual


def test_a_thread_that_the_system_refuses_is_an_error_and_nothing_waits(monkeypatch):
    start, begun = threading.Thread.start, []

    def second_refused(thread):
        if begun:
            raise RuntimeError("can't start new thread")
        begun.append(thread)
        start(thread)

    async def work():
        raise AssertionError

    monkeypatch.setattr(threading.Thread, "start", second_refused)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        run_with_threads(work())

    begun[0].join(10)
    assert not begun[0].is_alive()
