"""Calls to the index service, over real gRPC on loopback, with mTLS."""

import asyncio
from contextlib import asynccontextmanager

import grpc
import pytest

from cxrgate.api.index.v1 import index_service_pb2_grpc as stubs
from cxrgate.index import EngineName
from cxrgate.index.service.servicer import index_service
from cxrgate.index.service.state import IndexState
from support.grpc_servers import channel, reason, serving


@asynccontextmanager
async def index(store, role="gate", engine=EngineName.MATRIX):
    """A served index; gives a stub with that role's certificate, and its address."""
    state = IndexState(store, engine)
    async with serving(index_service(state), identity="index") as (_, address), channel(address, role) as opened:
        yield stubs.IndexServiceStub(opened), address


def run(store, call, role="gate"):
    """What `call(stub)` gives."""

    async def go():
        async with index(store, role) as (stub, _):
            return await call(stub)

    return asyncio.run(go())


def refused(store, call, role="gate"):
    """The code and the reason of the error that a call ends in."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        run(store, call, role)
    return error.value.code().name, reason(error.value)
