"""The seams: one method each. Batch in, batch out, same length, same order; an item may become a Failure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from cxrgate.core.types import Candidates, Descriptors, Evidence, Failure, GreyImage, ImageRecord


class Decoder(Protocol):
    """Encoded bytes to 8-bit grey arrays, in sandboxed workers."""

    async def decode(self, records: Sequence[ImageRecord]) -> list[GreyImage | Failure]:
        """Decode each record."""
        ...


class Embedder(Protocol):
    """Images to descriptors."""

    async def embed(self, images: Sequence[GreyImage]) -> list[Descriptors | Failure]:
        """Embed each image."""
        ...


class Searcher(Protocol):
    """Descriptors to candidates."""

    async def search(self, queries: Sequence[Descriptors]) -> list[Candidates | Failure]:
        """Find each query's candidates in every space."""
        ...


class Verifier(Protocol):
    """Images and their candidates to evidence."""

    async def verify(self, images: Sequence[GreyImage], candidates: Sequence[Candidates]) -> list[Evidence | Failure]:
        """Score each image against each of its candidates."""
        ...


@runtime_checkable
class EarlyVerifier(Verifier, Protocol):
    """A verifier that can work on images while their candidates are searched."""

    def begin(self, images: Sequence[GreyImage], described: asyncio.Future[list[Descriptors | Failure]]) -> Verifier:
        """Begin with images; give the verifier that has begun with these, and knows no others.

        `described` is what the embedder makes of the same images, for a verifier that can go on from it.
        """
        ...
