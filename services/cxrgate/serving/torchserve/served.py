"""A model that TorchServe serves: requests of inference.v1, a few MiB each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from cxrgate.api.inference.v1 import inference_pb2 as pb
from cxrgate.core import CallRefused, Failure, GreyImage, MismatchError
from cxrgate.models import ModelKind, ModelManifest
from cxrgate.models.resize import resize
from cxrgate.serving.asking import is_connected
from cxrgate.serving.codec import images_per_request, pack_floats, pack_images, unpack_floats
from cxrgate.serving.liveness import Liveness
from cxrgate.serving.remote_models import CHECK_SECONDS, ServedModels, stage_of
from cxrgate.serving.torchserve.predictions import Predictions, open_models_channel

Float32s = NDArray[np.float32]


class TorchServeModel:
    """See serving.remote_models.ServedModel. The server scores, so that features stay with it."""

    def __init__(self, predictions: Predictions, manifest: ModelManifest) -> None:
        """A model that answers to its kind's name."""
        self.manifest = manifest
        self._predictions, self._stage = predictions, stage_of(manifest)
        self._part = images_per_request(manifest.preprocessing)
        self._liveness = Liveness()

    async def is_healthy(self) -> bool:
        """See ServedModel."""
        return await self._liveness.is_healthy(self.manifest.kind, self.check)

    async def check(self, seconds: float = CHECK_SECONDS) -> None:
        """See ServedModel. It is asked without an image: its known answers are the supervisor's matter."""
        shape = self.manifest.preprocessing
        nothing = pb.ImageBatch(height=shape.height, width=shape.width)
        request = self._request()(model_digest=self.manifest.digest, images=nothing).SerializeToString()
        reply = await self._predictions.ask(self.manifest.kind.value, request, seconds)
        digest = self._parse(reply).model_digest
        if digest != self.manifest.digest:
            raise MismatchError(
                f"another {self.manifest.kind} model is served, {digest} instead of {self.manifest.digest}"
            )
        self._liveness.answered()

    async def rows(self, images: Sequence[GreyImage]) -> list[Float32s | Failure]:
        """See ServedModel."""
        return [self._row(*item) for item in zip(images, await self._ask_all(images, ()), strict=True)]

    async def scores(
        self, images: Sequence[GreyImage], features: Sequence[Float32s]
    ) -> list[NDArray[np.float64] | Failure]:
        """See ServedModel."""
        results = await self._ask_all(images, features)
        return [item if isinstance(item, Failure) else np.array(item.scores.values, np.float64) for item in results]

    def _row(self, image: GreyImage, result: Any) -> Float32s | Failure:
        if isinstance(result, Failure):
            return result
        width = self.manifest.architecture.outputs
        try:
            return unpack_floats(result.descriptor, width)
        except ValueError:
            message = f"the model did not give {width} finite numbers"
            return Failure(image.image_id, self._stage, "INTERNAL", "ANSWER", message)

    async def _ask_all(self, images: Sequence[GreyImage], features: Sequence[Float32s]) -> list[Any]:
        """One result of inference.v1, without an error in it, or Failure per image."""
        starts = range(0, len(images), self._part)
        parts = [(images[i : i + self._part], features[i : i + self._part]) for i in starts]
        answers = await asyncio.gather(*[self._ask(*part) for part in parts])
        return list(chain.from_iterable(answers))

    async def _ask(self, images: Sequence[GreyImage], features: Sequence[Float32s]) -> list[Any]:
        try:
            content = await asyncio.to_thread(self._pack, images, features)
            reply = await self._predictions.ask(self.manifest.kind.value, content)
            return [self._outcome(*item) for item in zip(images, self._results(images, reply), strict=True)]
        except CallRefused as error:
            return [Failure(image.image_id, self._stage, error.code, error.reason, error.message) for image in images]

    def _pack(self, images: Sequence[GreyImage], features: Sequence[Float32s]) -> bytes:
        pixels = [resize(image.pixels, self.manifest.preprocessing) for image in images]
        batch = pack_images([image.image_id for image in images], pixels)
        more = {"candidates": [pack_floats(rows) for rows in features]} if features else {}
        content: bytes = self._request()(model_digest=self.manifest.digest, images=batch, **more).SerializeToString()
        return content

    def _results(self, images: Sequence[GreyImage], reply: bytes) -> Sequence[Any]:
        """The reply's results, which are this model's and these images'."""
        answer = self._parse(reply)
        if answer.model_digest != self.manifest.digest:
            raise CallRefused("FAILED_PRECONDITION", "VERSION_MISMATCH", "another model answered than the policy names")
        if [result.image_id for result in answer.results] != [image.image_id for image in images]:
            raise _unfit()
        self._liveness.answered()
        results: Sequence[Any] = answer.results
        return results

    def _parse(self, reply: bytes) -> Any:
        try:
            return self._response().FromString(reply)
        except DecodeError as error:
            raise _unfit() from error

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


def _unfit() -> CallRefused:
    return CallRefused("INTERNAL", "ANSWER", "the model did not answer for each image")


@asynccontextmanager
async def open_torchserve_models(
    manifests: Mapping[ModelKind, ModelManifest], target: str
) -> AsyncIterator[ServedModels]:
    """The models of these manifests, at HOST:PORT of TorchServe; errors as ServedModels.checked."""
    async with open_models_channel(target) as channel:
        predictions = Predictions(channel)
        served = {kind: TorchServeModel(predictions, manifest) for kind, manifest in manifests.items()}
        yield await ServedModels(served, partial(is_connected, channel)).checked(target)
