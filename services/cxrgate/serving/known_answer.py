"""An image whose answer is known: what a served model must say before anything else is believed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from cxrgate.api.inference.v1 import inference_pb2 as pb
from cxrgate.core import ModelError
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.models.manifest import Dtype, ModelKind
from cxrgate.models.runtimes.forward import Forward
from cxrgate.serving.codec import pack_floats, pack_images, unpack_floats
from cxrgate.storage.regular_file import read_regular_file

KNOWN_ANSWER = "canary.json"
KNOWN_ANSWER_ID = "canary"

TOLERANCES = {Dtype.FLOAT32: 0.01, Dtype.BFLOAT16: 0.05, Dtype.FLOAT16: 0.05}
"""Of the largest number. Between a CPU and a GPU that computes convolutions in TF32 it is about 1e-3."""

Float32s = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class KnownAnswer:
    """A request and its answer.

    Attributes:
        kind: of the model.
        height: rows of the image.
        width: its columns.
        features: float32[2, d], what the model makes of the image and of its negative.
        scores: same-patient scores of the image against both; empty unless the model verifies.
        tolerance: how far an answer may be off, as a part of the largest number.
    """

    kind: ModelKind
    height: int
    width: int
    features: Float32s = field(repr=False)
    scores: tuple[float, ...]
    tolerance: float

    def request(self, digest: str) -> bytes:
        """The request for the model of that digest."""
        images = pack_images([KNOWN_ANSWER_ID], [_ramp(self.height, self.width)])
        if self.kind is ModelKind.VERIFICATION:
            candidates = [pack_floats(self.features)]
            return pb.VerifyImagesRequest(model_digest=digest, images=images, candidates=candidates).SerializeToString()
        return pb.EmbedImagesRequest(model_digest=digest, images=images).SerializeToString()

    def images(self) -> NDArray[np.uint8]:
        """uint8[2, height, width], what `features` are of."""
        image = _ramp(self.height, self.width)
        return np.stack([image, 255 - image])

    def fits(self, digest: str, content: bytes) -> bool:
        """Whether `content` is the known answer, given by the model of that digest."""
        try:
            found, expected = self._values(digest, content), self._expected()
            return bool(np.abs(found - expected).max() <= self.tolerance * np.abs(expected).max())
        except (DecodeError, ValueError, IndexError):
            return False

    def _expected(self) -> NDArray[np.float64]:
        return np.array(self.scores if self.kind is ModelKind.VERIFICATION else self.features[0], np.float64)

    def _values(self, digest: str, content: bytes) -> NDArray[np.float64]:
        verifies = self.kind is ModelKind.VERIFICATION
        reply: Any = (pb.VerifyImagesResponse if verifies else pb.EmbedImagesResponse).FromString(content)
        if reply.model_digest != digest:
            raise ValueError("expected an answer of another model")
        result = reply.results[0]
        if verifies:
            return np.array(result.scores.values, np.float64)
        return unpack_floats(result.descriptor, self.features.shape[1]).astype(np.float64)


def make_known_answer(forward: Forward) -> KnownAnswer:
    """Ask the model itself."""
    manifest = forward.manifest
    image = _ramp(manifest.preprocessing.height, manifest.preprocessing.width)
    features = forward([image, 255 - image])
    scores = forward.head.score(features[0], features) if manifest.kind is ModelKind.VERIFICATION else np.empty(0)
    tolerance = TOLERANCES[manifest.dtype]
    height, width = image.shape
    return KnownAnswer(manifest.kind, height, width, features, tuple(scores.tolist()), tolerance)


def write_known_answer(folder: Path, known_answer: KnownAnswer) -> None:
    """Write `canary.json`."""
    content = {
        "kind": known_answer.kind.value,
        "height": known_answer.height,
        "width": known_answer.width,
        "features": known_answer.features.tolist(),
        "scores": list(known_answer.scores),
        "tolerance": known_answer.tolerance,
    }
    (folder / KNOWN_ANSWER).write_text(json.dumps(content) + "\n")


def read_known_answer(folder: Path) -> KnownAnswer:
    """Read what `write_known_answer` wrote; ModelError where it does not fit."""
    try:
        value = parse_json(read_regular_file(folder / KNOWN_ANSWER))
        return KnownAnswer(
            kind=ModelKind(value["kind"]),
            height=int(value["height"]),
            width=int(value["width"]),
            features=np.array(value["features"], np.float32),
            scores=tuple(float(score) for score in value["scores"]),
            tolerance=float(value["tolerance"]),
        )
    except (OSError, *MALFORMED) as error:
        raise ModelError(
            f"{folder} is no packed model with {KNOWN_ANSWER}: make it with `cxrgate model pack`"
        ) from error


def _ramp(height: int, width: int) -> NDArray[np.uint8]:
    """A diagonal ramp uint8[height, width] in whole numbers, so that it is the same everywhere."""
    rows, columns = np.arange(height) * 255 // (height - 1), np.arange(width) * 255 // (width - 1)
    return ((rows[:, np.newaxis] + columns) // 2).astype(np.uint8)
