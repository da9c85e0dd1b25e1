"""What TorchServe's workers run: one class, as TorchServe requires, for every kind of model."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from cxrgate.core.allocator import keep_freed_memory
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.serving.codec import REQUEST
from cxrgate.serving.known_answer import KNOWN_ANSWER_ID, read_known_answer
from cxrgate.serving.torchserve.answer import answer

BEATS = "CXRGATE_BEATS"
"""Environment variable: the folder where a worker leaves a file named after its model, touched by good answers."""

BEAT_SECONDS = 1.0

_log = logging.getLogger(__name__)


class TorchServeHandler:
    """Answers packed requests of inference.v1 with a packed model.

    It never raises on a request: TorchServe would fail everything that shares the batch, with a status that callers
    retry. Bytes that are no request are answered with no byte at all, which no caller takes for an answer.
    """

    def initialize(self, context: Any) -> None:
        """Load the model folder on the GPU that TorchServe gives, or on the CPU; ModelError where it is not whole."""
        properties = context.system_properties
        folder, gpu = Path(properties["model_dir"]), properties.get("gpu_id")
        keep_freed_memory()
        self._forward = open_forward(folder, "cpu" if gpu is None else f"cuda:{gpu}")
        # The first forward on a device is slow; no caller waits for it.
        answer(self._forward, read_known_answer(folder).request(self._forward.manifest.digest))
        beats = os.environ.get(BEATS)
        self._beat = None if beats is None else Path(beats) / self._forward.manifest.kind.value
        self._beaten = 0.0

    def handle(self, data: Sequence[Mapping[str, Any]], context: Any) -> list[bytes]:  # noqa: ARG002 - as TorchServe calls it
        """One reply per request."""
        return [self._reply(item) for item in data]

    def _reply(self, item: Mapping[str, Any]) -> bytes:
        try:
            reply = answer(self._forward, bytes(item[REQUEST]))
        except (DecodeError, KeyError, TypeError):
            _log.warning("models.request_unreadable")
            return b""
        except Exception:  # noqa: BLE001 - the next request is another
            _log.exception("models.request_failed")
            return b""
        if any(result.image_id != KNOWN_ANSWER_ID and not result.HasField("error") for result in reply.results):
            self._touch()
        return reply.SerializeToString()

    def _touch(self) -> None:
        """Tell the supervisor that real requests get answers: a busy worker leaves the known answers waiting."""
        if self._beat is not None and time.monotonic() - self._beaten > BEAT_SECONDS:
            self._beaten = time.monotonic()
            self._beat.touch()
