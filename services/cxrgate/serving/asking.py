"""Asking a model server until it answers, where asking again is safe and may help; a few requests at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

import grpc

from cxrgate.rpc.channel import NO_PROXY
from cxrgate.rpc.deadline import remaining
from cxrgate.serving.statuses import Retry, StatusRule, refused

IN_FLIGHT = 16
"""Requests at once; six callers stay below TorchServe's queue, serving.pack.JOB_QUEUE."""

SECONDS = 90.0
"""The longest that one answer may take, with a server that starts anew meanwhile (TorchServe: 40 s)."""

CONNECT_SECONDS = 1.0
"""The longest that a connection may take for its server to be there."""

MESSAGE_BYTES = 64 * 2**20

FEW = 3
PAUSE, LONGEST_PAUSE = 0.2, 2.0

OPTIONS: list[tuple[str, int]] = [
    NO_PROXY,
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    # What gRPC would retry is not what may be retried; see statuses.
    ("grpc.enable_retries", 0),
    # Model servers end connections that ping more often than every five minutes: a frozen peer is left to the deadline.
    ("grpc.keepalive_time_ms", 2**31 - 1),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Each caller has a connection of its own, so that one that hangs holds up nobody else's.
    ("grpc.use_local_subchannel_pool", 1),
]
"""Of the channel to a model server."""

Request = TypeVar("Request")
Response = TypeVar("Response")


async def is_connected(channel: grpc.aio.Channel, seconds: float = CONNECT_SECONDS) -> bool:
    """Whether a channel has a connection, or gets one in that time; a server that has ended refuses it at once."""
    settled = {grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.TRANSIENT_FAILURE}
    state = channel.get_state(try_to_connect=True)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while state not in settled:
                await channel.wait_for_state_change(state)
                state = channel.get_state(try_to_connect=True)
    return state is grpc.ChannelConnectivity.READY


class Asker(Generic[Request, Response]):
    """One call of a model server, with its statuses translated."""

    def __init__(
        self,
        call: Callable[..., Awaitable[Response]],
        translate: Callable[[grpc.StatusCode, str | None], StatusRule],
        in_flight: int = IN_FLIGHT,
    ) -> None:
        """At most `in_flight` requests at once; others wait here, where a deadline takes them out again."""
        self._call, self._translate = call, translate
        self._places = asyncio.Semaphore(in_flight)

    async def ask(self, request: Request, seconds: float = SECONDS) -> Response:
        """The reply to `request`, asked again where that is safe and may help.

        Raises:
            CallRefused: there is none within `seconds`, or the caller's own deadline.
        """
        end = time.monotonic() + remaining(seconds)
        tries, pause = 0, PAUSE
        while True:
            answer = await self._attempt(request, end)
            if not isinstance(answer, StatusRule):
                return answer
            tries += 1
            few = answer.retry is Retry.FEW and tries < FEW
            if not (few or answer.retry is Retry.WHILE_TIME) or time.monotonic() + pause >= end:
                raise refused(answer)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _attempt(self, request: Request, end: float) -> Response | StatusRule:
        try:
            async with asyncio.timeout(end - time.monotonic()), self._places:
                # A server that starts anew is waited for.
                return await self._call(request, timeout=end - time.monotonic(), wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            return self._translate(error.code(), error.details())
        except TimeoutError:
            return self._translate(grpc.StatusCode.DEADLINE_EXCEEDED, None)
