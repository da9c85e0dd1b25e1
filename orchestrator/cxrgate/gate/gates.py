"""The gate that is in force: what every door asks for it, and a gate that stays for good."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from cxrgate.core import CertificateError
from cxrgate.gate.pipeline import Gate

POLL_SECONDS = 1.0
"""How often a service looks whether another gate is in force."""

_log = logging.getLogger(__name__)


class Gates(Protocol):
    """Where a door gets its gate from."""

    def current(self) -> Gate:
        """The gate in force; CallRefused (UNAVAILABLE) where there is none, CertificateError where it is over."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """What the snapshot behind the gate in force is; CallRefused as `current`."""
        ...

    async def load(self) -> None:
        """Look which gate is in force, and raise what stands in the way of it.

        Raises:
            SnapshotError: the index does not answer.
            MismatchError: the snapshot was built with other models.
            CertificateError: see PolicyBinder.bind.
        """
        ...

    async def refresh(self) -> bool:
        """Look whether another gate is in force; say whether there is one and the index answers."""
        ...

    def certified_until(self) -> datetime | None:
        """When the certificate in force ends, OVER where none is; None where none is required."""
        ...


class FixedGate:
    """One gate for good."""

    def __init__(self, gate: Gate, snapshot: Mapping[str, Any] | None = None) -> None:
        """`snapshot` is what `describe` gives."""
        self._gate, self._snapshot = gate, snapshot or {}

    def current(self) -> Gate:
        """See Gates."""
        self._gate.check_certificate()
        return self._gate

    def describe(self) -> Mapping[str, Any]:
        """See Gates."""
        return self._snapshot

    async def load(self) -> None:
        """Nothing is left to look for."""

    async def refresh(self) -> bool:
        """Nothing changes but the time."""
        return is_current(self._gate)

    def certified_until(self) -> datetime | None:
        """See Gates."""
        return None if self._gate.certificate is None else self._gate.certificate.expires


def is_current(gate: Gate) -> bool:
    """Whether the gate's certificate, where it needs one, is not over; logged where it is."""
    try:
        gate.check_certificate()
    except CertificateError:
        _log.exception("gate.certificate_over")
        return False
    return True
