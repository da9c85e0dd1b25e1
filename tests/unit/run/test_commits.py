"""Batches come to the journal in order, share its fsyncs, and are durable before anything else happens."""

import asyncio
import os
import threading

import pytest

from cxrgate.run import commits
from cxrgate.run.commits import Commits
from cxrgate.run.journal import Journal

RUN = {"policy": "p"}
CONTENT = {"results": [], "evidence": [], "released": {}}


def commit(journal, numbers, after=lambda number: None):
    async def all_of_them():
        async with Commits(journal) as added:
            for number in numbers:
                await added.add(number, {**CONTENT, "results": [number]})
                await asyncio.sleep(0)
                after(number)

    asyncio.run(all_of_them())


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "journal", RUN)
    yield opened
    opened.close()


@pytest.fixture
def slow_disk(monkeypatch):
    """The first fsync ends when it is told to; counts all."""
    synced, first, real = [], threading.Event(), os.fsync

    def fsync(descriptor):
        synced.append(descriptor)
        if len(synced) == 1:
            assert first.wait(10)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return synced, first


def test_what_gathers_during_an_fsync_shares_the_next_one(journal, slow_disk):
    synced, first = slow_disk
    commit(journal, range(10), lambda number: number == 9 and first.set())

    assert len(synced) == 2
    assert list(journal.batches) == list(range(10))


def test_no_more_batches_wait_than_a_crash_may_cost(journal, slow_disk, monkeypatch):
    monkeypatch.setattr(commits, "MOST_WAITING", 3)
    synced, first = slow_disk
    threading.Timer(0.2, first.set).start()
    added = []
    commit(journal, range(10), lambda number: added.append((number, first.is_set())))

    assert [number for number, released in added if not released] == [0, 1, 2, 3]
    assert list(journal.batches) == list(range(10))
    assert len(synced) < 10


def test_all_of_it_is_found_again(tmp_path):
    journal = Journal(tmp_path / "journal", RUN)
    commit(journal, range(7))
    journal.close()
    again = Journal(tmp_path / "journal", RUN)
    again.close()

    assert {number: batch["results"] for number, batch in again.batches.items()} == {n: [n] for n in range(7)}


@pytest.mark.parametrize("count", [1, 2, 20])
def test_a_disk_that_is_full_ends_the_run(journal, monkeypatch, count):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal, "append_all", full)
    with pytest.raises(OSError, match="No space left"):
        commit(journal, range(count))


def test_an_error_of_the_checking_loses_nothing_that_was_checked(journal):
    async def broken():
        async with Commits(journal) as added:
            for number in range(3):
                await added.add(number, CONTENT)
            raise RuntimeError("of a model")

    with pytest.raises(RuntimeError, match="of a model"):
        asyncio.run(broken())
    assert list(journal.batches) == [0, 1, 2]
