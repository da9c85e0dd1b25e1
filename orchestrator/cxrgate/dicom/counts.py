"""The receiver's Prometheus metrics: counts alone. None tells of an image, a decision or a sender."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge

from cxrgate.dicom.spool import Spool


class Counts:
    """What came and what was answered, in a registry of its own."""

    def __init__(self, spool: Spool) -> None:
        """Count from now on; what waits is the spool's own count."""
        self.registry = CollectorRegistry()
        self._received = Counter("cxrgate_dicom_received", "Images acknowledged.", registry=self.registry)
        refused = "Images, by C-STORE's status, and senders that were turned away."
        self._refused = Counter("cxrgate_dicom_refused", refused, ["reason"], registry=self.registry)
        self._answered = Counter("cxrgate_dicom_answered", "Images that have their outcome.", registry=self.registry)
        self._last = time.monotonic()
        waiting = Gauge("cxrgate_dicom_waiting", "Images in the spool.", registry=self.registry)
        waiting.set_function(lambda: spool.waiting)
        name = "cxrgate_dicom_seconds_since_answer"
        silent = Gauge(name, "Since an image was answered, or since the start.", registry=self.registry)
        silent.set_function(lambda: time.monotonic() - self._last)

    def stored(self, status: int) -> None:
        """An image was acknowledged (0), or refused with this status of C-STORE."""
        if status == 0:
            self._received.inc()
        else:
            self.turned_away(f"{status:04X}")

    def turned_away(self, reason: str) -> None:
        """An image or a sender was."""
        self._refused.labels(reason).inc()

    def answered(self) -> None:
        """An image has left the spool with its outcome in the log."""
        self._answered.inc()
        self._last = time.monotonic()
