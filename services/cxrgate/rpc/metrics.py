"""Prometheus metrics: calls (counts, times, what is in flight) and when certificates end.

None tells of an image, a score or an identity.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class CertificateKind(StrEnum):
    """What a certificate that ends is for."""

    TLS = "tls"
    """This process's own, as it was read at its start."""
    CALIBRATION = "calibration"
    """The one that a verdict needs, where one is required."""


@dataclass(slots=True)
class CallOutcome:
    """What a call came to: the name of its gRPC status code."""

    code: str = "OK"


class Metrics:
    """The metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._labelled: dict[tuple[Any, tuple[str, ...]], Any] = {}
        self._calls = Counter("cxrgate_rpc_calls", "Calls that ended.", ["rpc", "code"], registry=self.registry)
        self._seconds = Histogram("cxrgate_rpc_seconds", "Time per call.", ["rpc"], registry=self.registry)
        self._open = Gauge("cxrgate_rpc_open", "Calls in flight.", ["rpc"], registry=self.registry)
        expires = "cxrgate_certificate_expires_timestamp_seconds"
        self._expires = Gauge(expires, "When a certificate ends; 0 for none.", ["kind"], registry=self.registry)

    @contextmanager
    def call(self, rpc: str) -> Iterator[CallOutcome]:
        """Measure one call."""
        outcome, started = CallOutcome(), time.perf_counter()
        in_flight, seconds = self._of(self._open, rpc), self._of(self._seconds, rpc)
        in_flight.inc()
        try:
            yield outcome
        finally:
            in_flight.dec()
            seconds.observe(time.perf_counter() - started)
            self._of(self._calls, rpc, outcome.code).inc()

    def _of(self, metric: Any, *labels: str) -> Any:
        """The metric with these labels; looked up once, for a refused call costs little else."""
        found = self._labelled.get((metric, labels))
        if found is None:
            found = self._labelled[metric, labels] = metric.labels(*labels)
        return found

    def certificate_expires(self, kind: CertificateKind, when: datetime) -> None:
        """Tell when a certificate ends; a kind that was never told of has no metric."""
        self._expires.labels(kind).set(when.timestamp())
