"""Descriptors with keypoints: what an embedder says, and beside it what is found in the pixels alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Descriptors, Failure, GreyImage
from cxrgate.core.ports import Embedder
from cxrgate.images.keypoints import find_keypoints
from cxrgate.models.runtimes.core_pool import CorePool, core_pool

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class KeypointEmbedder:
    """An embedder, wherever its models run, and the keypoints of each image, found on the cores of this process."""

    embedder: Embedder
    pool: CorePool = field(default_factory=core_pool, repr=False)

    async def embed(self, images: Sequence[GreyImage]) -> list[Descriptors | Failure]:
        """See core.ports.Embedder."""
        # Found beside the forwards: a GPU or a model server waits for nothing of this.
        described, rows = await asyncio.gather(
            self.embedder.embed(images),
            asyncio.to_thread(self._rows, images),
        )
        return [
            item if isinstance(item, Failure) else replace(item, keypoints=row)
            for item, row in zip(described, rows, strict=True)
        ]

    def _rows(self, images: Sequence[GreyImage]) -> list[Bytes]:
        """Of each image, whichever is ready first."""
        found: list[Bytes] = [np.empty(0, np.uint8)] * len(images)

        def find(number: int) -> None:
            found[number] = find_keypoints(images[number].pixels).to_row()

        self.pool.start([partial(find, number) for number in range(len(images))])()
        return found
