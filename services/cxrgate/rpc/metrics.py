"""Prometheus metrics of calls: counts, times and what is in flight. None tells of an image, a score or an identity."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from cxrgate.core import UsageError

LOOPBACK = "127.0.0.1"


@dataclass(slots=True)
class CallOutcome:
    """What a call came to: the name of its gRPC status code."""

    code: str = "OK"


class Metrics:
    """The metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter("cxrgate_rpc_calls", "Calls that ended.", ["rpc", "code"], registry=self.registry)
        self._seconds = Histogram("cxrgate_rpc_seconds", "Time per call.", ["rpc"], registry=self.registry)
        self._open = Gauge("cxrgate_rpc_open", "Calls in flight.", ["rpc"], registry=self.registry)

    @contextmanager
    def call(self, rpc: str) -> Iterator[CallOutcome]:
        """Measure one call."""
        outcome, started = CallOutcome(), time.perf_counter()
        with self._open.labels(rpc).track_inprogress():
            try:
                yield outcome
            finally:
                self._seconds.labels(rpc).observe(time.perf_counter() - started)
                self._calls.labels(rpc, outcome.code).inc()


def serve_metrics(registry: CollectorRegistry, address: str) -> None:
    """Answer `GET /metrics` from a thread of its own until the process ends.

    Args:
        registry: what is shown.
        address: HOST:PORT; PORT alone is on loopback.

    Raises:
        UsageError: the address cannot be listened on.
    """
    host, _, port = address.rpartition(":")
    try:
        start_http_server(int(port), host or LOOPBACK, registry)
    except (OSError, OverflowError, ValueError) as error:
        raise UsageError(f"expected HOST:PORT for the metrics, got {address}") from error
