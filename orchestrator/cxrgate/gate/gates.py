"""The gate that is in force: what every door asks for it, and a gate that stays for good."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from cxrgate.core import CallRefused, CertificateError, SnapshotCorrupt
from cxrgate.gate.pipeline import Gate

POLL_SECONDS = 1.0
"""How often a service looks whether another gate is in force."""

PROOF_SECONDS = 60.0
"""How often references that are not in memory are read again."""

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
        self._proven, self._is_corrupt = time.monotonic(), False

    def current(self) -> Gate:
        """See Gates; CallRefused (DATA_LOSS), too, once somebody wrote into a snapshot that is not in memory."""
        if self._is_corrupt:
            raise CallRefused("DATA_LOSS", "SNAPSHOT_CORRUPT", "the references were changed under the gate")
        self._gate.check_certificate()
        return self._gate

    def describe(self) -> Mapping[str, Any]:
        """See Gates."""
        return self._snapshot

    async def load(self) -> None:
        """Nothing is left to look for."""

    async def refresh(self) -> bool:
        """Nothing changes but the time, and from time to time the references are proven."""
        if time.monotonic() - self._proven >= PROOF_SECONDS:
            await asyncio.to_thread(self._prove)
        return is_current(self._gate) and not self._is_corrupt

    def _prove(self) -> None:
        self._proven = time.monotonic()
        try:
            self._gate.check_index()
        except SnapshotCorrupt:
            _log.exception("gate.snapshot_corrupt")
            self._is_corrupt = True

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
