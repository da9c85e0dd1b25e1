"""What a served model answers to packed requests: an outcome per item, whatever happens. Without TorchServe itself."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxrgate.api.inference.v1 import inference_pb2 as pb
from cxrgate.models.manifest import ModelKind
from cxrgate.models.runtimes.forward import Forward
from cxrgate.serving.codec import pack_floats, unpack_floats, unpack_images

Row = NDArray[np.float32] | pb.ItemError
"""What the network made of one image."""

_log = logging.getLogger(__name__)


def answer(forward: Forward, content: bytes) -> pb.EmbedImagesResponse | pb.VerifyImagesResponse:
    """The reply to a serialized request, of the kind that the model is for.

    Raises:
        google.protobuf.message.DecodeError: `content` is no such request.
    """
    if forward.manifest.kind is ModelKind.VERIFICATION:
        return _verify(forward, pb.VerifyImagesRequest.FromString(content))
    return _embed(forward, pb.EmbedImagesRequest.FromString(content))


def _embed(forward: Forward, request: pb.EmbedImagesRequest) -> pb.EmbedImagesResponse:
    rows = _rows(forward, request.model_digest, request.images)
    results = [_described(*item) for item in zip(request.images.image_ids, rows, strict=True)]
    return pb.EmbedImagesResponse(model_digest=forward.manifest.digest, results=results)


def _described(image_id: str, row: Row) -> pb.EmbedResult:
    if isinstance(row, pb.ItemError):
        return pb.EmbedResult(image_id=image_id, error=row)
    return pb.EmbedResult(image_id=image_id, descriptor=pack_floats(row))


def _verify(forward: Forward, request: pb.VerifyImagesRequest) -> pb.VerifyImagesResponse:
    ids = request.images.image_ids
    if len(request.candidates) == len(ids):
        rows = _rows(forward, request.model_digest, request.images)
        pairs = zip(ids, rows, request.candidates, strict=True)
        results = [_scored(forward, *pair) for pair in pairs]
    else:
        error = _error("INVALID_ARGUMENT", "CANDIDATES", "candidates must be given for each image")
        results = [pb.VerifyResult(image_id=image_id, error=error) for image_id in ids]
    return pb.VerifyImagesResponse(model_digest=forward.manifest.digest, results=results)


def _scored(forward: Forward, image_id: str, row: Row, candidates: pb.Float32Array) -> pb.VerifyResult:
    if isinstance(row, pb.ItemError):
        return pb.VerifyResult(image_id=image_id, error=row)
    try:
        features = unpack_floats(candidates, None, forward.dimensions)
    except ValueError:
        message = f"expected candidates of {forward.dimensions} finite numbers each"
        return pb.VerifyResult(image_id=image_id, error=_error("INVALID_ARGUMENT", "CANDIDATES", message))
    return pb.VerifyResult(image_id=image_id, scores=pb.Scores(values=forward.head.score(row, features)))


def _rows(forward: Forward, digest: str, images: pb.ImageBatch) -> Sequence[Row]:
    """One row or error per image id."""
    manifest = forward.manifest
    if digest != manifest.digest:
        error = _error("FAILED_PRECONDITION", "VERSION_MISMATCH", "another model is served than the request names")
        return [error] * len(images.image_ids)
    try:
        pixels = unpack_images(images, manifest.preprocessing.height, manifest.preprocessing.width)
    except ValueError:
        error = _error("INVALID_ARGUMENT", "DIMENSIONS", "images must have the model's input size, one per id")
        return [error] * len(images.image_ids)
    return _run(forward, pixels)


def _run(forward: Forward, pixels: NDArray[np.uint8]) -> list[Row]:
    """The network on uint8[n, h, w]. A batch that fails is tried image by image, so that one harms no other."""
    try:
        return [_finite(row) for row in forward(list(pixels))]
    except Exception:  # noqa: BLE001 - whatever torch raises is the matter of these images alone
        _log.exception("models.forward_failed", {"images": len(pixels)})
    if len(pixels) == 1:
        return [_error("INTERNAL", "FORWARD_FAILED", "the model gave no answer")]
    return [row for image in pixels for row in _run(forward, image[np.newaxis])]


def _finite(row: NDArray[np.float32]) -> Row:
    return (
        row if np.isfinite(row).all() else _error("INTERNAL", "NONFINITE", "the model gave numbers that are not finite")
    )


def _error(code: str, reason: str, message: str) -> pb.ItemError:
    return pb.ItemError(code=code, reason=reason, message=message)
