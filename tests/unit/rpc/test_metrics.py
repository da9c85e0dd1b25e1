import asyncio
import re
import socket
import threading
import time
import urllib.request
from datetime import UTC, datetime

import grpc
import pytest
from support.acting_gate import CHECK, Servicer, gate, raising
from support.fake_gate import CLEAN, LEAK, gate_server
from support.grpc_servers import channel, serving

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.core import UsageError
from cxrgate.rpc import metrics_server
from cxrgate.rpc.metrics import CertificateKind, Metrics
from cxrgate.rpc.metrics_server import serve_metrics


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("host", ["", "127.0.0.1:"])
def test_metrics_are_on_loopback_unless_a_host_is_named(host):
    metrics, port = Metrics(), free_port()
    serve_metrics(metrics.registry, f"{host}{port}")
    with metrics.call("/a/B") as outcome:
        outcome.code = "UNAVAILABLE"

    assert 'cxrgate_rpc_calls_total{code="UNAVAILABLE",rpc="/a/B"} 1.0' in scrape(port)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=5).close()


@pytest.mark.parametrize("address", ["", "x", "127.0.0.1:x", "127.0.0.1:70000", "127.0.0.1:-1"])
def test_impossible_addresses_are_the_operators_error(address):
    with pytest.raises(UsageError, match="metrics"):
        serve_metrics(Metrics().registry, address)


def test_port_in_use_is_the_operators_error():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError):
        serve_metrics(Metrics().registry, str(taken.getsockname()[1]))


@pytest.fixture
def metrics(monkeypatch):
    """Those of the next server."""
    made = Metrics()
    monkeypatch.setattr("cxrgate.rpc.server.Metrics", lambda: made)
    return made


def test_end_of_a_certificate_is_told_where_there_is_one():
    metrics, name = Metrics(), "cxrgate_certificate_expires_timestamp_seconds"
    metrics.certificate_expires(CertificateKind.TLS, datetime(2026, 1, 2, tzinfo=UTC))

    assert metrics.registry.get_sample_value(name, {"kind": "tls"}) == 1767312000
    assert metrics.registry.get_sample_value(name, {"kind": "calibration"}) is None


def test_calls_are_counted_by_method_and_code():
    async def call():
        async with serving(gate(Servicer(raising(ValueError())))) as (server, address):
            async with channel(address, "generator") as opened:
                with pytest.raises(grpc.aio.AioRpcError):
                    await stubs.GateServiceStub(opened).CheckImage(pb.CheckImageRequest(), timeout=5)
            labels = {"rpc": CHECK, "code": "INTERNAL"}
            return server.metrics.registry.get_sample_value("cxrgate_rpc_calls_total", labels)

    assert asyncio.run(call()) == 1


def test_scraped_numbers_do_not_tell_a_leak_from_a_clean_image(tmp_path, metrics):
    port = free_port()
    serve_metrics(metrics.registry, str(port))

    async def call():
        async with gate_server(tmp_path) as (_, _, address), channel(address, "generator") as opened:
            seen = [await asyncio.to_thread(scrape, port)]
            for content in (CLEAN, LEAK):
                request = pb.CheckImageRequest(image=pb.Image(image_id="a", content=content))
                await stubs.GateServiceStub(opened).CheckImage(request, timeout=10)
                seen.append(await asyncio.to_thread(scrape, port))
            return [counted(text) for text in seen]

    before, clean, leak = asyncio.run(call())
    assert {name: clean[name] - before.get(name, 0) for name in clean} == {
        name: leak[name] - clean[name] for name in leak
    }
    assert leak[f'cxrgate_rpc_calls_total{{code="OK",rpc="{CHECK}"}}'] == 2


def counted(text):
    """Every number but the times."""
    pairs = re.findall(r"^(\S+) ([\d.e+-]+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in pairs if "_seconds_" not in name and "_created" not in name}


def test_silent_connections_take_few_threads_and_are_cut_off_in_time(monkeypatch):
    monkeypatch.setattr(metrics_server._Handler, "timeout", 0.5)
    port = free_port()
    before = threading.active_count()
    serve_metrics(Metrics().registry, str(port))
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
    held = threading.active_count() - before
    end = time.monotonic() + 20
    while threading.active_count() > before + 1 and time.monotonic() < end:
        time.sleep(0.05)

    assert "cxrgate_rpc_open" in scrape(port)
    assert held <= metrics_server.CONNECTIONS + 1
    for each in silent:
        each.close()
