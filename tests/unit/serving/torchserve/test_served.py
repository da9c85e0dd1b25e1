"""Whether a served model is healthy, on a server that is a fake."""

import asyncio

import numpy as np
import pytest
from support.fakes import SMALL, images

from cxrgate.api.inference.v1 import inference_pb2 as pb
from cxrgate.core import CallRefused, MismatchError
from cxrgate.models import ModelKind, ModelManifest, RetrievalArchitecture
from cxrgate.models.manifest import Dtype
from cxrgate.serving import liveness as module
from cxrgate.serving.codec import pack_floats
from cxrgate.serving.torchserve.served import TorchServeModel

SHAPE = RetrievalArchitecture("resnet10", pool=2, bottleneck=8, hidden=32, dimensions=16)
MANIFEST = ModelManifest("retrieval", ModelKind.RETRIEVAL, SHAPE, SMALL, Dtype.FLOAT32, "weights")


ROW = np.arange(16, dtype=np.float32)


class Served:
    """Answers every image with the same descriptor; `digest` None: not at all."""

    def __init__(self):
        self.digest, self.asked = MANIFEST.digest, 0

    async def ask(self, model, content, seconds=0.0):
        self.asked += 1
        if self.digest is None:
            raise CallRefused("DEADLINE_EXCEEDED", "DEADLINE", "expected an answer")
        ids = pb.EmbedImagesRequest.FromString(content).images.image_ids
        found = [pb.EmbedResult(image_id=image_id, descriptor=pack_floats(ROW)) for image_id in ids]
        return pb.EmbedImagesResponse(model_digest=self.digest, results=found).SerializeToString()


@pytest.fixture
def served():
    return Served()


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when told."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def healthy(model):
    return asyncio.run(model.is_healthy())


def test_a_model_that_answers_is_healthy_and_is_seldom_asked(served, clock):
    model = TorchServeModel(served, MANIFEST)

    assert [healthy(model) for _ in range(5)] == [True] * 5
    assert served.asked == 1
    clock[0] += module.ASK_SECONDS
    assert healthy(model)
    assert served.asked == 2


def test_silence_is_borne_for_a_while_and_ends_with_an_answer(served, clock):
    model = TorchServeModel(served, MANIFEST)
    assert healthy(model)
    served.digest = None
    clock[0] += module.ASK_SECONDS
    assert healthy(model)
    clock[0] += module.HEALTHY_SECONDS
    assert not healthy(model)
    served.digest = MANIFEST.digest
    assert healthy(model)


def test_good_answers_to_real_requests_count(served, clock):
    model = TorchServeModel(served, MANIFEST)
    for _ in range(5):
        clock[0] += module.HEALTHY_SECONDS
        asyncio.run(model.rows(images(1)))
        asked = served.asked
        assert healthy(model)
        assert served.asked == asked


def test_another_model_is_not_healthy(served, clock):
    model = TorchServeModel(served, MANIFEST)
    assert healthy(model)
    served.digest = "another"
    clock[0] += module.ASK_SECONDS

    assert not healthy(model)
    with pytest.raises(MismatchError, match="is served"):
        asyncio.run(model.check())
