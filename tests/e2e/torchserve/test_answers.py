"""The real TorchServe gives the answers of the models in this process, and none to what is no request."""

import asyncio
import dataclasses

import numpy as np
import pytest
from support.fakes import save_small_models
from support.served_models import remotely

from cxrgate.core import CxrgateError, Failure, GreyImage, MismatchError, Stage
from cxrgate.models import ModelKind
from cxrgate.serving.torchserve.predictions import Predictions, open_models_channel

pytestmark = pytest.mark.model_server


def test_descriptors_and_scores_are_those_of_the_models_in_this_process(server, folders, local):
    some, described, found, evidence = local

    async def call(models):
        return await models.embedder.embed(some), await models.verifier.verify(some, found)

    remote, scored = remotely(server, folders, call)
    for a, b in zip(described, remote, strict=True):
        ours, theirs = a.spaces["identity"], b.spaces["identity"]
        assert np.allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(ours).max())
        assert np.array_equal(a.spaces["copy"], b.spaces["copy"])
        assert np.array_equal(a.layout, b.layout)
    assert all(np.abs(a.scores - b.scores).max() < 1e-5 for a, b in zip(evidence, scored, strict=True))


def test_one_poisoned_item_fails_alone(server, folders, local):
    some, _, found, evidence = local
    poisoned = dataclasses.replace(found[1], features=np.full_like(found[1].features, np.nan))
    blank = GreyImage("blank", np.zeros((90, 90), np.uint8))

    async def call(models):
        scored = await models.verifier.verify(some, [found[0], poisoned, *found[2:]])
        return scored, await models.embedder.embed([some[0], blank, some[1]])

    scored, described = remotely(server, folders, call)
    assert scored[1] == Failure(some[1].image_id, Stage.VERIFY, "INTERNAL", "CANDIDATES", scored[1].message)
    rest = [(a, b) for number, (a, b) in enumerate(zip(scored, evidence, strict=True)) if number != 1]
    assert all(np.abs(a.scores - b.scores).max() < 1e-5 for a, b in rest)
    assert [isinstance(item, Failure) for item in described] == [False, True, False]


def test_other_models_than_the_folders_are_refused(server, folder, folders, tmp_path):
    save_small_models(tmp_path, seed=1)

    with pytest.raises(MismatchError, match="is served"):
        remotely(server, folders.model_copy(update={"retrieval": tmp_path / "retrieval"}), lambda _: None)


def test_bytes_that_are_no_request_get_no_answer_and_harm_nothing(server, folders, local):
    async def go():
        async with open_models_channel(server.address) as channel:
            return await Predictions(channel).ask("retrieval", b"\xff", 30)

    assert asyncio.run(go()) == b""
    some = local[0]
    assert not any(isinstance(item, Failure) for item in remotely(server, folders, lambda m: m.embedder.embed(some)))


def test_model_that_is_not_there_is_said_so(server):
    async def go():
        async with open_models_channel(server.address) as channel:
            await Predictions(channel).ask(ModelKind.COPY, b"", 30)

    with pytest.raises(CxrgateError) as error:
        asyncio.run(go())
    assert error.value.reason == "MODEL_MISSING"
