"""The gate: one async generator that the CLI, the gRPC servicer, the generator hook and the DICOM receiver call.

    batch of ImageRecord -> decode -> shrink (if the policy says so) -> embed -> search -> verify -> policy -> Checked

Batches are in flight side by side, so that decoding, models, search and whatever the caller does with the
outcomes overlap; a bounded window gives backpressure. A verifier that can begins beside the embedder. An item that
fails in a stage leaves the batch and nothing else: its outcome is a Failure.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from cxrgate.certification import UNCERTIFIED, Certificate, utc_now
from cxrgate.core import Candidates, Descriptors, Failure, GreyImage, ImageRecord, Outcome, Policy, Stage
from cxrgate.core.ports import Decoder, EarlyVerifier, Embedder, Searcher, Verifier
from cxrgate.gate.ordered import batched, ordered_map
from cxrgate.gate.stopwatch import Stopwatch
from cxrgate.gate.whole_lists import whole_or_failure
from cxrgate.images.codec.shrink import shrink

WINDOW = 4
"""Batches in flight: one in each of decode, embed, verify and write."""


class _Named(Protocol):
    @property
    def image_id(self) -> str: ...


Item = TypeVar("Item", bound=_Named)
Answer = TypeVar("Answer", bound=_Named)


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """An outcome and the pixels that were checked; `image` is None where there are none.

    `descriptors` are those that were searched for, for whoever compares images with each other; None where the image
    was not described.
    """

    image: GreyImage | None = field(repr=False)
    outcome: Outcome
    descriptors: Descriptors | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Gate:
    """The stages and the policy. Holds no state between images but the time that each stage took.

    `certificate` is the one that the policy needs, None where none is required; when it is over nothing is checked.
    `check_index` raises SnapshotCorrupt where somebody wrote into the references that candidates came from; it is asked
    before what was decided is published.
    """

    decoder: Decoder
    embedder: Embedder
    searcher: Searcher
    verifier: Verifier
    policy: Policy
    certificate: Certificate | None = None
    check_index: Callable[[], None] = field(default=lambda: None, repr=False)
    now: Callable[[], datetime] = field(default=utc_now, repr=False)
    stopwatch: Stopwatch = field(default_factory=Stopwatch, compare=False)

    @property
    def certification(self) -> str:
        """What every output says: the certificate's digest, or that there is none."""
        return UNCERTIFIED if self.certificate is None else self.certificate.digest

    def check_certificate(self) -> None:
        """Raise CertificateError where the certificate is over."""
        if self.certificate is not None:
            self.certificate.check_current(self.now())

    async def check(
        self, images: AsyncIterable[ImageRecord | Failure], batch_size: int, window: int = WINDOW
    ) -> AsyncGenerator[Checked, None]:
        """Yield one Checked per image, in order. A Failure among the images (an unreadable file) stays one."""
        async with aclosing(ordered_map(self.check_batch, batched(images, batch_size), window)) as batches:
            async for batch in batches:
                for checked in batch:
                    yield checked

    async def check_batch(self, records: Sequence[ImageRecord | Failure]) -> list[Checked]:
        """Take one batch through all stages: same length, same order.

        Raises:
            CertificateError: the certificate is over.
            ValueError: two images have the same id, so that an answer could be taken for the other's.
        """
        self.check_certificate()
        if len({record.image_id for record in records}) != len(records):
            raise ValueError("expected every image id once in a batch")
        verifier, digests = self.verifier, dict[str, str]()

        async def embed(images: Sequence[GreyImage]) -> Sequence[Descriptors | Failure]:
            nonlocal verifier, digests
            described = asyncio.ensure_future(self.embedder.embed(images))  # first: the search waits for it
            if isinstance(self.verifier, EarlyVerifier):
                verifier = self.verifier.begin(images, described)
            # Pixels are hashed beside the models: it takes long enough to hold up every other call.
            found, digests = await asyncio.gather(described, asyncio.to_thread(_digests, images))
            return found

        decoded = await self._then(records, ImageRecord, self._decode, Stage.DECODE)
        described = await self._then(decoded, GreyImage, embed, Stage.EMBED)
        found = await self._then(described, Descriptors, self._search, Stage.SEARCH)
        images = {image.image_id: image for image in decoded if isinstance(image, GreyImage)}
        descriptors = {item.image_id: item for item in described if isinstance(item, Descriptors)}

        async def verify(candidates: Sequence[Candidates]) -> list[Outcome]:
            probes = [images[item.image_id] for item in candidates]
            evidence = await verifier.verify(probes, candidates)
            return [
                item if isinstance(item, Failure) else self.policy.decide(item, digests[item.image_id])
                for item in evidence
            ]

        outcomes = await self._then(found, Candidates, verify, Stage.VERIFY)
        return [Checked(images.get(item.image_id), item, descriptors.get(item.image_id)) for item in outcomes]

    async def _decode(self, records: Sequence[ImageRecord]) -> Sequence[GreyImage | Failure]:
        """The pixels that are judged, and released if they may be."""
        decoded, side = await self.decoder.decode(records), self.policy.side
        if side is None:
            return decoded
        return await asyncio.to_thread(
            lambda: [shrink(item, side) if isinstance(item, GreyImage) else item for item in decoded]
        )

    async def _search(self, queries: Sequence[Descriptors]) -> Sequence[Candidates | Failure]:
        found = await self.searcher.search(queries)
        return [whole_or_failure(self.policy, *pair) for pair in zip(queries, found, strict=True)]

    async def _then(
        self,
        items: Sequence[Item | Failure],
        kind: type[Item],
        stage: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Failure]]],
        name: Stage,
    ) -> list[Answer | Failure]:
        """Send the items that have come so far through a stage; failures stay where they are.

        A stage that raises, or answers for another number of items or for other items, fails all that it was given:
        no image is released on an answer that may be another's.
        """
        alive = [item for item in items if isinstance(item, kind)]
        try:
            answers = list(await self.stopwatch.time(name.value, len(alive), stage(alive))) if alive else []
            matched = [answer.image_id for answer in answers] == [item.image_id for item in alive]
        except Exception:  # whatever a back end raises, its items are INDETERMINATE
            logging.getLogger(__name__).exception("gate.stage_failed stage=%s images=%d", name.value, len(alive))
            matched = False
        if not matched:
            answers = [
                Failure(item.image_id, name, "INTERNAL", "STAGE_FAILED", "the stage gave no answer") for item in alive
            ]
        replies = iter(answers)
        return [item if isinstance(item, Failure) else next(replies) for item in items]


def _digests(images: Sequence[GreyImage]) -> dict[str, str]:
    return {image.image_id: image.digest for image in images}
