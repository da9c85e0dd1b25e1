"""Models on a model server as Embedder and Verifier, whichever protocol the server speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import CallRefused, Candidates, Descriptors, Evidence, Failure, GreyImage, ModelError, Stage
from cxrgate.core.policy import SCORE_RANGE_SLACK
from cxrgate.models import ModelKind, ModelManifest, by_space
from cxrgate.models.local import Plain, describe_plainly, make_descriptors, own_thresholds

CHECK_SECONDS = 60.0

Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]


class ServedModel(Protocol):
    """One model on a server. Every image has its own outcome; an error is never taken for an answer."""

    @property
    def manifest(self) -> ModelManifest:
        """The model that is expected there."""
        ...

    async def check(self, seconds: float = CHECK_SECONDS) -> None:
        """Ask which model answers.

        Raises:
            MismatchError: it is another than the manifest's.
            CallRefused: nothing answers within `seconds`, or what is no answer.
        """
        ...

    async def is_healthy(self) -> bool:
        """Whether the model answered lately."""
        ...

    async def rows(self, images: Sequence[GreyImage]) -> list[Float32s | Failure]:
        """float32[outputs] per image, all finite, or Failure: what the network makes of it."""
        ...

    async def scores(self, images: Sequence[GreyImage], features: Sequence[Float32s]) -> list[Float64s | Failure]:
        """float64[m] per image: same-patient scores against its candidates' features float32[m, d]; or Failure."""
        ...


def stage_of(manifest: ModelManifest) -> Stage:
    """The stage that such a model's images fail in."""
    return Stage.VERIFY if manifest.kind is ModelKind.VERIFICATION else Stage.EMBED


class RemoteEmbedder:
    """Descriptors from served models; what needs no weights is computed here."""

    def __init__(self, retrieval: ServedModel, models: Mapping[str, ServedModel]) -> None:
        """`models` as for models.local.LocalEmbedder."""
        self._retrieval, self._models = retrieval, models
        self._thresholds = own_thresholds({name: model.manifest for name, model in models.items()})

    async def embed(self, images: Sequence[GreyImage]) -> list[Descriptors | Failure]:
        """See core.ports.Embedder."""
        asked = (self._retrieval, *self._models.values())
        plain, rows = await asyncio.gather(
            asyncio.to_thread(describe_plainly, images), asyncio.gather(*[model.rows(images) for model in asked])
        )
        return [self._descriptors(own, list(found)) for own, *found in zip(plain, *rows, strict=True)]

    def _descriptors(self, plain: Plain | Failure, found: Sequence[Float32s | Failure]) -> Descriptors | Failure:
        """From the answers of the retrieval model and of the spaces' models, in their order."""
        rows: list[Float32s] = []
        for row in found:
            if isinstance(row, Failure):
                return row
            rows.append(row)
        retrieved, *learned = rows
        width = self._retrieval.manifest.architecture.embedding
        rows_by_space = dict(zip(self._models, learned, strict=True))
        return make_descriptors(plain, retrieved, rows_by_space, width, self._thresholds)


class RemoteVerifier:
    """Scores from the served verification model and the candidates' stored features."""

    def __init__(self, verification: ServedModel) -> None:
        self._verification = verification

    async def verify(self, images: Sequence[GreyImage], candidates: Sequence[Candidates]) -> list[Evidence | Failure]:
        """See core.ports.Verifier."""
        if [image.image_id for image in images] != [item.image_id for item in candidates]:
            raise ValueError("expected each image's own candidates, got another's")
        results = await self._verification.scores(images, [item.features for item in candidates])
        return [_evidence(*item) for item in zip(candidates, results, strict=True)]


def _evidence(candidates: Candidates, scores: Float64s | Failure) -> Evidence | Failure:
    if isinstance(scores, Failure):
        return scores
    # A served model lets no other numbers out: they are the server's fault, and the image is asked for again.
    within = (scores >= -SCORE_RANGE_SLACK) & (scores <= 1 + SCORE_RANGE_SLACK)
    if len(scores) != len(candidates.reference_ids) or not within.all():
        message = "the model did not give one score from 0 to 1 per candidate"
        return Failure(candidates.image_id, Stage.VERIFY, "INTERNAL", "ANSWER", message)
    return Evidence(candidates, scores)


@dataclass(frozen=True, slots=True)
class ServedModels:
    """The models of one server, as ports of the pipeline; `is_reached` says whether there is a connection to it."""

    served: Mapping[ModelKind, ServedModel]
    is_reached: Callable[[], Awaitable[bool]]

    @property
    def embedder(self) -> RemoteEmbedder:
        """Descriptors."""
        return RemoteEmbedder(self.served[ModelKind.RETRIEVAL], by_space(self.served))

    @property
    def verifier(self) -> RemoteVerifier:
        """Same-patient scores."""
        return RemoteVerifier(self.served[ModelKind.VERIFICATION])

    async def are_healthy(self) -> bool:
        """Whether the server is there, and every model answered lately."""
        return await self.is_reached() and all(
            await asyncio.gather(*[model.is_healthy() for model in self.served.values()])
        )

    async def checked(self, target: str) -> ServedModels:
        """These, once each was asked; `target` is what the errors name.

        Raises:
            ModelError: nothing answers there.
            MismatchError: others are served.
        """
        try:
            await asyncio.gather(*[model.check() for model in self.served.values()])
        except CallRefused as error:
            raise ModelError(
                f"the models at {target} do not answer, {error.reason}: start them, or check --models"
            ) from error
        return self
