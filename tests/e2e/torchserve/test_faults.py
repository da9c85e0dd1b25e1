"""Workers and front ends that are killed, hang or are busy under load: no item is lost."""

import asyncio
import time

import numpy as np
import pytest
from support.served_models import remotely

from cxrgate.api.inference.v1 import inference_pb2 as pb
from cxrgate.core import Failure
from cxrgate.models import read_manifest
from cxrgate.serving.asking import IN_FLIGHT
from cxrgate.serving.codec import pack_images
from cxrgate.serving.known_answer import read_known_answer
from cxrgate.serving.torchserve.predictions import Predictions, open_models_channel

pytestmark = pytest.mark.model_server

WORKER_SECONDS, FRONT_SECONDS = 15, 40
"""Within which what was killed is back; LEAST_SECONDS says that it was away."""
LEAST_SECONDS = 0.5


def under_load(server, folders, local, kill, seconds):
    """Embed and verify in four loops while something is killed; the longest that this took, and every answer."""
    some, _, found, _ = local

    async def call(models):
        answers, longest, end = [], 0.0, time.monotonic() + seconds
        killed = False

        async def loop():
            nonlocal longest
            while time.monotonic() < end:
                started = time.monotonic()
                both = models.embedder.embed(some), models.verifier.verify(some, found)
                answers.append(await asyncio.gather(*both))
                longest = max(longest, time.monotonic() - started)

        async def strike():
            nonlocal killed
            await asyncio.sleep(1)
            await asyncio.to_thread(kill)
            killed = True

        await asyncio.gather(strike(), *[loop() for _ in range(4)])
        assert killed
        return longest, answers

    return remotely(server, folders, call)


def check_answers(local, answers):
    """No item is lost, none has another's or a wrong score."""
    some, described, _, evidence = local
    assert len(answers) > 4
    for descriptors, scored in answers:
        assert (
            [item.image_id for item in descriptors] == [item.image_id for item in scored] == [i.image_id for i in some]
        )
        assert not any(isinstance(item, Failure) for item in (*descriptors, *scored))
        assert all(
            np.allclose(a.spaces["identity"], b.spaces["identity"], atol=1e-4)
            for a, b in zip(described, descriptors, strict=True)
        )
        assert all(np.abs(a.scores - b.scores).max() < 1e-5 for a, b in zip(evidence, scored, strict=True))


@pytest.mark.slow
def test_killed_worker_loses_no_item_and_is_back(server, folders, local, record_testsuite_property):
    front, workers = server.front.pid, server.workers
    longest, answers = under_load(server, folders, local, workers[0].kill, 5)
    record_testsuite_property("worker_back_seconds", longest)

    check_answers(local, answers)
    assert LEAST_SECONDS < longest < WORKER_SECONDS
    assert server.front.pid == front
    assert len(server.workers) == len(workers) == 2
    assert workers[0] not in server.workers


@pytest.mark.slow
def test_killed_front_end_loses_no_item_and_is_back(server, folders, local, record_testsuite_property):
    front = server.front
    longest, answers = under_load(server, folders, local, front.kill, 5)
    record_testsuite_property("front_back_seconds", longest)

    check_answers(local, answers)
    assert LEAST_SECONDS < longest < FRONT_SECONDS
    server.wait()
    assert server.front.pid != front.pid


@pytest.mark.slow
def test_worker_that_hangs_is_started_anew_and_loses_no_item(server, folders, local):
    front = server.front
    _, answers = under_load(server, folders, local, lambda: [worker.suspend() for worker in server.workers], 5)

    check_answers(local, answers)
    server.wait()
    assert server.front.pid != front.pid
    assert server.log.read_text().count('"models.known_answer_failed"') >= 3


@pytest.mark.slow
def test_busy_callers_are_all_answered_and_their_answers_count_as_known_answers(server):
    """Four callers as busy as they may be: known answers wait longer than they may, and nothing starts anew."""
    front, before = server.front.pid, server.log.read_text()
    shape = read_known_answer(server.packed / "retrieval")
    digest = read_manifest(server.packed / "retrieval").digest
    blanks = pack_images(
        [str(number) for number in range(200)], [np.zeros((shape.height, shape.width), np.uint8)] * 200
    )
    content = pb.EmbedImagesRequest(model_digest=digest, images=blanks).SerializeToString()

    async def caller():
        end = time.monotonic() + 45
        async with open_models_channel(server.address) as channel:
            predictions = Predictions(channel)

            async def loop():
                while time.monotonic() < end:
                    assert await predictions.ask("retrieval", content, 300)

            await asyncio.gather(*[loop() for _ in range(IN_FLIGHT + 2)])

    async def go():
        await asyncio.gather(*[caller() for _ in range(4)])

    asyncio.run(go())
    assert server.front.pid == front
    told = server.log.read_text().removeprefix(before)
    assert "models.known_answer_missing" in told
    assert "models.server_lost" not in told
