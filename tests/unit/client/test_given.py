"""Slips of a caller's program, each named in a sentence of the client's own."""

import asyncio
import inspect

import pytest
from support.fake_gate import CLEAN, gate_server
from support.grpc_servers import IDENTITIES

from cxrgate.client import AsyncGate, Gate, Identity, Image

SWAPPED = {"content": ("a.png", CLEAN), "image_id": (CLEAN, 7)}


@pytest.mark.parametrize("argument", SWAPPED)
def test_an_image_says_which_argument_is_of_another_type(argument):
    with pytest.raises(TypeError, match=f"^{argument} must be (bytes|str), .* and not (str|int)$"):
        Image(*SWAPPED[argument])


@pytest.mark.parametrize("kind", [Gate, AsyncGate])
@pytest.mark.parametrize("target", ["https://localhost:8443", "grpcs://localhost:8443/path"])
def test_a_url_is_refused_with_what_is_wanted(kind, target):
    with pytest.raises(ValueError, match="the target is a URL: give HOST:PORT"):
        kind(target, IDENTITIES["generator"])


@pytest.mark.parametrize("target", ["localhost:8443", "dns:///localhost:8443", "127.0.0.1:1", "[::1]:8443"])
def test_targets_of_grpc_are_taken(target):
    with Gate(target, IDENTITIES["generator"]):
        pass


def test_an_identity_that_is_not_there_is_named_with_its_folder_and_files(tmp_path):
    with pytest.raises(FileNotFoundError) as raised:
        Identity.read(tmp_path / "generator")

    assert str(raised.value).startswith(f"{tmp_path / 'generator'} lacks tls.crt, tls.key or ca.crt")


def test_what_is_no_image_is_named_by_both_clients(tmp_path):
    def every(address):
        with Gate(address, IDENTITIES["generator"]) as gate, pytest.raises(TypeError, match="must be Image"):
            list(gate.check_many([CLEAN]))

    async def one():
        yield CLEAN

    async def go():
        async with gate_server(tmp_path) as (_, _, address):
            async with AsyncGate(address, IDENTITIES["generator"]) as gate:
                with pytest.raises(TypeError, match="must be Image"):
                    [verdict async for verdict in gate.check_many(one())]
            await asyncio.to_thread(every, address)

    asyncio.run(go())


@pytest.mark.parametrize("method", ["__init__", "policy", "check", "check_many", "filter"])
def test_the_synchronous_client_explains_its_methods_itself(method):
    assert "See AsyncGate" not in inspect.getdoc(getattr(Gate, method))
