"""The served models as Embedder and Verifier: images at each model's own size, a few MiB per request."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from cxrgate.api.inference.v1 import inference_pb2 as pb
from cxrgate.core import (
    CallRefused,
    Candidates,
    Descriptors,
    Evidence,
    Failure,
    GreyImage,
    MismatchError,
    ModelError,
    Stage,
)
from cxrgate.models import ModelKind, ModelManifest, by_space
from cxrgate.models.local import make_descriptors, own_thresholds
from cxrgate.models.resize import resize
from cxrgate.serving.codec import pack_floats, pack_images, unpack_floats
from cxrgate.serving.torchserve.predictions import Predictions, open_models_channel

REQUEST_BYTES = 4 * 2**20
"""Pixels in one request: packing pays up to about there (measured 3 to 8 ms per MB), and the server's limit is far."""

CHECK_SECONDS = 60.0

ASK_SECONDS, HEALTHY_SECONDS = 3.0, 10.0
"""A model that gave no answer for so long is asked for one; for so long, it is not healthy."""

Float32s = NDArray[np.float32]

_log = logging.getLogger(__name__)


class ServedModel:
    """One model on the server."""

    def __init__(self, predictions: Predictions, manifest: ModelManifest, stage: Stage) -> None:
        """`stage` is where its items fail."""
        self.manifest = manifest
        self._predictions, self._stage = predictions, stage
        shape = manifest.preprocessing
        self._part = max(1, REQUEST_BYTES // (shape.height * shape.width))
        self._answered = -math.inf

    async def is_healthy(self) -> bool:
        """Whether the model answered lately; good answers to real requests count, and keep questions off a busy one."""
        if time.monotonic() - self._answered < ASK_SECONDS:
            return True
        try:
            await self.check(ASK_SECONDS)
        except MismatchError:
            return False
        except CallRefused as error:
            _log.warning("gate.models_unanswered", {"model": self.manifest.kind, "reason": error.reason})
        return time.monotonic() - self._answered < HEALTHY_SECONDS

    async def check(self, seconds: float = CHECK_SECONDS) -> None:
        """Ask without an image, to see which model answers.

        Raises:
            MismatchError: it is another than the manifest's.
            CallRefused: nothing answers, or what is no answer.
        """
        shape = self.manifest.preprocessing
        nothing = pb.ImageBatch(height=shape.height, width=shape.width)
        request = self._request()(model_digest=self.manifest.digest, images=nothing).SerializeToString()
        reply = await self._predictions.ask(self.manifest.kind.value, request, seconds)
        digest = self._parse(reply).model_digest
        if digest != self.manifest.digest:
            raise MismatchError(
                f"another {self.manifest.kind} model is served, {digest} instead of {self.manifest.digest}"
            )
        self._answered = time.monotonic()

    async def ask(self, images: Sequence[GreyImage], candidates: Sequence[Float32s] = ()) -> list[Any]:
        """One result of inference.v1, without an error in it, or Failure per image."""
        starts = range(0, len(images), self._part)
        parts = [(images[i : i + self._part], candidates[i : i + self._part]) for i in starts]
        answers = await asyncio.gather(*[self._ask(*part) for part in parts])
        return list(chain.from_iterable(answers))

    async def _ask(self, images: Sequence[GreyImage], candidates: Sequence[Float32s]) -> list[Any]:
        try:
            content = await asyncio.to_thread(self._pack, images, candidates)
            reply = await self._predictions.ask(self.manifest.kind.value, content)
            return [self._outcome(*item) for item in zip(images, self._results(images, reply), strict=True)]
        except CallRefused as error:
            return [Failure(image.image_id, self._stage, error.code, error.reason, error.message) for image in images]

    def _pack(self, images: Sequence[GreyImage], candidates: Sequence[Float32s]) -> bytes:
        pixels = [resize(image.pixels, self.manifest.preprocessing) for image in images]
        batch = pack_images([image.image_id for image in images], pixels)
        more = {"candidates": [pack_floats(rows) for rows in candidates]} if candidates else {}
        content: bytes = self._request()(model_digest=self.manifest.digest, images=batch, **more).SerializeToString()
        return content

    def _results(self, images: Sequence[GreyImage], reply: bytes) -> Sequence[Any]:
        """The reply's results, which are this model's and these images'."""
        answer = self._parse(reply)
        if answer.model_digest != self.manifest.digest:
            raise CallRefused("FAILED_PRECONDITION", "VERSION_MISMATCH", "another model answered than the policy names")
        if [result.image_id for result in answer.results] != [image.image_id for image in images]:
            raise _unfit("ANSWER")
        self._answered = time.monotonic()
        results: Sequence[Any] = answer.results
        return results

    def _parse(self, reply: bytes) -> Any:
        try:
            return self._response().FromString(reply)
        except DecodeError as error:
            raise _unfit("ANSWER") from error

    def _outcome(self, image: GreyImage, result: Any) -> Any:
        if result.WhichOneof("outcome") not in {None, "error"}:
            return result
        # Images come to the model as it wants them: whatever it finds wrong is not their fault.
        reason = result.error.reason or "ANSWER"
        return Failure(image.image_id, self._stage, "INTERNAL", reason, "the model gave no answer")

    def _request(self) -> Any:
        return pb.VerifyImagesRequest if self.manifest.kind is ModelKind.VERIFICATION else pb.EmbedImagesRequest

    def _response(self) -> Any:
        return pb.VerifyImagesResponse if self.manifest.kind is ModelKind.VERIFICATION else pb.EmbedImagesResponse


class RemoteEmbedder:
    """Descriptors from served models; what needs no weights is computed here."""

    def __init__(self, retrieval: ServedModel, models: Mapping[str, ServedModel]) -> None:
        """`models` as for models.local.LocalEmbedder."""
        self._retrieval, self._models = retrieval, models
        self._thresholds = own_thresholds({name: model.manifest for name, model in models.items()})

    async def embed(self, images: Sequence[GreyImage]) -> list[Descriptors | Failure]:
        """See core.ports.Embedder."""
        asked = (self._retrieval, *self._models.values())
        rows = await asyncio.gather(*[_rows(model, images) for model in asked])
        return await asyncio.to_thread(self._joined, images, rows)

    def _joined(
        self, images: Sequence[GreyImage], rows: Sequence[Sequence[Float32s | Failure]]
    ) -> list[Descriptors | Failure]:
        return [self._descriptors(image, list(found)) for image, *found in zip(images, *rows, strict=True)]

    def _descriptors(self, image: GreyImage, found: Sequence[Float32s | Failure]) -> Descriptors | Failure:
        """From the answers of the retrieval model and of the spaces' models, in their order."""
        rows: list[Float32s] = []
        for row in found:
            if isinstance(row, Failure):
                return row
            rows.append(row)
        retrieved, *learned = rows
        width = self._retrieval.manifest.architecture.embedding
        rows_by_space = dict(zip(self._models, learned, strict=True))
        return make_descriptors(image, retrieved, rows_by_space, width, self._thresholds)


async def _rows(model: ServedModel, images: Sequence[GreyImage]) -> list[Float32s | Failure]:
    width = model.manifest.architecture.outputs
    return [_row(*item, width) for item in zip(images, await model.ask(images), strict=True)]


def _row(image: GreyImage, result: Any, width: int) -> Float32s | Failure:
    if isinstance(result, Failure):
        return result
    try:
        return unpack_floats(result.descriptor, width)
    except ValueError:
        return _failure(image, Stage.EMBED, f"the model did not give {width} finite numbers")


class RemoteVerifier:
    """Scores from the served verification model; it gets the candidates' stored features, and gives no features."""

    def __init__(self, verification: ServedModel) -> None:
        self._verification = verification

    async def verify(self, images: Sequence[GreyImage], candidates: Sequence[Candidates]) -> list[Evidence | Failure]:
        """See core.ports.Verifier."""
        if [image.image_id for image in images] != [item.image_id for item in candidates]:
            raise ValueError("expected each image's own candidates, got another's")
        results = await self._verification.ask(images, [item.features for item in candidates])
        return [_evidence(*item) for item in zip(images, candidates, results, strict=True)]


def _evidence(image: GreyImage, candidates: Candidates, result: Any) -> Evidence | Failure:
    if isinstance(result, Failure):
        return result
    scores = np.array(result.scores.values, np.float64)
    if len(scores) != len(candidates.reference_ids):
        return _failure(image, Stage.VERIFY, "the model did not give one score per candidate")
    return Evidence(candidates, scores)


def _failure(image: GreyImage, stage: Stage, message: str) -> Failure:
    return Failure(image.image_id, stage, "INTERNAL", "ANSWER", message)


def _unfit(reason: str) -> CallRefused:
    return CallRefused("INTERNAL", reason, "the model did not answer for each image")


@dataclass(frozen=True, slots=True)
class ServedModels:
    """The models of one server, as ports of the pipeline."""

    embedder: RemoteEmbedder
    verifier: RemoteVerifier
    served: Mapping[ModelKind, ServedModel]

    async def are_healthy(self) -> bool:
        """Whether every model answered lately."""
        return all(await asyncio.gather(*[model.is_healthy() for model in self.served.values()]))


@asynccontextmanager
async def open_served_models(manifests: Mapping[ModelKind, ModelManifest], target: str) -> AsyncIterator[ServedModels]:
    """The models of these manifests, at HOST:PORT of the model server.

    Raises:
        ModelError: nothing answers at `target`.
        MismatchError: others are served.
    """
    async with open_models_channel(target) as channel:
        predictions = Predictions(channel)
        served = {
            kind: ServedModel(predictions, manifest, Stage.VERIFY if kind is ModelKind.VERIFICATION else Stage.EMBED)
            for kind, manifest in manifests.items()
        }
        try:
            await asyncio.gather(*[model.check() for model in served.values()])
        except CallRefused as error:
            raise ModelError(
                f"the models at {target} do not answer, {error.reason}: start them, or check --models"
            ) from error
        embedder = RemoteEmbedder(served[ModelKind.RETRIEVAL], by_space(served))
        yield ServedModels(embedder, RemoteVerifier(served[ModelKind.VERIFICATION]), served)
