"""Descriptors with keypoints: what an embedder says, and beside it what is found in the pixels alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cxrgate.core import Descriptors, Failure, GreyImage
from cxrgate.core.ports import Embedder
from cxrgate.images.keypoints import find_keypoints


@dataclass(frozen=True, slots=True)
class KeypointEmbedder:
    """An embedder, wherever its models run, and the keypoints of each image, which are found in this process."""

    embedder: Embedder

    async def embed(self, images: Sequence[GreyImage]) -> list[Descriptors | Failure]:
        """See core.ports.Embedder."""
        # Found beside the forwards: a GPU or a model server waits for nothing of this.
        described, rows = await asyncio.gather(
            self.embedder.embed(images),
            asyncio.to_thread(lambda: [find_keypoints(image.pixels).to_row() for image in images]),
        )
        return [
            item if isinstance(item, Failure) else replace(item, keypoints=row)
            for item, row in zip(described, rows, strict=True)
        ]
