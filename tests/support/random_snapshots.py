"""Small snapshots with random content, and the queries that find it."""

from __future__ import annotations

import asyncio
import dataclasses

import numpy as np

from cxrgate.core import Descriptors, GreyImage
from cxrgate.core.keypoints import Keypoints
from cxrgate.index.build import Enrolment, ModelDigests, build_snapshot
from cxrgate.index.service.codec import to_matrix

KEY = bytes(32)
MODELS = ModelDigests("retrieval", "verification")
IDENTITY, COPY, LAYOUT, FEATURES = 16, 256, 64, 8


def random_keypoints(rng, count=20):
    """A row of them."""
    places = (rng.integers(0, 256 * 128, (count, 2)) / 128).astype(np.float32)
    return Keypoints(places, rng.integers(0, 256, (count, 128), np.uint8)).to_row()


def descriptors(image_id, rng):
    """Random descriptors, copy and layout of unit length."""
    parts = [rng.standard_normal(size).astype(np.float32) for size in (IDENTITY, COPY, LAYOUT)]
    identity, copy, layout = (part / np.linalg.norm(part) for part in parts)
    return Descriptors(image_id, {"identity": identity, "copy": copy}, layout)


class RandomModels:
    """Embedder and featuriser in one: what an image is told by its id and the seed."""

    def __init__(self, seed, *, keypoints=False):
        self.rng, self.keypoints = np.random.default_rng(seed), keypoints

    async def embed(self, images):
        made = [descriptors(image.image_id, self.rng) for image in images]
        if not self.keypoints:
            return made
        return [dataclasses.replace(item, keypoints=random_keypoints(self.rng)) for item in made]

    async def features(self, images, described):
        return [self.rng.standard_normal(FEATURES).astype(np.float32) for _ in images]


def write_snapshot(folder, seed=0, count=30, models=MODELS, storage_key=None, *, keypoints=False, patients=()):
    """`count` references of `count` / 2 patients, who have these ids where there are some: two references each."""
    count = 2 * len(patients) or count
    names = patients or [f"patient{i}" for i in range(-(-count // 2))]

    async def batches():
        yield [
            Enrolment(f"real{i}", names[i // 2], GreyImage(f"real{i}", np.full((64, 64), i, np.uint8)))
            for i in range(count)
        ]

    made = RandomModels(seed, keypoints=True) if keypoints else RandomModels(seed)
    task = build_snapshot(folder, batches(), count, made, made, models, KEY, excluded=2, storage_key=storage_key)
    return asyncio.run(task)


def queries(count, seed=1):
    """Descriptors numbered as the service numbers them."""
    rng = np.random.default_rng(seed)
    return [descriptors(str(i), rng) for i in range(count)]


def matrix(rows):
    """Rows, packed for the wire."""
    return to_matrix(np.stack(rows))
