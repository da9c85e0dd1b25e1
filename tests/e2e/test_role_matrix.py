"""Every RPC of both services, of health and of reflection, called by every role and answered as the roles file says."""

import asyncio

import grpc
import pytest
from support.grpc_servers import IDENTITIES, ROLES, channel, serving

from cxrgate.api.gate.v1 import gate_service_pb2_grpc as gate
from cxrgate.api.index.v1 import index_service_pb2_grpc as index
from cxrgate.rpc.server import Service

SERVICES = [
    Service("cxrgate.api.gate.v1.GateService", gate.GateServiceServicer(), gate.add_GateServiceServicer_to_server),
    Service(
        "cxrgate.api.index.v1.IndexService", index.IndexServiceServicer(), index.add_IndexServiceServicer_to_server
    ),
]
"""Their methods do nothing but fail: that a call reached one shows in its status."""


async def reached(opened, rpc):
    """Whether a call reached its handler. One empty message is enough to ask, whatever kind of RPC it is."""
    try:
        # Long enough for a refusal; health's Watch, allowed, answers and stays open.
        await opened.unary_unary(rpc)(b"", timeout=2)
    except grpc.aio.AioRpcError as error:
        return error.code() not in {grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED}
    return True


@pytest.mark.parametrize("identity", sorted(IDENTITIES))
def test_each_role_may_call_what_the_matrix_says_and_nothing_else(identity):
    async def call():
        async with serving(*SERVICES) as (_, address), channel(address, identity) as opened:
            answers = await asyncio.gather(*[reached(opened, rpc) for rpc in ROLES.rpcs])
            return {rpc for rpc, answer in zip(ROLES.rpcs, answers, strict=True) if answer}

    role = ROLES.identities[f"spiffe://cxrgate/{identity}"]
    assert asyncio.run(call()) == {rpc for rpc, roles in ROLES.rpcs.items() if role in roles}
