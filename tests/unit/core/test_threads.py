"""Once work has begun no thread is started: one that has no memory to start with would be waited for without end."""

import asyncio
import threading

import pytest

from cxrgate.core.threads import run_with_threads, started_pool, threads_of_a_loop


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
