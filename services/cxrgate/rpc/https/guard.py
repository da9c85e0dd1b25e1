"""What the gRPC interceptor does with every call, for one over HTTPS: same identities, roles, limits and reasons.

    who calls -> may they -> until when -> handler -> answer or {"code", "reason", "message"}

A caller that closes its connection cancels its handler.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cxrgate.core import CallRefused
from cxrgate.rpc.admission import OpenCalls
from cxrgate.rpc.deadline import set_deadline
from cxrgate.rpc.errors import refusal
from cxrgate.rpc.limits import UNARY_SECONDS
from cxrgate.rpc.metrics import Metrics
from cxrgate.rpc.roles import UNKNOWN, Caller, RoleMatrix
from cxrgate.rpc.tracing import call_span

Handler = Callable[[Caller], Awaitable[Response]]

HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

STATUSES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""HTTP's status for each of gRPC's, as google/rpc/code.proto has it."""

_OF_HTTP = {"IMAGE_TOO_LARGE": 413, "MEDIA_TYPE": 415, "METHOD": 405}
"""Reasons for which HTTP has a status of its own."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HttpGuard:
    """Stands before every handler.

    Attributes:
        roles: who may call what, by the names of RPCs.
        metrics: of the server that answers the same over gRPC.
        calls: what each caller has open there and here.
        seconds: that a call may take, with the reading of its body.
    """

    roles: RoleMatrix
    metrics: Metrics
    calls: OpenCalls
    seconds: float = UNARY_SECONDS

    async def answer(self, request: Request, rpc: str, handler: Handler) -> Response:
        """The handler's answer, or the refusal that it or anything before it raised."""
        ids = [peer] if (peer := getattr(request.state, "peer", None)) else []
        try:
            response = await self._measured(request, rpc, ids, handler)
        except CallRefused as refused:
            identity = ids[0] if ids and ids[0] in self.roles.identities else UNKNOWN
            told = {"rpc": rpc, "code": refused.code, "reason": refused.reason, "identity": identity}
            _log.info("rpc.call_refused", told)
            response = refused_response(refused)
        response.headers.update(HEADERS)
        return response

    async def _measured(self, request: Request, rpc: str, ids: list[str], handler: Handler) -> Response:
        with self.metrics.call(rpc) as outcome, call_span(rpc, outcome, request.headers.items()):
            try:
                caller = self.roles.caller(ids)
                self.roles.authorize(caller, rpc)
                with self.calls.one(caller.identity):
                    return await self._within_time(handler(caller))
            except asyncio.CancelledError:
                outcome.code = "CANCELLED"
                raise
            except Exception as error:  # noqa: BLE001 - whatever a handler raises becomes a status
                refused = refusal(error)
                outcome.code = refused.code
                raise refused from None

    async def _within_time(self, answer: Awaitable[Response]) -> Response:
        set_deadline(asyncio.get_running_loop().time() + self.seconds)
        try:
            async with asyncio.timeout(self.seconds):
                return await answer
        except TimeoutError as error:
            raise CallRefused("DEADLINE_EXCEEDED", "DEADLINE", "the call took too long: call again") from error


async def unless_gone(request: Request, work: Awaitable[Response]) -> Response:
    """Await the work; cancel it when the caller, whose whole body has been read, closes its connection."""
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise CallRefused("CANCELLED", "GONE", "the caller closed its connection")
        return await task
    finally:
        for part in (task, gone):
            part.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def refused_response(refused: CallRefused) -> JSONResponse:
    """The refusal as JSON: code and reason as over gRPC, and when another try makes sense."""
    content: dict[str, object] = {"code": refused.code, "reason": refused.reason, "message": refused.message}
    status, headers = _OF_HTTP.get(refused.reason, STATUSES.get(refused.code, 500)), dict(HEADERS)
    if refused.retry_seconds is not None:
        content["retry_seconds"] = refused.retry_seconds
        headers["retry-after"] = str(math.ceil(refused.retry_seconds))
    return JSONResponse(content, status, headers)
