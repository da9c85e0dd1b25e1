"""The one interceptor: what happens to every call before and after its handler.

    who calls -> may they -> is there room -> until when -> message -> handler -> answer or google.rpc.Status

A message is read only when the call may be answered: refusing must cost less than what is refused, and a call whose
message never comes ends with its time. Messages are parsed here, not by gRPC: bytes that are no such message are the
caller's error (INVALID_ARGUMENT) and not INTERNAL, and one that is too large, or whose answer is, is refused with a
reason. Servicers raise; nothing but this file aborts a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from cxrgate.core import CallRefused
from cxrgate.rpc.admission import OpenCalls
from cxrgate.rpc.deadline import set_deadline
from cxrgate.rpc.errors import refusal, status_code, trailing_metadata
from cxrgate.rpc.limits import IDLE_SECONDS, MESSAGE_BYTES, UNARY_SECONDS
from cxrgate.rpc.metrics import Metrics
from cxrgate.rpc.refusals import Refusals
from cxrgate.rpc.roles import Caller, RoleMatrix
from cxrgate.rpc.tracing import call_span

_caller: ContextVar[Caller] = ContextVar("caller")

Context = grpc.aio.ServicerContext[Any, Any]
Room = Callable[[Caller], None]


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

    def __init__(
        self,
        roles: RoleMatrix,
        metrics: Metrics,
        calls: OpenCalls,
        times: Times | None = None,
        room: Mapping[str, Room] = MappingProxyType({}),
    ) -> None:
        """Stand before all handlers of a server.

        Args:
            roles: decides who may call what.
            metrics: counts and times calls.
            calls: counts what each caller has open.
            times: None for the usual ones.
            room: by RPC, raises CallRefused where a caller's message need not be read, as there is no room for it.
        """
        self._roles, self._metrics, self._open = roles, metrics, calls
        self._times, self._room, self._refusals = times or Times(), room, Refusals()
        self._guarded: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """See grpc.aio.ServerInterceptor."""
        rpc = handler_call_details.method
        if (known := self._guarded.get(rpc)) is not None:
            return known
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        room = self._room.get(rpc, _always)
        call = _Call(rpc, handler, self._roles, self._times, self._open, room)
        guarded: grpc.RpcMethodHandler[Any, Any] = call.wrapped(self._metrics, self._refusals)
        self._guarded[rpc] = guarded  # of this server's own methods, which are few
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

    def __init__(self, rpc: str, handler: Any, roles: RoleMatrix, times: Times, calls: OpenCalls, room: Room) -> None:
        self._rpc, self._handler, self._roles, self._times, self._open = rpc, handler, roles, times, calls
        self._room = room
        kinds = {True: "stream", False: "unary"}
        self._kind = f"{kinds[handler.request_streaming]}_{kinds[handler.response_streaming]}"

    def wrapped(self, metrics: Metrics, refusals: Refusals) -> Any:
        """A handler of the same kind of answers that takes bytes, one message as a stream of one."""

        async def behaviour(request: Any, context: Context) -> Any:
            try:
                return await self._measured(request, context, metrics)
            except CallRefused as refused:
                refusals.tell(self._rpc, refused, _caller.get(None))
                await context.abort(status_code(refused), refused.message, trailing_metadata(refused))

        make = grpc.stream_stream_rpc_method_handler
        if not self._handler.response_streaming:
            make = grpc.stream_unary_rpc_method_handler
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
        self._room(caller)
        with self._open.one(caller.identity):
            return await self._within_time(request, context)

    async def _within_time(self, request: Any, context: Context) -> Any:
        clock = self._clock(context.time_remaining())
        set_deadline(clock.end)
        try:
            async with clock.limit:
                messages = self._messages(request, clock)
                message = messages if self._handler.request_streaming else await _only(messages)
                answer = getattr(self._handler, self._kind)(message, context)
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
            told = f"the message has {len(content)} bytes, at most {MESSAGE_BYTES} are taken"
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


async def _only(messages: AsyncIterator[Any]) -> Any:
    """The message of a call that has one."""
    async with aclosing(messages):  # type: ignore[type-var]
        async for message in messages:
            return message
    raise CallRefused("INVALID_ARGUMENT", "MALFORMED", "this RPC takes a message, and none came")


def _always(_caller: Caller) -> None:
    """There is room."""
