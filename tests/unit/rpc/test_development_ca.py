import asyncio
from datetime import timedelta

import grpc
import pytest
from support.acting_gate import Servicer, ask, gate
from support.grpc_servers import AUTHORITY, IDENTITIES, serving

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.rpc.channel import Identity, open_aio_channel
from cxrgate.rpc.development_ca import LOCAL, Authority, write_development_certificates


def test_identity_is_read_from_the_certificate():
    answer, calls = ask()

    assert calls == 1
    assert answer.verdict.image_id == "spiffe://cxrgate/generator"


OTHER = Authority.create()


@pytest.mark.parametrize("first", [AUTHORITY, OTHER])
def test_who_trusts_two_authorities_knows_the_identities_of_both(first):
    """As while the authority changes: both have one name, and their order in ca.crt is nobody's matter."""
    second = OTHER if first is AUTHORITY else AUTHORITY
    servicer, trusted = Servicer(), first.issue(None).authority + second.issue(None).authority

    async def call():
        async with serving(gate(servicer)) as (_, address):
            mine = IDENTITIES["generator"]
            credentials = grpc.ssl_channel_credentials(trusted, mine.key, mine.certificate)
            async with grpc.aio.secure_channel(address, credentials) as opened:
                await stubs.GateServiceStub(opened).CheckImage(pb.CheckImageRequest(), timeout=5)

    asyncio.run(call())
    assert servicer.calls == 1


PAST = timedelta(days=-1)


BAD = {
    "no certificate": None,
    "expired": AUTHORITY.issue("spiffe://cxrgate/generator", valid=PAST),
    "another authority": OTHER.issue("spiffe://cxrgate/generator"),
    "no SPIFFE id": AUTHORITY.issue(None),
    "unknown SPIFFE id": AUTHORITY.issue("spiffe://cxrgate/stranger"),
    "key of another": Identity(
        IDENTITIES["generator"].certificate, IDENTITIES["monitor"].key, IDENTITIES["generator"].authority
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_certificates_reach_no_handler(name):
    servicer = Servicer()
    trusted = IDENTITIES["generator"].authority

    async def call():
        async with serving(gate(servicer)) as (_, address):
            bad = BAD[name]
            if bad is None:
                credentials = grpc.ssl_channel_credentials(trusted)
            else:
                credentials = grpc.ssl_channel_credentials(trusted, bad.key, bad.certificate)
            async with grpc.aio.secure_channel(address, credentials) as opened:
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await stubs.GateServiceStub(opened).CheckImage(pb.CheckImageRequest(), timeout=3)
                return error.value.code()

    assert asyncio.run(call()) in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED}
    assert servicer.calls == 0


def test_plaintext_reaches_no_handler():
    servicer = Servicer()

    async def call():
        async with serving(gate(servicer)) as (_, address), grpc.aio.insecure_channel(address) as opened:
            with pytest.raises(grpc.aio.AioRpcError):
                await stubs.GateServiceStub(opened).CheckImage(pb.CheckImageRequest(), timeout=3)

    asyncio.run(call())
    assert servicer.calls == 0


def test_a_callers_certificate_does_not_pass_for_a_servers(tmp_path):
    write_development_certificates(
        tmp_path / "made", {"spiffe://a/gate": "gate", "spiffe://a/caller": "generator"}, LOCAL
    )
    gate_identity, caller = (Identity.read(tmp_path / "made" / name) for name in ("gate", "caller"))

    async def answered(identity):
        server = grpc.aio.server()
        port = server.add_secure_port("127.0.0.1:0", identity.server_credentials())
        await server.start()
        try:
            async with open_aio_channel(f"127.0.0.1:{port}", caller) as opened:
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await stubs.GateServiceStub(opened).CheckImage(pb.CheckImageRequest(), timeout=10)
                return error.value.code()
        finally:
            await server.stop(0)

    # The one is reached and has no such method, the other is not spoken to.
    assert asyncio.run(answered(gate_identity)) is grpc.StatusCode.UNIMPLEMENTED
    assert asyncio.run(answered(caller)) is grpc.StatusCode.UNAVAILABLE
