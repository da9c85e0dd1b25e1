"""The same work for every image, so that the time of an answer tells nothing of it: a gate is a membership oracle."""

import asyncio
import random
import time
from collections import Counter

import numpy as np
import pytest
from scipy.stats import rankdata
from support import fake_gate
from support.fake_gate import CLEAN, LEAK, Stages, gate_server, with_quota
from support.grpc_servers import IDENTITIES
from support.image_sets import write_sets

from cxrgate.client import AsyncGate
from cxrgate.core import Policy, Verdict
from cxrgate.gate.config import read_config
from cxrgate.gate.local import local_gate, local_models
from cxrgate.images import list_folder
from cxrgate.index import Snapshot
from cxrgate.index.engines.coded.engine import CodedEngine
from cxrgate.models.runtimes.openvino.forward import OpenVinoForward
from cxrgate.run.run import run

CALLS = 600
"""Of each kind: the standard deviation of the statistic is 0.017 then, where times do not differ."""


def counting(monkeypatch, owner, name, counts, size):
    """Count the items that a method is called with."""
    original = getattr(owner, name)

    def counted(self, items, *more):
        counts[f"{owner.__name__}.{name}"] += size(items)
        return original(self, items, *more)

    monkeypatch.setattr(owner, name, counted)


def test_every_stage_does_the_same_for_a_copy_and_for_a_new_image(tmp_path, monkeypatch):
    config = read_config(write_sets(tmp_path))
    run(config)
    files = [file for file in list_folder(tmp_path / "synthetic") if file.path.stem not in {"cut", "text"}]
    counts = Counter()
    counting(monkeypatch, OpenVinoForward, "start", counts, len)
    counting(monkeypatch, CodedEngine, "search", counts, len)
    counting(monkeypatch, Policy, "decide", counts, lambda _: 1)

    async def check(gate):
        work = {}
        for file in files:
            counts.clear()
            (checked,) = await gate.check_batch([file.read()])
            assert isinstance(checked.outcome, Verdict)
            work.setdefault(str(checked.outcome.decision), set()).add(tuple(sorted(counts.items())))
        return work

    with (
        local_models(config.folders, "cpu") as models,
        local_gate(config, models, Snapshot.open(config.snapshot)) as gate,
    ):
        work = asyncio.run(check(gate))

    assert set(work) == {"ANONYMOUS", "NOT_ANONYMOUS"}
    assert work["ANONYMOUS"] == work["NOT_ANONYMOUS"]
    assert work["ANONYMOUS"] == {(("CodedEngine.search", 2), ("OpenVinoForward.start", 2), ("Policy.decide", 1))}


class Telling(Stages):
    """Stages that take a little longer for a leak: what the statistic must notice."""

    async def verify(self, images, candidates):
        if LEAK in {self.kinds[image.image_id] for image in images}:
            await asyncio.sleep(0.03)
        return await super().verify(images, candidates)


def times(folder, calls):
    """Seconds of calls about clean images and leaks, in random order, as their caller sees them."""
    kinds = [CLEAN, LEAK] * calls
    random.Random(0).shuffle(kinds)

    async def ask():
        seconds = {CLEAN: [], LEAK: []}
        roles = with_quota(10**6, 10**6)
        async with (
            gate_server(folder, roles=roles) as (_, _, address),
            AsyncGate(address, IDENTITIES["generator"]) as gate,
        ):
            for kind in [CLEAN, LEAK, *kinds]:
                begun = time.perf_counter()
                await gate.check(kind)
                seconds[kind].append(time.perf_counter() - begun)
        return seconds[CLEAN][1:], seconds[LEAK][1:]

    return asyncio.run(ask())


def told(clean, leaks):
    """How well times tell leaks from clean images: the area under the ROC curve, 0.5 for not at all (Mann-Whitney)."""
    ranks = rankdata(np.concatenate([clean, leaks]))
    return (ranks[len(clean) :].sum() - len(leaks) * (len(leaks) + 1) / 2) / (len(clean) * len(leaks))


def test_times_do_not_tell_a_leak_from_a_clean_image(tmp_path):
    assert told(*times(tmp_path, CALLS)) == pytest.approx(0.5, abs=0.1)


def test_the_statistic_notices_thirty_milliseconds(tmp_path, monkeypatch):
    monkeypatch.setattr(fake_gate, "Stages", Telling)

    assert told(*times(tmp_path, 60)) > 0.6
