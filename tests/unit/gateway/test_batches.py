"""Whose images go into which batch, and when."""

import asyncio
import os
import threading

from cxrgate.core.threads import NICENESS, run_with_threads
from cxrgate.gateway.batches import EXPRESS, Batches


class HeldGate:
    """Keeps its batches until it is told to answer them."""

    def __init__(self):
        self.batches, self.go = [], asyncio.Event()

    async def check_batch(self, records):
        self.batches.append([record.content for record in records])
        await self.go.wait()
        return [record.content for record in records]


async def asked(batches, gate, *callers):
    """Each of these callers sends an image whose content is its name."""
    tasks = [asyncio.create_task(batches.check(gate, name, name, None)) for name in callers]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def answered(gate, *tasks):
    gate.go.set()
    return await asyncio.gather(*tasks)


def test_callers_take_turns():
    async def go():
        gate, batches = HeldGate(), Batches(4, in_flight=1)
        first = await asked(batches, gate, "heavy")
        more = await asked(batches, gate, *["heavy"] * 8, *["second"] * 8)
        found = await answered(gate, *first, *more)
        return gate.batches, found

    batches, found = asyncio.run(go())
    assert batches == [["heavy"], *[["heavy", "second", "heavy", "second"]] * 4]
    assert found == [*["heavy"] * 9, *["second"] * 8]


def test_who_has_few_images_here_waits_for_no_full_batch():
    async def go():
        gate, batches = HeldGate(), Batches(4, in_flight=3)
        tasks = await asked(batches, gate, *["heavy"] * 30)
        full = list(gate.batches)
        for callers in (["light"], ["late", "light"], ["late"] * 4):
            tasks += await asked(batches, gate, *callers)
        beside = gate.batches[len(full) :]
        await answered(gate, *tasks)
        return full, beside

    full, beside = asyncio.run(go())
    assert full == [["heavy"] * 4] * 3
    assert beside == [["light"], ["late", "light"]]


def test_who_has_few_images_here_shares_no_full_batch_where_those_beside_it_are_taken():
    async def go():
        gate, batches = HeldGate(), Batches(4, in_flight=1)
        tasks = await asked(batches, gate, *["heavy"] * 30)
        for number in range(EXPRESS):
            tasks += await asked(batches, gate, f"light {number}")
        gate.go.set()  # one batch of each kind ends, and of both kinds there is more
        tasks += await asked(batches, gate, "late")
        await answered(gate, *tasks)
        return gate.batches

    assert [batch for batch in asyncio.run(go()) if "late" in batch] == [["late"]]


def test_few_images_of_many_callers_share_batches():
    async def go():
        gate, batches = HeldGate(), Batches(16, in_flight=3)
        tasks = await asked(batches, gate, *[f"caller {number}" for number in range(40)])
        sizes = list(map(len, gate.batches))
        await answered(gate, *tasks)
        return sizes

    assert asyncio.run(go()) == [16, 16, 8]


def test_a_batch_mixes_no_gates():
    async def go():
        one, two, batches = HeldGate(), HeldGate(), Batches(8, in_flight=1)
        tasks = await asked(batches, one, "a")
        tasks += await asked(batches, one, "a", "b")
        tasks += await asked(batches, two, "a", "c")
        one.go.set()
        two.go.set()
        await asyncio.gather(*tasks)
        return one.batches, two.batches

    one, two = asyncio.run(go())
    assert sorted(name for batch in one for name in batch) == ["a", "a", "b"]
    assert sorted(name for batch in two for name in batch) == ["a", "c"]


def test_who_goes_away_leaves_the_queue():
    async def go():
        gate, batches = HeldGate(), Batches(4, in_flight=1)
        tasks = await asked(batches, gate, *["a"] * 8)
        gone = await asked(batches, gate, *["a"] * 4)
        for task in gone:
            task.cancel()
        await answered(gate, *tasks)
        return gate.batches

    assert asyncio.run(go()) == [["a"] * 4, ["a"] * 4]


def test_what_full_batches_compute_lets_go_first_who_has_few_images_here():
    def niceness():
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    class Computing:
        async def check_batch(self, records):
            return [await asyncio.to_thread(niceness) for _ in records]

    async def go():
        gate, batches = Computing(), Batches(4, in_flight=1)
        return await asyncio.gather(*await asked(batches, gate, *["heavy"] * 8, "light"))

    *heavy, light = run_with_threads(go())
    assert set(heavy) == {min(19, light + NICENESS)}
