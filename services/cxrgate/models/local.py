"""Embedder and verifier in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Descriptors, Failure, GreyImage, ImageError, Stage
from cxrgate.core.spaces import COSINE_SPACES, IDENTITY
from cxrgate.images.descriptors import COPY_THRESHOLD, describe, weight_free
from cxrgate.models.manifest import ModelManifest
from cxrgate.models.runtimes.forward import Forward
from cxrgate.models.verifier import Described, Features, FeatureVerifier

_NONFINITE = "expected finite numbers from the model"


Float32s = NDArray[np.float32]


class LocalEmbedder:
    """Retrieval embedding, descriptors of the cosine spaces and layout of each image."""

    def __init__(self, retrieval: Forward, compute: Executor, models: Mapping[str, Forward] | None = None) -> None:
        """`compute` has a thread for each batch that is to be under way: it asks for rows and waits for them.

        `models` has those of the cosine spaces, by the space's name; without one the copy descriptor is the
        weight-free one.
        """
        self._retrieval, self._models = retrieval, models or {}
        self._compute = compute
        self._thresholds = own_thresholds({name: model.manifest for name, model in self._models.items()})

    async def embed(self, images: Sequence[GreyImage]) -> list[Descriptors | Failure]:
        """See core.ports.Embedder."""
        loop = asyncio.get_running_loop()
        # What needs no weights is computed beside the forwards: neither waits for the other.
        (embeddings, learned), plain = await asyncio.gather(
            loop.run_in_executor(self._compute, self._forward, [image.pixels for image in images]),
            asyncio.to_thread(describe_plainly, images),
        )
        width = self._retrieval.manifest.architecture.embedding
        return [
            make_descriptors(found, row, {name: rows[i] for name, rows in learned.items()}, width, self._thresholds)
            for i, (found, row) in enumerate(zip(plain, embeddings, strict=True))
        ]

    def _forward(self, pixels: Sequence[NDArray[np.uint8]]) -> tuple[Float32s, dict[str, Float32s]]:
        """The rows of the retrieval model, and by space those of the others."""
        retrieval = self._retrieval.start(pixels)
        others = {name: model.start(pixels) for name, model in self._models.items()}
        return retrieval(), {name: finish() for name, finish in others.items()}


def own_thresholds(manifests: Mapping[str, ModelManifest]) -> dict[str, float]:
    """By name of the space its model's own threshold.

    Without a model, or a threshold in its manifest, it is the weight-free copy descriptor's.
    """
    return {space.name: own_threshold(manifests.get(space.name)) for space in COSINE_SPACES}


def own_threshold(manifest: ModelManifest | None) -> float:
    """See own_thresholds."""
    return COPY_THRESHOLD if manifest is None or manifest.threshold is None else manifest.threshold


@dataclass(frozen=True, slots=True)
class Plain:
    """What needs no weights of one image, see images.descriptors.weight_free."""

    image_id: str
    picture: Float32s
    layout: Float32s


def describe_plainly(images: Sequence[GreyImage]) -> list[Plain | Failure]:
    """What needs no weights of each image."""
    return [_plain(image) for image in images]


def _plain(image: GreyImage) -> Plain | Failure:
    try:
        return Plain(image.image_id, *weight_free(image.pixels))
    except ImageError as error:
        return error.failure(image.image_id, Stage.EMBED)


def make_descriptors(
    plain: Plain | Failure,
    retrieved: Float32s,
    learned: Mapping[str, Float32s],
    width: int,
    thresholds: Mapping[str, float],
) -> Descriptors | Failure:
    """What needs no weights with the models' rows.

    Args:
        plain: of an image, see describe_plainly.
        retrieved: the retrieval model's row: `width` numbers are the embedding; frontality is what may follow.
        learned: float32[d] by name of the space; a space without a model is not there.
        width: of the embedding.
        thresholds: see own_thresholds.
    """
    if isinstance(plain, Failure):
        return plain
    cosines = {
        name: describe(name, learned.get(name), plain.picture, threshold) for name, threshold in thresholds.items()
    }
    identity, frontality = retrieved[:width], retrieved[width:]
    if not all(np.isfinite(row).all() for row in (retrieved, *cosines.values())):
        return Failure(plain.image_id, Stage.EMBED, "INTERNAL", "NONFINITE", _NONFINITE)
    certain = float(frontality[0]) if len(frontality) else None
    return Descriptors(plain.image_id, {IDENTITY: identity, **cosines}, plain.layout, certain)


class LocalVerifier(FeatureVerifier):
    """See FeatureVerifier: one with a forward of its own."""

    def __init__(self, verification: Forward, compute: Executor) -> None:
        """`compute` as for LocalEmbedder."""
        super().__init__(verification.head)
        self._verification = verification
        self._compute = compute

    async def features(self, images: Sequence[GreyImage], described: Described | None = None) -> Features:  # noqa: ARG002 - it needs none of it
        """See FeatureVerifier."""
        loop = asyncio.get_running_loop()
        rows = await loop.run_in_executor(self._compute, self._verification, [image.pixels for image in images])
        return [_finite(image, row) for image, row in zip(images, rows, strict=True)]


def _finite(image: GreyImage, row: NDArray[np.float32]) -> NDArray[np.float32] | Failure:
    if np.isfinite(row).all():
        return row
    return Failure(image.image_id, Stage.VERIFY, "INTERNAL", "NONFINITE", _NONFINITE)
