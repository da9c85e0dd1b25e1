"""Asking TorchServe: packed requests through the native Predictions call, a few at a time."""

from __future__ import annotations

import asyncio
import time

import grpc

from cxrgate.api.torchserve import inference_pb2 as pb
from cxrgate.api.torchserve import inference_pb2_grpc as stubs
from cxrgate.rpc.channel import NO_PROXY
from cxrgate.rpc.deadline import remaining
from cxrgate.serving.codec import REQUEST
from cxrgate.serving.torchserve.statuses import Retry, StatusRule, refused, translate

IN_FLIGHT = 16
"""Requests at once; six callers stay below TorchServe's queue, models.pack.JOB_QUEUE."""

SECONDS = 90.0
"""The longest that one answer may take, with a front end that starts anew meanwhile (40 s)."""

FEW = 3
PAUSE, LONGEST_PAUSE = 0.2, 2.0

_OPTIONS: list[tuple[str, int]] = [
    NO_PROXY,
    ("grpc.max_send_message_length", 64 * 2**20),
    ("grpc.max_receive_message_length", 64 * 2**20),
    # What gRPC would retry is not what may be retried; see statuses.
    ("grpc.enable_retries", 0),
    # TorchServe ends connections that ping more often than every five minutes: a frozen peer is left to the deadline.
    ("grpc.keepalive_time_ms", 2**31 - 1),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Each caller has a connection of its own, so that one that hangs holds up nobody else's.
    ("grpc.use_local_subchannel_pool", 1),
]


def open_models_channel(target: str) -> grpc.aio.Channel:
    """A channel to TorchServe, for the running event loop. It has no mTLS: `target` is on a private network."""
    return grpc.aio.insecure_channel(target, _OPTIONS)


class Predictions:
    """Asks models by name; bytes in, bytes out."""

    def __init__(self, channel: grpc.aio.Channel, in_flight: int = IN_FLIGHT) -> None:
        """At most `in_flight` requests at once; others wait here, where a deadline takes them out again."""
        self._stub: stubs.InferenceAPIsServiceAsyncStub = stubs.InferenceAPIsServiceStub(channel)
        self._places = asyncio.Semaphore(in_flight)

    async def ask(self, model: str, content: bytes, seconds: float = SECONDS) -> bytes:
        """The model's reply to `content`, asked again where that is safe and may help.

        Raises:
            CallRefused: there is none within `seconds`, or the caller's own deadline.
        """
        end = time.monotonic() + remaining(seconds)
        request = pb.PredictionsRequest(model_name=model, input={REQUEST: content})
        tries, pause = 0, PAUSE
        while True:
            rule = await self._attempt(request, end)
            if isinstance(rule, bytes):
                return rule
            tries += 1
            few = rule.retry is Retry.FEW and tries < FEW
            if not (few or rule.retry is Retry.WHILE_TIME) or time.monotonic() + pause >= end:
                raise refused(rule)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _attempt(self, request: pb.PredictionsRequest, end: float) -> bytes | StatusRule:
        try:
            async with asyncio.timeout(end - time.monotonic()), self._places:
                # A front end that starts anew is waited for.
                answer = await self._stub.Predictions(request, timeout=end - time.monotonic(), wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            return translate(error.code(), error.details())
        except TimeoutError:
            return translate(grpc.StatusCode.DEADLINE_EXCEEDED, None)
        return answer.prediction
