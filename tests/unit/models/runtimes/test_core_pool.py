"""The pool that networks compute in: as many at a time as there are cores, and short groups before long ones."""

import threading
import time
from functools import partial

import pytest

from cxrgate.models.runtimes.core_pool import CorePool, core_pool
from cxrgate.models.runtimes.cores import usable_cores

SECONDS = 30


def held(pool):
    """A pool of one core at work until what is given back is set."""
    go_on, begun = threading.Event(), threading.Event()

    def hold():
        begun.set()
        assert go_on.wait(SECONDS)

    pool.start([hold])
    assert begun.wait(SECONDS)
    return go_on


def test_all_cores_work_and_no_more():
    running, most, both = set(), [], threading.Barrier(2)

    def task(number):
        running.add(number)
        most.append(len(running))
        both.wait(SECONDS)
        running.discard(number)

    CorePool(2).start([partial(task, number) for number in range(8)])()

    assert max(most) == 2


def test_a_short_group_goes_before_a_long_one_and_not_for_ever():
    pool, order, others = CorePool(1), [], []

    def short():
        order.append("short")
        if len(order) < 60:
            others.append(pool.start([short]))

    go_on = held(pool)
    long, first = pool.start([partial(order.append, "long")] * 4), pool.start([short])
    go_on.set()
    for finish in (long, first):
        finish()

    assert 4 < order.index("long") < 40


def test_groups_of_equal_length_are_served_as_they_come():
    pool, order = CorePool(1), []
    go_on = held(pool)
    finishes = [pool.start([partial(order.append, number)] * 2) for number in range(5)]
    go_on.set()
    for finish in finishes:
        finish()

    assert order == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_who_waits_gets_the_error_once_all_tasks_are_done():
    done = []

    def slow():
        time.sleep(0.05)
        done.append(True)

    def fail():
        raise ValueError("no image")

    with pytest.raises(ValueError, match="no image"):
        CorePool(2).start([fail, slow])()
    assert done == [True]


def test_every_model_of_a_process_has_the_same_pool():
    assert core_pool() is core_pool()
    assert core_pool().cores == usable_cores()
