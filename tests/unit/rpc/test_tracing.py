"""Spans as OpenTelemetry's own in-memory exporter sees them, and none unless they were asked for."""

import asyncio
import dataclasses
import json
import os
import subprocess
import sys

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from support.fake_gate import BROKEN, CLEAN, LEAK, Stages, gate_server
from support.fakes import POLICY
from support.grpc_servers import channel, serving
from support.random_snapshots import queries, write_snapshot

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.core import UsageError
from cxrgate.gate.remote import RemoteSearcher
from cxrgate.index import EngineName
from cxrgate.index.service.servicer import index_service
from cxrgate.index.service.state import IndexState
from cxrgate.index.store import SnapshotStore
from cxrgate.rpc import tracing
from cxrgate.rpc.metrics import CallOutcome

STAGES = ["gate.decode", "gate.embed", "gate.search", "gate.verify"]
CHECK = "cxrgate.api.gate.v1.GateService/CheckImage"


@pytest.fixture
def spans(monkeypatch):
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("cxrgate"))
    return exporter


def check(folder, content, metadata=()):
    async def call():
        async with gate_server(folder) as (_, _, address), channel(address, "generator") as opened:
            request = pb.CheckImageRequest(image=pb.Image(image_id="SECRETNAME", content=content))
            try:
                await stubs.GateServiceStub(opened).CheckImage(request, timeout=10, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                return error.code().name
            return "OK"

    return asyncio.run(call())


def by_name(spans):
    return {span.name: span for span in spans.get_finished_spans()}


@pytest.mark.parametrize(("content", "code"), [(CLEAN, "OK"), (BROKEN, "UNAVAILABLE")])
def test_each_call_batch_and_stage_has_a_span(spans, tmp_path, content, code):
    # A call that was told to try again does, three times.
    assert check(tmp_path, content) == code

    found = by_name(spans)
    assert set(found) == {CHECK, "gate.batch", *STAGES}
    call, batch = found[CHECK], found["gate.batch"]
    assert call.attributes["rpc.grpc.status"] == code
    assert (call.status.status_code is StatusCode.ERROR) == (code != "OK")
    assert [link.context.span_id for link in batch.links] == [call.context.span_id]
    assert {found[name].parent.span_id for name in STAGES} == {batch.context.span_id}
    assert {found[name].attributes["cxrgate.images"] for name in STAGES} == {1}


def test_callers_span_is_the_parent_and_no_text_of_the_callers_is_in_a_span(spans, tmp_path):
    check(tmp_path, CLEAN, [("traceparent", f"00-{'a' * 32}-{'b' * 16}-01"), ("tracestate", "scanner=DOE-JANE")])

    call = by_name(spans)[CHECK]
    assert not [span.name for span in spans.get_finished_spans() if "DOE" in span.to_json()]
    assert (f"{call.context.trace_id:x}", f"{call.parent.span_id:x}") == ("a" * 32, "b" * 16)


def test_spans_of_the_index_lie_below_the_gates(spans, tmp_path):
    snapshot = write_snapshot(tmp_path / "store" / "first")
    state = IndexState(SnapshotStore(tmp_path / "store"), EngineName.MATRIX)
    policy = dataclasses.replace(POLICY, snapshot=snapshot.manifest.digest)

    async def call():
        async with serving(index_service(state), identity="index") as (_, address), channel(address, "gate") as opened:
            with tracing.stage_span("search", 2):
                return await RemoteSearcher(opened, policy).search(queries(2))

    assert len(asyncio.run(call())) == 2
    found = by_name(spans)
    assert (
        found["cxrgate.api.index.v1.IndexService/FindNeighbors"].parent.span_id == found["gate.search"].context.span_id
    )
    assert tracing.trace_headers() == ()


def test_spans_hold_no_data(spans, tmp_path, monkeypatch):
    async def failing(self, images):
        raise ValueError("DOE^JANE")

    check(tmp_path, LEAK)
    monkeypatch.setattr(Stages, "embed", failing)
    check(tmp_path, CLEAN)

    told = [json.loads(span.to_json()) for span in spans.get_finished_spans()]
    # Times have digits of their own, which may be those of a score.
    shown = json.dumps([{key: value for key, value in span.items() if not key.endswith("_time")} for span in told])
    assert '"gate.embed"' in shown
    assert not [word for word in ("DOE", "SECRETNAME", "spiffe", "0.98", "ANONYMOUS", "reference") if word in shown]
    names = {name for span in spans.get_finished_spans() for name in span.attributes}
    assert names == {"rpc.system", "rpc.service", "rpc.method", "rpc.grpc.status", "cxrgate.images"}


PROGRAM = """
import sys
from cxrgate.rpc.tracing import configure_tracing, stage_span
configure_tracing()
with stage_span("decode", 3):
    pass
assert ("opentelemetry.sdk" in sys.modules) == (sys.argv[1] == "on")
"""


@pytest.mark.parametrize(
    ("variables", "on"),
    [
        ({}, False),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, False),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_SERVICE_NAME": "gate one"}, True),
    ],
)
def test_only_opentelemetrys_own_variables_turn_spans_on(variables, on):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-c", PROGRAM, "on" if on else "off"]
    ran = subprocess.run(command, env={**inherited, **variables}, capture_output=True, text=True, check=True)

    if not on:
        assert ran.stdout == ""
        return
    span = json.loads(ran.stdout)
    assert (span["name"], span["attributes"]) == ("gate.decode", {"cxrgate.images": 3})
    assert span["resource"]["attributes"]["service.name"] == "gate one"


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"}, "otlp_proto_http"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "otlp_proto_grpc"),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "zipkin"),
    ],
)
def test_exporter_that_is_not_installed_is_said_so(variables, name, monkeypatch):
    monkeypatch.setattr(tracing, "entry_points", lambda **_: ())

    with pytest.raises(UsageError, match=name):
        tracing.configure_tracing(variables)


def test_where_nothing_is_recorded_a_callers_span_is_handed_on_and_none_is_made(monkeypatch):
    """By OpenTelemetry's placeholders; whoever named no span has none handed on."""
    monkeypatch.setattr(tracing, "_tracer", trace.ProxyTracer("cxrgate"))
    monkeypatch.setattr(trace, "get_tracer_provider", trace.ProxyTracerProvider)
    named = f"00-{'a' * 32}-{'b' * 16}-01"

    found = []
    for metadata in ((), (("traceparent", named),)):
        with tracing.call_span("/a.B/C", CallOutcome(), metadata):
            found.append(dict(tracing.trace_headers()))

    assert found == [{}, {"traceparent": named}]
