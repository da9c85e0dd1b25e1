"""Workers that die, that open something else, and that fail: without a cluster, by actors that are fakes."""

import asyncio
from concurrent.futures import Future

import pytest
from ray.exceptions import ActorDiedError, RayTaskError

from cxrgate.core import MismatchError, UsageError
from cxrgate.run.engines.ray import pool as module
from cxrgate.run.engines.ray.pool import Pool
from cxrgate.run.host_fault import HostFault


class Reference:
    def __init__(self, future):
        self._future = future

    def future(self):
        return self._future


class Method:
    def __init__(self, call):
        self._call = call

    def remote(self, *arguments):
        future = Future()
        asyncio.get_running_loop().call_later(0.001, self._settle, future, arguments)
        return Reference(future)

    def _settle(self, future, arguments):
        if future.cancelled():
            return
        try:
            future.set_result(self._call(*arguments))
        except Exception as error:  # noqa: BLE001 - as Ray hands it over
            future.set_exception(error)


class Actor:
    """Opens `opened`, doubles numbers; `die(task)` says which call ends it, and every call after that."""

    def __init__(self, opened="same", die=lambda _: False):
        self.open, self.work = Method(lambda: self._open(opened)), Method(self._work)
        self._die, self.dead, self.done = die, False, []

    def _open(self, opened):
        if opened is None:
            raise ActorDiedError
        if isinstance(opened, Exception):
            raise RayTaskError("open", "traceback", opened)
        return opened

    def _work(self, task):
        self.dead = self.dead or self._die(task)
        if self.dead:
            raise ActorDiedError
        if task < 0:
            raise RayTaskError("work", "traceback", UsageError("a task of less than nothing"))
        self.done.append(task)
        return 2 * task


@pytest.fixture(autouse=True)
def killed(monkeypatch):
    """Actors that were ended."""
    ended = []
    monkeypatch.setattr(module.ray, "kill", ended.append)
    return ended


def answers(actors, tasks, count=2):
    given = iter(actors)

    async def go():
        async with Pool(lambda: next(given), count, "same") as pool:
            return [answer async for answer in pool.run(tasks)]

    return asyncio.run(go())


def test_every_task_is_answered_once_by_all_workers(killed):
    actors = [Actor(), Actor()]

    assert sorted(answers(actors, range(50))) == [2 * task for task in range(50)]
    assert all(actor.done for actor in actors)
    assert killed == actors


def test_what_a_lost_worker_was_at_is_done_by_another():
    once = iter([True])
    actors = [Actor(die=lambda task: task == 7 and next(once, False)) for _ in range(3)]

    assert sorted(answers(actors, range(50))) == [2 * task for task in range(50)]
    assert sum(actor.dead for actor in actors) == 1
    assert actors[2].done


def test_the_last_worker_that_dies_is_replaced():
    assert sorted(answers([Actor(die=lambda task: task == 3), Actor()], range(9), count=1)) == list(range(0, 18, 2))


def test_a_task_that_ends_every_worker_ends_the_run():
    with pytest.raises(HostFault, match="same images"):
        answers([Actor(die=lambda task: task == 5) for _ in range(20)], range(9))


def test_workers_that_never_start_end_the_run():
    with pytest.raises(HostFault, match="while they start"):
        answers([Actor(opened=None) for _ in range(20)], range(9))


def test_a_worker_with_other_models_or_another_index_gets_no_task():
    actors = [Actor(opened="other"), Actor(opened="other")]

    with pytest.raises(MismatchError):
        answers(actors, range(9))
    assert not any(actor.done for actor in actors)


def test_an_error_of_ours_comes_as_itself():
    with pytest.raises(UsageError, match=r"^a task of less than nothing$"):
        answers([Actor(), Actor()], [1, -1])
    with pytest.raises(UsageError, match=r"^no snapshot$"):
        answers([Actor(opened=UsageError("no snapshot")) for _ in range(2)], [1])


def test_without_a_worker_the_run_ends_after_a_while(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    silent = Actor()
    silent.open = type("Never", (), {"remote": lambda self: Reference(Future())})()

    with pytest.raises(HostFault, match="no worker"):
        answers([silent, silent], [1])


def test_without_a_task_nothing_is_asked():
    assert answers([Actor(), Actor()], []) == []
