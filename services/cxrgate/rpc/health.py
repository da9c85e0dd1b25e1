"""grpc.health.v1 of a server, with all of its RPCs.

The library's servicer has no List, and forgets those who watch a service when one of them leaves: they never hear that
it is no longer ready.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.empty_pb2 import Empty
from grpc_health.v1 import health_pb2 as pb

from cxrgate.core import CallRefused

HEALTH = "grpc.health.v1.Health"

_Status = pb.HealthCheckResponse


def _make_list_response() -> Any:
    """The message HealthListResponse {map<string, HealthCheckResponse> statuses = 1;}.

    grpcio-health-checking has it from 1.85 on, which wants a protobuf that our stubs were not made for.
    """
    file = FileDescriptorProto(name="cxrgate/rpc/health_list.proto", package="cxrgate.rpc", syntax="proto3")
    file.dependency.append(pb.DESCRIPTOR.name)
    message = file.message_type.add(name="HealthListResponse")
    entry = message.nested_type.add(name="StatusesEntry")
    entry.options.map_entry = True
    kind = FieldDescriptorProto
    one, many, text, nested = kind.LABEL_OPTIONAL, kind.LABEL_REPEATED, kind.TYPE_STRING, kind.TYPE_MESSAGE
    entry.field.add(name="key", number=1, label=one, type=text)
    entry.field.add(name="value", number=2, label=one, type=nested, type_name=f".{_Status.DESCRIPTOR.full_name}")
    whole = ".cxrgate.rpc.HealthListResponse.StatusesEntry"
    message.field.add(name="statuses", number=1, label=many, type=nested, type_name=whole)
    pool: Any = descriptor_pool.Default()  # type: ignore[no-untyped-call]
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("cxrgate.rpc.HealthListResponse"))


HealthListResponse = _make_list_response()


class Health:
    """What each service of this process says of itself; "" is the process."""

    def __init__(self) -> None:
        self._statuses: dict[str, int] = {"": _Status.SERVING}
        self._drains = False
        self._changed = asyncio.Condition()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Answer on this server."""
        check, told = pb.HealthCheckRequest.FromString, pb.HealthCheckResponse.SerializeToString
        unary = grpc.unary_unary_rpc_method_handler
        handlers = {
            "Check": unary(self._check, check, told),
            "List": unary(self._list, Empty.FromString, HealthListResponse.SerializeToString),
            "Watch": grpc.unary_stream_rpc_method_handler(self._watch, check, told),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(HEALTH, handlers),))

    async def set_ready(self, service: str, *, ready: bool) -> None:
        """Say whether a service can answer. Has no effect once the server drains."""
        if not self._drains:
            await self._set({service: _Status.SERVING if ready else _Status.NOT_SERVING})

    async def drain(self) -> None:
        """Nothing is ready from now on."""
        self._drains = True
        await self._set(dict.fromkeys(self._statuses, _Status.NOT_SERVING))

    async def _check(self, request: Any, _context: Any) -> Any:
        status = self._statuses.get(request.service)
        if status is None:
            raise CallRefused("NOT_FOUND", "SERVICE", "this server has no such service")
        return pb.HealthCheckResponse(status=status)

    async def _list(self, _request: Any, _context: Any) -> Any:
        statuses = {name: pb.HealthCheckResponse(status=status) for name, status in self._statuses.items()}
        return HealthListResponse(statuses=statuses)

    async def _watch(self, request: Any, _context: Any) -> AsyncIterator[Any]:
        """The status of one service, and each other one that it has later."""
        told: int | None = None
        while True:
            async with self._changed:
                while (status := self._statuses.get(request.service, _Status.SERVICE_UNKNOWN)) == told:
                    await self._changed.wait()
            told = status
            yield pb.HealthCheckResponse(status=status)

    async def _set(self, statuses: dict[str, int]) -> None:
        async with self._changed:
            self._statuses.update(statuses)
            self._changed.notify_all()
