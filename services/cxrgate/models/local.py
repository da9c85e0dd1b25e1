"""Embedder and verifier in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Candidates, Descriptors, Evidence, Failure, GreyImage, ImageError, Stage
from cxrgate.images.descriptors import COPY_THRESHOLD, join_copies, weight_free
from cxrgate.models.manifest import ModelManifest
from cxrgate.models.runtimes.forward import Forward

_NONFINITE = "expected finite numbers from the model"


class LocalEmbedder:
    """Retrieval embedding, copy descriptor and layout of each image."""

    def __init__(self, retrieval: Forward, compute: Executor, copy: Forward | None = None) -> None:
        """`compute` is the one thread that runs models, so that two forwards never share the cores.

        Without a copy model the copy descriptor is the weight-free one.
        """
        self._retrieval, self._copy = retrieval, copy
        self._compute = compute
        self._threshold = copy_threshold(None if copy is None else copy.manifest)

    async def embed(self, images: Sequence[GreyImage]) -> list[Descriptors | Failure]:
        """See core.ports.Embedder."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._compute, self._embed, images)

    def _embed(self, images: Sequence[GreyImage]) -> list[Descriptors | Failure]:
        pixels = [image.pixels for image in images]
        started = self._retrieval.start(pixels)
        copies = [None] * len(images) if self._copy is None else self._copy(pixels)
        embeddings = started()
        width = self._retrieval.manifest.architecture.embedding
        rows = zip(images, embeddings, copies, strict=True)
        return [make_descriptors(*row, width, self._threshold) for row in rows]


def copy_threshold(copy: ModelManifest | None) -> float:
    """The copy model's own threshold; without a model, or a threshold in its manifest, the weight-free descriptor's."""
    return COPY_THRESHOLD if copy is None or copy.threshold is None else copy.threshold


def make_descriptors(
    image: GreyImage,
    retrieved: NDArray[np.float32],
    learned: NDArray[np.float32] | None,
    width: int,
    threshold: float,
) -> Descriptors | Failure:
    """The models' rows with what needs no weights; `learned` is None where there is no copy model.

    The first `width` numbers of the retrieval model's row are the embedding; frontality is what may follow.
    `threshold` is the copy model's.
    """
    try:
        plain, layout = weight_free(image.pixels)
    except ImageError as error:
        return error.failure(image.image_id, Stage.EMBED)
    copy = plain if learned is None else join_copies(learned, plain, threshold)
    identity, frontality = retrieved[:width], retrieved[width:]
    if not (np.isfinite(retrieved).all() and np.isfinite(copy).all()):
        return Failure(image.image_id, Stage.EMBED, "INTERNAL", "NONFINITE", _NONFINITE)
    return Descriptors(image.image_id, identity, copy, layout, float(frontality[0]) if len(frontality) else None)


class LocalVerifier:
    """Features f(x) of each image, and the same-patient score against each candidate's stored features."""

    def __init__(self, verification: Forward, compute: Executor) -> None:
        """`compute` as for LocalEmbedder."""
        self._verification = verification
        self._compute = compute

    async def features(self, images: Sequence[GreyImage]) -> list[NDArray[np.float32] | Failure]:
        """float32[d] per image: what enrolment stores."""
        loop = asyncio.get_running_loop()
        rows = await loop.run_in_executor(self._compute, self._verification, [image.pixels for image in images])
        return [_finite(image, row) for image, row in zip(images, rows, strict=True)]

    async def verify(self, images: Sequence[GreyImage], candidates: Sequence[Candidates]) -> list[Evidence | Failure]:
        """See core.ports.Verifier."""
        features = await self.features(images)
        return [self._evidence(*item) for item in zip(images, features, candidates, strict=True)]

    def _evidence(
        self, image: GreyImage, features: NDArray[np.float32] | Failure, candidates: Candidates
    ) -> Evidence | Failure:
        if isinstance(features, Failure):
            return features
        if candidates.image_id != image.image_id:
            raise ValueError("expected each image's own candidates, got another's")
        return Evidence(candidates, self._verification.head.score(features, candidates.features))


def _finite(image: GreyImage, row: NDArray[np.float32]) -> NDArray[np.float32] | Failure:
    if np.isfinite(row).all():
        return row
    return Failure(image.image_id, Stage.VERIFY, "INTERNAL", "NONFINITE", _NONFINITE)
