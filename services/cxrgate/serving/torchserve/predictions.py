"""Asking TorchServe: packed requests through the native Predictions call."""

from __future__ import annotations

import grpc

from cxrgate.api.torchserve import inference_pb2 as pb
from cxrgate.api.torchserve import inference_pb2_grpc as stubs
from cxrgate.serving.asking import IN_FLIGHT, OPTIONS, SECONDS, Asker
from cxrgate.serving.codec import REQUEST
from cxrgate.serving.torchserve.statuses import translate


def open_models_channel(target: str) -> grpc.aio.Channel:
    """A channel to TorchServe, for the running event loop. It has no mTLS: `target` is on a private network."""
    return grpc.aio.insecure_channel(target, OPTIONS)


class Predictions:
    """Asks models by name; bytes in, bytes out."""

    def __init__(self, channel: grpc.aio.Channel, in_flight: int = IN_FLIGHT) -> None:
        """See Asker."""
        stub: stubs.InferenceAPIsServiceAsyncStub = stubs.InferenceAPIsServiceStub(channel)
        self._asker = Asker[pb.PredictionsRequest, pb.PredictionResponse](stub.Predictions, translate, in_flight)

    async def ask(self, model: str, content: bytes, seconds: float = SECONDS) -> bytes:
        """The model's reply to `content`; errors as Asker.ask."""
        request = pb.PredictionsRequest(model_name=model, input={REQUEST: content})
        return (await self._asker.ask(request, seconds)).prediction
