"""Spans of calls, batches and stages for OpenTelemetry: names, counts and status codes; no image, score, id or text.

Nothing is recorded, and the SDK is not even loaded, unless one of OpenTelemetry's own variables says where to:
OTEL_TRACES_EXPORTER (otlp, console, none) or OTEL_EXPORTER_OTLP_ENDPOINT; the SDK reads the others itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from cxrgate.core import UsageError
from cxrgate.rpc.metrics import CallOutcome

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PARENT = "traceparent"
"""All that is taken from a caller: numbers. Its tracestate would be text, and stand in every span below."""

_tracer = trace.get_tracer("cxrgate")


def configure_tracing(variables: Mapping[str, str] = os.environ) -> None:
    """Record spans from now on where the variables say so.

    Raises:
        UsageError: the SDK or the exporter is not installed.
    """
    name = _exporter(variables)
    if name is None:
        return
    found = list(entry_points(group="opentelemetry_traces_exporter", name=name))
    if not found:
        raise UsageError(f"the OpenTelemetry exporter {name} is not installed: install cxrgate[otel]")
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(found[0].load()()))
    trace.set_tracer_provider(provider)


@contextmanager
def call_span(rpc: str, outcome: CallOutcome, metadata: Iterable[tuple[str, Any]]) -> Iterator[None]:
    """A call that is being answered, below its caller's span where the metadata name one."""
    named = {key: value for key, value in metadata if key == _PARENT}
    if not named and not _records():
        yield  # nothing is recorded, and there is nothing to hand on: most services, and every call that they refuse
        return
    service, _, method = rpc.strip("/").rpartition("/")
    parent = TraceContextTextMapPropagator().extract(named)
    kind = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}
    with _span(rpc.strip("/"), kind, parent, kind=SpanKind.SERVER) as opened:
        try:
            yield
        finally:
            opened.set_attribute("rpc.grpc.status", outcome.code)


@contextmanager
def batch_span(callers: Sequence[SpanContext]) -> Iterator[None]:
    """A batch, which has as many causes as images: it is linked with their spans and below none of them."""
    with _span("gate.batch", {"cxrgate.images": len(callers)}, Context(), links=[Link(item) for item in callers]):
        yield


@contextmanager
def stage_span(stage: str, images: int) -> Iterator[None]:
    """A batch in one stage."""
    with _span(f"gate.{stage}", {"cxrgate.images": images}):
        yield


def trace_headers() -> tuple[tuple[str, str], ...]:
    """Metadata of a call that is made within the current span, so that its server's span lies below; () without one."""
    headers: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(headers)
    return tuple(headers.items())


def current_span() -> SpanContext:
    """What `batch_span` links with."""
    return trace.get_current_span().get_span_context()


@contextmanager
def _span(name: str, attributes: dict[str, Any], parent: Context | None = None, **more: Any) -> Iterator[trace.Span]:
    # Exceptions are not recorded: their text may hold what a span must not.
    with _tracer.start_as_current_span(
        name, parent, attributes=attributes, record_exception=False, set_status_on_exception=False, **more
    ) as opened:
        try:
            yield opened
        except BaseException:
            opened.set_status(StatusCode.ERROR)
            raise


def _records() -> bool:
    """Whether spans go anywhere: as long as nobody said where to, OpenTelemetry's own are placeholders."""
    unset = isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    return not (unset and isinstance(_tracer, trace.ProxyTracer))


def _exporter(variables: Mapping[str, str]) -> str | None:
    """The exporter's entry point."""
    endpoint = any(variables.get(name) for name in _ENDPOINTS)
    name = variables.get("OTEL_TRACES_EXPORTER") or ("otlp" if endpoint else "none")
    if name == "none" or variables.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if name != "otlp":
        return name
    return "otlp_proto_grpc" if variables.get("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc" else "otlp_proto_http"
