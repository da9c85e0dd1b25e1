"""Same-patient scores: features that are begun early, and those that the embedder makes anyway."""

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from support.fakes import evidence, images

from cxrgate.core import Descriptors, Evidence, Failure, Stage
from cxrgate.core.heads import CalibratedCosineHead
from cxrgate.core.ports import EarlyVerifier
from cxrgate.core.spaces import COPY, IDENTITY
from cxrgate.models.local import LocalVerifier
from cxrgate.models.verifier import IdentityVerifier

SECONDS = 30
HEAD = CalibratedCosineHead(4.0, -2.0)


class CountedVerification:
    """A verification model whose row is the mean of an image, and which says how many images it was asked for."""

    head = HEAD

    def __init__(self):
        self.asked, self.was_asked = 0, threading.Event()

    def __call__(self, pixels):
        self.asked += len(pixels)
        self.was_asked.set()
        return np.array([[image.mean(), 1, 1, 1] for image in pixels], np.float32)


def undescribed():
    """What an embedder never comes to say."""
    return asyncio.get_running_loop().create_future()


def test_a_verifier_that_began_asks_the_model_once_and_before_there_are_candidates():
    model, some = CountedVerification(), images(3)
    rows = np.eye(3, 4, dtype=np.float32)
    found = [replace(evidence(image_id=image.image_id).candidates, features=rows) for image in some]

    async def both(verifier):
        begun = verifier.begin(some, undescribed())
        assert await asyncio.to_thread(model.was_asked.wait, SECONDS)
        early = await begun.verify(some[1:], found[1:])
        return early, await verifier.verify(some[1:], found[1:])

    with ThreadPoolExecutor(1) as compute:
        verifier = LocalVerifier(model, compute)
        early, late = asyncio.run(both(verifier))

    assert isinstance(verifier, EarlyVerifier)
    assert model.asked == 5
    assert [type(item) for item in early] == [Evidence] * 2
    assert [item.image_id for item in early] == [image.image_id for image in some[1:]]
    for one, other in zip(early, late, strict=True):
        assert 0 < one.scores.min() < one.scores.max() < 1
        assert np.array_equal(one.scores, other.scores)


def test_a_verifier_that_began_knows_no_other_images():
    """Not even one of the same name: its features would be another picture's."""
    some, others = images(2), images(2)

    async def verify(verifier):
        begun = verifier.begin(some, undescribed())
        await begun.verify(others, [evidence(image_id=image.image_id).candidates for image in others])

    with ThreadPoolExecutor(1) as compute, pytest.raises(KeyError):
        asyncio.run(verify(LocalVerifier(CountedVerification(), compute)))


def test_an_error_of_a_model_that_nobody_waits_for_is_not_complained_about():
    class Broken(CountedVerification):
        def __call__(self, pixels):
            self.was_asked.set()
            raise RuntimeError("no memory")

    model, complaints = Broken(), []

    async def begin(verifier):
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        begun = verifier.begin(images(2), undescribed())
        assert await asyncio.to_thread(model.was_asked.wait, SECONDS)
        await asyncio.sleep(0.01)
        del begun
        gc.collect()
        await asyncio.sleep(0)

    with ThreadPoolExecutor(1) as compute:
        asyncio.run(begin(LocalVerifier(model, compute)))

    assert not complaints


def described(some, failing=()):
    """What an embedder says of images: of each its own row, or that it failed."""
    rows = np.eye(len(some), 4, dtype=np.float32)
    return [
        Failure(image.image_id, Stage.EMBED, "INTERNAL", "NONFINITE", "no number")
        if place in failing
        else Descriptors(image.image_id, {IDENTITY: rows[place], COPY.name: rows[place]}, np.zeros(4, np.float32))
        for place, image in enumerate(some)
    ]


class CountedEmbedder:
    """Describes each image by a row of its own, the second as failed, and counts."""

    def __init__(self):
        self.asked = 0

    async def embed(self, some):
        self.asked += len(some)
        return described(some, failing=[1])


@pytest.mark.parametrize("early", [True, False], ids=["begun", "asked alone"])
def test_a_verifier_of_the_embedders_own_embedding_scores_what_is_described(early):
    embedder, some = CountedEmbedder(), images(3)
    candidates = [replace(evidence(image_id=image.image_id).candidates, features=np.eye(3, 4)) for image in some]

    async def verify(verifier):
        if not early:
            return await verifier.verify(some, candidates)
        said = asyncio.get_running_loop().create_future()
        begun = verifier.begin(some, said)
        said.set_result(described(some, failing=[1]))
        return await begun.verify(some, candidates)

    verifier = IdentityVerifier(HEAD, embedder)
    found = asyncio.run(verify(verifier))

    assert isinstance(verifier, EarlyVerifier)
    assert embedder.asked == (0 if early else 3)
    assert [type(item) for item in found] == [Evidence, Failure, Evidence]
    for place in (0, 2):
        assert np.array_equal(found[place].scores, HEAD.score(np.eye(3, 4)[place], np.eye(3, 4)))


def test_candidates_of_another_image_are_not_scored():
    some = images(2)
    candidates = [evidence(image_id=image.image_id).candidates for image in reversed(some)]

    with pytest.raises(ValueError, match="another's"):
        asyncio.run(IdentityVerifier(HEAD, CountedEmbedder()).verify(some, candidates))


def test_who_gives_up_features_leaves_the_descriptors_to_who_waits_for_them():
    async def give_up(verifier):
        said = asyncio.get_running_loop().create_future()
        waiting = asyncio.ensure_future(verifier.features(images(2), said))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        return said.cancelled()

    assert asyncio.run(give_up(IdentityVerifier(HEAD, CountedEmbedder()))) is False
