"""A process that speaks TorchServe's Predictions over null models, and answers wrongly when a file tells it to.

Run as `python -m support.fake_torchserve MODELS PORT ORDERS`; ORDERS is a JSON list of names of `WAYS` and of
`item N`, which is taken up when it appears: each of the next requests is answered in one of these ways.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from cxrgate.api.inference.v1 import inference_pb2 as pb
from cxrgate.api.torchserve import inference_pb2 as torchserve
from cxrgate.api.torchserve import inference_pb2_grpc as stubs
from cxrgate.models import read_manifest
from cxrgate.serving.asking import MESSAGE_BYTES
from cxrgate.serving.codec import REQUEST
from cxrgate.serving.torchserve.answer import answer
from support.null_models import ServedNullForward

_CODE = grpc.StatusCode
REFUSALS = {
    "a worker that died": (_CODE.INTERNAL, "Worker died."),
    "a full queue": (_CODE.INTERNAL, 'Model "retrieval" has no worker to serve inference request.'),
    "a handler that raised": (_CODE.UNAVAILABLE, "Prediction failed"),
    "no memory": (_CODE.INTERNAL, "Out of resources"),
    "a lost token": (_CODE.PERMISSION_DENIED, "token expired"),
}
"""What TorchServe 0.12 says then."""


def _results(change: Callable[[list[Any]], list[Any]]) -> Callable[[Any], bytes]:
    def changed(reply: Any) -> bytes:
        results = change(list(reply.results))
        content: bytes = type(reply)(model_digest=reply.model_digest, results=results).SerializeToString()
        return content

    return changed


def _of_another(results: list[Any]) -> list[Any]:
    for result in results:
        result.image_id = f"another {result.image_id}"
    return results


def _without_numbers(results: list[Any]) -> list[Any]:
    for result in results:
        if result.WhichOneof("outcome") == "scores":
            result.scores.values[:] = [float("nan")] * len(result.scores.values)
        else:
            count = len(result.descriptor.values) // 4
            result.descriptor.values = np.full(count, np.nan, "<f4").tobytes()
    return results


def _of_another_model(reply: Any) -> bytes:
    reply.model_digest = "0" * 64
    content: bytes = reply.SerializeToString()
    return content


WAYS: dict[str, Callable[[Any], bytes]] = {
    "half": _results(lambda results: results[: len(results) // 2]),
    "none": _results(lambda _: []),
    "permuted": _results(lambda results: results[::-1]),
    "one twice": _results(lambda results: [results[0], results[0], *results[2:]]),
    "one too many": _results(lambda results: [*results, results[-1]]),
    "of another request": _results(_of_another),
    "without numbers": _results(_without_numbers),
    "of another model": _of_another_model,
    "no bytes": lambda _: b"",
    "no message": lambda _: b"\xff" * 100,
}


def _without(reply: Any, number: int) -> bytes:
    """The answer in which one image has none."""
    result = reply.results[number % len(reply.results)]
    error = pb.ItemError(code="INTERNAL", reason="FORWARD_FAILED", message="the model gave no answer")
    reply.results[number % len(reply.results)].CopyFrom(type(result)(image_id=result.image_id, error=error))
    content: bytes = reply.SerializeToString()
    return content


class FakeTorchServe(stubs.InferenceAPIsServiceServicer):
    """See the module."""

    def __init__(self, models: Path, orders: Path) -> None:
        kinds = ("retrieval", "verification", "copy")
        self._forwards = {kind: ServedNullForward(read_manifest(models / kind)) for kind in kinds}
        self._orders, self._left = orders, list[str]()

    async def Predictions(
        self, request: torchserve.PredictionsRequest, context: grpc.aio.ServicerContext
    ) -> torchserve.PredictionResponse:
        """See protos."""
        reply = await asyncio.to_thread(answer, self._forwards[request.model_name], request.input[REQUEST])
        way = self._order() if len(reply.results) > 2 else ""
        if way in REFUSALS:
            await context.abort(*REFUSALS[way])
        if way.startswith("item "):
            return torchserve.PredictionResponse(prediction=_without(reply, int(way.split()[1])))
        content = WAYS[way](reply) if way else reply.SerializeToString()
        return torchserve.PredictionResponse(prediction=content)

    def _order(self) -> str:
        if self._orders.exists():
            self._left = json.loads(self._orders.read_text())
            self._orders.unlink()
        return self._left.pop(0) if self._left else ""


async def serve(models: Path, address: str, orders: Path) -> None:
    """Serve until killed."""
    sizes = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]
    server = grpc.aio.server(options=sizes)
    stubs.add_InferenceAPIsServiceServicer_to_server(FakeTorchServe(models, orders), server)
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
