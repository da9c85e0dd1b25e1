"""A model on a server of the Open Inference Protocol. Images are resized and pairs are scored here, not there."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain
from pathlib import Path

import grpc
import numpy as np
from numpy.typing import NDArray

from cxrgate.api.oip import inference_pb2 as pb
from cxrgate.api.oip import inference_pb2_grpc as stubs
from cxrgate.core import CallRefused, Failure, GreyImage, MismatchError, ModelError
from cxrgate.core.heads import Head
from cxrgate.models import Dtype, ModelKind, ModelManifest
from cxrgate.models.resize import resize
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.rpc.channel import Identity
from cxrgate.serving.asking import SECONDS, Asker, is_connected
from cxrgate.serving.codec import images_per_request
from cxrgate.serving.known_answer import KnownAnswer, make_known_answer
from cxrgate.serving.liveness import Liveness
from cxrgate.serving.oip.statuses import translate
from cxrgate.serving.oip.target import OipTarget
from cxrgate.serving.oip.tensors import Names, make_request, read_answer, served_digest
from cxrgate.serving.remote_models import CHECK_SECONDS, ServedModels, stage_of

Float32s = NDArray[np.float32]

_MAY_BE_ONE_IMAGES_FAULT = {"FORWARD_FAILED", "REQUEST_REFUSED"}

TOLERANCE = 1e-4
"""Of the largest number: how far rows may be from those that are computed here.

It is float32's band (core.policy.BAND). OpenVINO, ONNX Runtime and PyTorch differ by 3e-7; bfloat16 and a GPU's TF32
are out by more than ten times as much as is allowed, and are refused.
"""


class OipCalls:
    """The two calls that are made."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        stub: stubs.GRPCInferenceServiceAsyncStub = stubs.GRPCInferenceServiceStub(channel)
        self.metadata = Asker[pb.ModelMetadataRequest, pb.ModelMetadataResponse](stub.ModelMetadata, translate)
        self.infer = Asker[pb.ModelInferRequest, pb.ModelInferResponse](stub.ModelInfer, translate)


class OipModel:
    """See serving.remote_models.ServedModel; the model's name on the server is its kind."""

    def __init__(self, calls: OipCalls, manifest: ModelManifest, head: Head, known: KnownAnswer) -> None:
        """`head` scores its rows; `known` is what the model answers in this process."""
        self.manifest = manifest
        self._calls, self._head, self._known = calls, head, known
        self._names = Names(manifest.digest)
        self._part = images_per_request(manifest.preprocessing)
        self._liveness = Liveness()

    async def is_healthy(self) -> bool:
        """See ServedModel."""
        return await self._liveness.is_healthy(self.manifest.kind, self.check)

    async def check(self, seconds: float = CHECK_SECONDS) -> None:
        """See ServedModel. The model must also give its known answer."""
        kind, expected = self.manifest.kind, self._known.features
        metadata = await self._calls.metadata.ask(pb.ModelMetadataRequest(name=kind.value), seconds)
        digest = served_digest(metadata)
        if digest is None:
            raise MismatchError(f"the {kind} model that is served was not written by `cxrgate model export`")
        if digest != self.manifest.digest:
            raise MismatchError(f"another {kind} model is served, {digest} instead of {self.manifest.digest}")
        off = np.abs(await self._infer(self._known.images(), seconds) - expected).max() / np.abs(expected).max()
        if not off <= TOLERANCE:
            raise MismatchError(
                f"the served {kind} model is off its known answer by {off:.1g}, where {TOLERANCE:g} is allowed: "
                "let the server compute in float32, without TF32"
            )

    async def rows(self, images: Sequence[GreyImage]) -> list[Float32s | Failure]:
        """See ServedModel."""
        parts = [images[i : i + self._part] for i in range(0, len(images), self._part)]
        return list(chain.from_iterable(await asyncio.gather(*[self._rows(part) for part in parts])))

    async def scores(
        self, images: Sequence[GreyImage], features: Sequence[Float32s]
    ) -> list[NDArray[np.float64] | Failure]:
        """See ServedModel."""
        rows = await self.rows(images)
        return [
            row if isinstance(row, Failure) else self._head.score(row, candidates)
            for row, candidates in zip(rows, features, strict=True)
        ]

    async def _rows(self, images: Sequence[GreyImage]) -> list[Float32s | Failure]:
        """One request. A batch that fails in the model is asked for image by image, so that one harms no other."""
        try:
            rows = await self._infer(await asyncio.to_thread(self._at_size, images), SECONDS)
        except CallRefused as error:
            if error.reason in _MAY_BE_ONE_IMAGES_FAULT and len(images) > 1:
                return list(chain.from_iterable(await asyncio.gather(*[self._rows([image]) for image in images])))
            return [self._failure(image, error.code, error.reason, error.message) for image in images]
        return [self._finite(*item) for item in zip(images, rows, strict=True)]

    def _at_size(self, images: Sequence[GreyImage]) -> NDArray[np.uint8]:
        return np.stack([resize(image.pixels, self.manifest.preprocessing) for image in images])

    async def _infer(self, pixels: NDArray[np.uint8], seconds: float) -> Float32s:
        """float32[n, outputs] of uint8[n, height, width]; CallRefused where there is no answer to this very request."""
        tickets = secrets.randbits(62) + np.arange(len(pixels), dtype=np.int64)
        request = make_request(self.manifest.kind.value, self._names, pixels, tickets)
        response = await self._calls.infer.ask(request, seconds)
        rows = read_answer(response, self._names, tickets, self.manifest.architecture.outputs)
        self._liveness.answered()
        return rows

    def _finite(self, image: GreyImage, row: Float32s) -> Float32s | Failure:
        if np.isfinite(row).all():
            return row
        return self._failure(image, "INTERNAL", "NONFINITE", "the model gave numbers that are not finite")

    def _failure(self, image: GreyImage, code: str, reason: str, message: str) -> Failure:
        return Failure(image.image_id, stage_of(self.manifest), code, reason, message)


@asynccontextmanager
async def open_oip_models(
    folders: Mapping[ModelKind, Path],
    manifests: Mapping[ModelKind, ModelManifest],
    target: OipTarget,
    identity: Identity | None,
) -> AsyncIterator[ServedModels]:
    """The models of these folders, on the server at `target`.

    Each is opened here once, for what it answers and for how pairs of its rows are scored.

    Raises:
        UsageError: see OipTarget.open_channel.
        ModelError: nothing answers there, a folder is not what its manifest says, or a model computes in 16 bits.
        MismatchError: other models are served, or these and not in float32.
    """
    async with target.open_channel(identity) as channel:
        calls = OipCalls(channel)
        served = {
            kind: await asyncio.to_thread(_prepare, calls, folders[kind], manifest)
            for kind, manifest in manifests.items()
        }
        yield await ServedModels(served, partial(is_connected, channel)).checked(target.address)


def _prepare(calls: OipCalls, folder: Path, manifest: ModelManifest) -> OipModel:
    if manifest.dtype is not Dtype.FLOAT32:
        raise ModelError(
            f"{folder} computes in {manifest.dtype}: which 16 bits another server would compute in is not known, so "
            "name float32 models for it, and no `dtype`"
        )
    forward = open_forward(folder, "cpu", manifest)
    return OipModel(calls, manifest, forward.head, make_known_answer(forward))
