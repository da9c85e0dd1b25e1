"""Real gRPC servers on loopback with mTLS: one authority, every role's certificate, the shipped roles file."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path

from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_status import rpc_status

from cxrgate.rpc.channel import open_aio_channel
from cxrgate.rpc.development_ca import Authority
from cxrgate.rpc.roles import read_roles
from cxrgate.rpc.server import Server

ROLES_FILE = Path(__file__).parents[2] / "deploy" / "roles.yaml"
ROLES = read_roles(ROLES_FILE)
AUTHORITY = Authority.create()
IDENTITIES = {spiffe_id.rsplit("/", 1)[-1]: AUTHORITY.issue(spiffe_id) for spiffe_id in ROLES.identities}


@asynccontextmanager
async def serving(*services, identity="gate", roles=ROLES, times=None):
    """A server of these services; gives it and its address."""
    server = Server(IDENTITIES[identity], roles, services, times)
    port = await server.start("127.0.0.1:0")
    for service in services:
        await server.set_ready(service.name, ready=True)
    try:
        yield server, f"127.0.0.1:{port}"
    finally:
        await server.drain(1)


def channel(address, role):
    """A channel with that role's certificate."""
    return open_aio_channel(address, IDENTITIES[role])


def reason(error):
    """The reason in an error's ErrorInfo; its domain must be ours."""
    info = _detail(error, ErrorInfo)
    assert info.domain == "cxrgate"
    return info.reason


def retry_seconds(error):
    """The delay in an error's RetryInfo."""
    return _detail(error, RetryInfo).retry_delay.ToMilliseconds() / 1000


def _detail(error, kind):
    for detail in rpc_status.from_call(error).details:
        message = kind()
        if detail.Unpack(message):
            return message
    raise AssertionError(f"expected {kind.__name__} in the status")
