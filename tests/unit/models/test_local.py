"""Embedder and verifier in this process: the models wait for nothing but forwards."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.fakes import images, save_small_models

from cxrgate.core import Descriptors
from cxrgate.models import local
from cxrgate.models.local import LocalEmbedder

SECONDS = 30


class Counted:
    """A retrieval model that says when the images of a second batch have come."""

    def __init__(self, manifest):
        self.manifest, self.second = manifest, threading.Event()
        self._batches = 0

    def start(self, pixels):
        self._batches += 1
        if self._batches == 2:
            self.second.set()
        rows = np.tile(np.arange(1, self.manifest.architecture.outputs + 1, dtype=np.float32), (len(pixels), 1))
        return lambda: rows


@pytest.fixture
def model(tmp_path):
    retrieval, _ = save_small_models(tmp_path)
    return Counted(retrieval)


def test_descriptors_without_weights_are_computed_beside_the_next_forward(model, monkeypatch):
    plain, met = local.weight_free, []

    def waiting(pixels):
        met.append(model.second.wait(SECONDS))
        return plain(pixels)

    monkeypatch.setattr(local, "weight_free", waiting)

    async def both(embedder):
        return await asyncio.gather(*(embedder.embed(images(2, start)) for start in (0, 2)))

    with ThreadPoolExecutor(1) as compute:
        found = asyncio.run(both(LocalEmbedder(model, compute)))

    assert met == [True] * 4
    assert [[type(item) for item in batch] for batch in found] == [[Descriptors] * 2] * 2
    assert [item.image_id for batch in found for item in batch] == [f"image{i}" for i in range(4)]
