import asyncio
import threading
from contextlib import asynccontextmanager

import pytest

from cxrgate.filter.background import BackgroundLoop


@pytest.fixture
def loop():
    loop = BackgroundLoop()
    yield loop
    loop.close()


async def answer(value):
    await asyncio.sleep(0)
    return value


def test_coroutines_run_where_another_loop_is_running(loop):
    async def in_jupyter():
        return loop.run(answer(7))

    assert asyncio.run(in_jupyter()) == 7


def test_errors_come_to_whoever_waits(loop):
    async def fail():
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        loop.run(fail())


def test_closing_closes_what_was_opened_and_ends_the_threads():
    before = threading.active_count()
    loop, told = BackgroundLoop(), []

    @asynccontextmanager
    async def opened():
        yield told.append("open")
        told.append("closed")

    loop.run(loop.stack.enter_async_context(opened()))
    loop.close()

    assert told == ["open", "closed"]
    assert threading.active_count() == before
