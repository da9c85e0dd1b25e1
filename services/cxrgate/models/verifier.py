"""Same-patient scores of features that are made in this process, or taken from what the embedder makes."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Candidates, Descriptors, Evidence, Failure, GreyImage
from cxrgate.core.heads import Head
from cxrgate.core.ports import Embedder
from cxrgate.core.spaces import IDENTITY

Features = list[NDArray[np.float32] | Failure]
Described = asyncio.Future[list[Descriptors | Failure]]


class FeatureVerifier(ABC):
    """Features f(x) of each image, and the same-patient score against each candidate's stored features."""

    def __init__(self, head: Head) -> None:
        """`head` is the verification model's."""
        self.head = head

    @abstractmethod
    async def features(self, images: Sequence[GreyImage], described: Described | None = None) -> Features:
        """float32[d] per image: what enrolment stores.

        `described` is what is being made of the same images by the embedder, for whoever can go on from it.
        """

    def begin(self, images: Sequence[GreyImage], described: Described) -> FeatureVerifier:
        """See core.ports.EarlyVerifier."""
        return _Begun(self.head, images, self.features(images, described))

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
        return Evidence(candidates, self.head.score(features, candidates.features))


class IdentityVerifier(FeatureVerifier):
    """One whose model has the embedding of the retrieval model, see models.borrowed_head: it costs no forward."""

    def __init__(self, head: Head, embedder: Embedder) -> None:
        """`embedder` describes the images that nobody describes beside this."""
        super().__init__(head)
        self._embedder = embedder

    async def features(self, images: Sequence[GreyImage], described: Described | None = None) -> Features:
        """See FeatureVerifier."""
        # Shielded: who waits for the descriptors themselves still does where nobody wants features any more.
        found = await (self._embedder.embed(images) if described is None else asyncio.shield(described))
        return [item if isinstance(item, Failure) else item.spaces[IDENTITY] for item in found]


class _Begun(FeatureVerifier):
    """One that makes the features of its images while their candidates are searched."""

    def __init__(self, head: Head, images: Sequence[GreyImage], features: Coroutine[Any, Any, Features]) -> None:
        super().__init__(head)
        self._places = {id(image): place for place, image in enumerate(images)}
        self._images = images  # kept, for an id is another object's once its own is gone
        self._found = asyncio.ensure_future(features)
        self._found.add_done_callback(_passed_over)

    async def features(self, images: Sequence[GreyImage], described: Described | None = None) -> Features:  # noqa: ARG002 - it has begun with what is described
        """Of images that it was given; KeyError for another."""
        places = [self._places[id(image)] for image in images]
        found = await asyncio.shield(self._found)
        return [found[place] for place in places]


def _passed_over(found: asyncio.Future[Features]) -> None:
    """Where no candidates come nobody reads what came of it, and asyncio complains about errors that nobody reads."""
    if not found.cancelled():
        found.exception()
