"""Embedder and verifier in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Candidates, Descriptors, Evidence, Failure, GreyImage, ImageError, Stage
from cxrgate.core.spaces import COSINE_SPACES, IDENTITY
from cxrgate.images.descriptors import COPY_THRESHOLD, describe, weight_free
from cxrgate.models.manifest import ModelManifest
from cxrgate.models.runtimes.forward import Forward

_NONFINITE = "expected finite numbers from the model"


Float32s = NDArray[np.float32]


class LocalEmbedder:
    """Retrieval embedding, descriptors of the cosine spaces and layout of each image."""

    def __init__(self, retrieval: Forward, compute: Executor, models: Mapping[str, Forward] | None = None) -> None:
        """`compute` is the one thread that runs models, so that two forwards never share the cores.

        `models` has those of the cosine spaces, by the space's name; without one the copy descriptor is the
        weight-free one.
        """
        self._retrieval, self._models = retrieval, models or {}
        self._compute = compute
        self._thresholds = own_thresholds({name: model.manifest for name, model in self._models.items()})

    async def embed(self, images: Sequence[GreyImage]) -> list[Descriptors | Failure]:
        """See core.ports.Embedder."""
        loop = asyncio.get_running_loop()
        rows = await loop.run_in_executor(self._compute, self._forward, [image.pixels for image in images])
        # What needs no weights is computed beside the next images' forwards: the models wait for nothing else.
        return await asyncio.to_thread(self._describe, images, *rows)

    def _forward(self, pixels: Sequence[NDArray[np.uint8]]) -> tuple[Float32s, dict[str, Float32s]]:
        """The rows of the retrieval model, and by space those of the others."""
        started = self._retrieval.start(pixels)
        learned = {name: model(pixels) for name, model in self._models.items()}
        return started(), learned

    def _describe(
        self, images: Sequence[GreyImage], embeddings: Float32s, learned: Mapping[str, Float32s]
    ) -> list[Descriptors | Failure]:
        width = self._retrieval.manifest.architecture.embedding
        return [
            make_descriptors(image, row, {name: rows[i] for name, rows in learned.items()}, width, self._thresholds)
            for i, (image, row) in enumerate(zip(images, embeddings, strict=True))
        ]


def own_thresholds(manifests: Mapping[str, ModelManifest]) -> dict[str, float]:
    """By name of the space its model's own threshold.

    Without a model, or a threshold in its manifest, it is the weight-free copy descriptor's.
    """
    return {space.name: own_threshold(manifests.get(space.name)) for space in COSINE_SPACES}


def own_threshold(manifest: ModelManifest | None) -> float:
    """See own_thresholds."""
    return COPY_THRESHOLD if manifest is None or manifest.threshold is None else manifest.threshold


def make_descriptors(
    image: GreyImage,
    retrieved: Float32s,
    learned: Mapping[str, Float32s],
    width: int,
    thresholds: Mapping[str, float],
) -> Descriptors | Failure:
    """The models' rows with what needs no weights.

    Args:
        image: that they are of.
        retrieved: the retrieval model's row: `width` numbers are the embedding; frontality is what may follow.
        learned: float32[d] by name of the space; a space without a model is not there.
        width: of the embedding.
        thresholds: see own_thresholds.
    """
    try:
        plain, layout = weight_free(image.pixels)
    except ImageError as error:
        return error.failure(image.image_id, Stage.EMBED)
    cosines = {name: describe(name, learned.get(name), plain, threshold) for name, threshold in thresholds.items()}
    identity, frontality = retrieved[:width], retrieved[width:]
    if not all(np.isfinite(row).all() for row in (retrieved, *cosines.values())):
        return Failure(image.image_id, Stage.EMBED, "INTERNAL", "NONFINITE", _NONFINITE)
    certain = float(frontality[0]) if len(frontality) else None
    return Descriptors(image.image_id, {IDENTITY: identity, **cosines}, layout, certain)


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
