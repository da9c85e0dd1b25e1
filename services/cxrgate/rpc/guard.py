"""The one interceptor: what happens to every call before and after its handler.

    who calls -> may they -> until when -> message -> handler -> answer or google.rpc.Status

Messages are parsed here, not by gRPC: bytes that are no such message are the caller's error (INVALID_ARGUMENT) and not
INTERNAL, and one that is too large, or whose answer is, is refused with a reason. Servicers raise; nothing but this
file aborts a call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError

from cxrgate.core import CallRefused
from cxrgate.rpc.admission import OpenCalls
from cxrgate.rpc.deadline import set_deadline
from cxrgate.rpc.errors import refusal, status_code, trailing_metadata
from cxrgate.rpc.limits import IDLE_SECONDS, MESSAGE_BYTES, UNARY_SECONDS
from cxrgate.rpc.metrics import Metrics
from cxrgate.rpc.roles import UNKNOWN, Caller, RoleMatrix
from cxrgate.rpc.tracing import call_span

_caller: ContextVar[Caller] = ContextVar("caller")
_log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]


def current_caller() -> Caller:
    """Who the call being answered came from."""
    return _caller.get()


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that calls may take; shorter ones serve tests."""

    unary: float = UNARY_SECONDS
    idle: float = IDLE_SECONDS


class Guard(grpc.aio.ServerInterceptor):
    """Wraps each handler; see the file's docstring."""

    def __init__(self, roles: RoleMatrix, metrics: Metrics, calls: OpenCalls, times: Times | None = None) -> None:
        """`roles` decides who may call what, `calls` counts what each caller has open."""
        self._roles, self._metrics, self._open = roles, metrics, calls
        self._times = times or Times()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """See grpc.aio.ServerInterceptor."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        call = _Call(handler_call_details.method, handler, self._roles, self._times, self._open)
        guarded: grpc.RpcMethodHandler[Any, Any] = call.wrapped(self._metrics)
        return guarded


class _Clock:
    """When a call is cut off: at its deadline, or when neither side of a stream has moved for `idle` seconds."""

    def __init__(self, left: float | None, idle: float | None) -> None:
        now = asyncio.get_running_loop().time()
        self.end = None if left is None else now + left
        self._idle = idle
        self.limit = asyncio.timeout_at(self._at(now))

    def moved(self) -> None:
        """A message went one way or the other."""
        self.limit.reschedule(self._at(asyncio.get_running_loop().time()))

    def _at(self, now: float) -> float | None:
        ends = [end for end in (self.end, None if self._idle is None else now + self._idle) if end is not None]
        return min(ends, default=None)


class _Call:
    """One RPC's handler, guarded."""

    def __init__(self, rpc: str, handler: Any, roles: RoleMatrix, times: Times, calls: OpenCalls) -> None:
        self._rpc, self._handler, self._roles, self._times, self._open = rpc, handler, roles, times, calls
        kinds = {True: "stream", False: "unary"}
        self._kind = f"{kinds[handler.request_streaming]}_{kinds[handler.response_streaming]}"

    def wrapped(self, metrics: Metrics) -> Any:
        """A handler of the same kind that takes bytes."""

        async def behaviour(request: Any, context: Context) -> Any:
            try:
                return await self._measured(request, context, metrics)
            except CallRefused as refused:
                await _abort(context, self._rpc, refused)

        make = getattr(grpc, f"{self._kind}_rpc_method_handler")
        return make(behaviour, request_deserializer=None, response_serializer=None)

    async def _measured(self, request: Any, context: Context, metrics: Metrics) -> Any:
        """The answer or CallRefused, counted before the caller hears of either."""
        metadata = context.invocation_metadata() or ()
        with metrics.call(self._rpc) as outcome, call_span(self._rpc, outcome, metadata):
            try:
                return await self._answer(request, context)
            except asyncio.CancelledError:
                outcome.code = "CANCELLED"
                raise
            except Exception as error:  # noqa: BLE001 - whatever a servicer raises becomes a status
                refused = refusal(error)
                outcome.code = refused.code
                raise refused from None

    async def _answer(self, request: Any, context: Context) -> Any:
        ids = context.auth_context().get("peer_spiffe_id", ())
        caller = self._roles.caller([value.decode() for value in ids])
        _caller.set(caller)
        self._roles.authorize(caller, self._rpc)
        with self._open.one(caller.identity):
            return await self._within_time(request, context)

    async def _within_time(self, request: Any, context: Context) -> Any:
        clock = self._clock(context.time_remaining())
        set_deadline(clock.end)
        message = self._messages(request, clock) if self._handler.request_streaming else self._parse(request)
        answer = getattr(self._handler, self._kind)(message, context)
        try:
            async with clock.limit:
                if self._handler.response_streaming:
                    return await self._stream(answer, context, clock)
                return self._serialize(await answer)
        except TimeoutError as error:
            raise CallRefused(
                "DEADLINE_EXCEEDED", "DEADLINE", "nothing moved in this call for too long: call again"
            ) from error

    def _clock(self, left: float | None) -> _Clock:
        if self._kind == "unary_unary":
            left = self._times.unary if left is None else min(left, self._times.unary)
            return _Clock(left, None)
        # A stream of answers to one request may be silent for long: health's Watch.
        return _Clock(left, self._times.idle if self._handler.request_streaming else None)

    async def _messages(self, requests: AsyncIterator[bytes], clock: _Clock) -> AsyncIterator[Any]:
        async for content in requests:
            clock.moved()
            yield self._parse(content)

    async def _stream(self, answers: Any, context: Context, clock: _Clock) -> None:
        async with aclosing(answers):
            async for answer in answers:
                await context.write(self._serialize(answer))
                clock.moved()

    def _parse(self, content: bytes) -> Any:
        if len(content) > MESSAGE_BYTES:
            told = f"expected a message of at most {MESSAGE_BYTES} bytes, got {len(content)}"
            raise CallRefused("RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE", told)
        try:
            return self._handler.request_deserializer(content)
        except (DecodeError, UnicodeDecodeError) as error:
            raise CallRefused("INVALID_ARGUMENT", "MALFORMED", "the request is no message of this RPC") from error

    def _serialize(self, answer: Any) -> bytes:
        content: bytes = self._handler.response_serializer(answer)
        if len(content) > MESSAGE_BYTES:
            told = f"the answer would have {len(content)} bytes, more than {MESSAGE_BYTES}: ask for less at once"
            raise CallRefused("RESOURCE_EXHAUSTED", "ANSWER_TOO_LARGE", told)
        return content


async def _abort(context: Context, rpc: str, refused: CallRefused) -> NoReturn:
    caller = _caller.get(None)
    who = UNKNOWN if caller is None else caller.identity
    _log.info("rpc.call_refused", {"rpc": rpc, "code": refused.code, "reason": refused.reason, "identity": who})
    await context.abort(status_code(refused), refused.message, trailing_metadata(refused))
