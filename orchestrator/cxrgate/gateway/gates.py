"""The gate that is in force: a fixed one, or one that follows the index service from snapshot to snapshot."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Protocol

import grpc

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.core import CallRefused, CertificateError, MismatchError
from cxrgate.core.ports import Decoder
from cxrgate.gate.certified import Terms
from cxrgate.gate.pipeline import Gate
from cxrgate.gate.remote import describe_index, remote_gate

POLL_SECONDS = 1.0
OVER = datetime.fromtimestamp(0, UTC)
"""When the certificate ended that is required and not there."""

_log = logging.getLogger(__name__)


class Gates(Protocol):
    """Where the servicer gets its gate from."""

    def current(self) -> Gate:
        """The gate in force; CallRefused (UNAVAILABLE) where there is none, CertificateError where it is over."""
        ...

    async def refresh(self) -> bool:
        """Look whether another gate is in force; say whether everything that it depends on answers."""
        ...

    def certified_until(self) -> datetime | None:
        """When the certificate in force ends, OVER where none is; None where none is required."""
        ...


class FixedGate:
    """One gate for good."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def current(self) -> Gate:
        """See Gates."""
        self._gate.check_certificate()
        return self._gate

    async def refresh(self) -> bool:
        """Nothing changes but the time."""
        return _is_current(self._gate)

    def certified_until(self) -> datetime | None:
        """See Gates."""
        return None if self._gate.certificate is None else self._gate.certificate.expires


class FollowingGate:
    """A gate over the index service's active snapshot. Calls that began with an older one keep it."""

    def __init__(self, channel: grpc.aio.Channel, terms: Terms, decoder: Decoder) -> None:
        """Have no gate until the first refresh."""
        self._channel, self._terms, self._decoder = channel, terms, decoder
        self._gate: Gate | None = None
        self._seen: tuple[str, bytes] | None = None

    def current(self) -> Gate:
        """See Gates."""
        if self._gate is None:
            raise CallRefused("UNAVAILABLE", "DEPENDENCY", "expected an index that answers", POLL_SECONDS)
        self._gate.check_certificate()
        return self._gate

    async def refresh(self) -> bool:
        """Ask the index what is active.

        While it does not answer the gate stays: its images wait for the index, and fail if it does not come back.
        With an index of other models, or without the certificate that is required, there is no gate.
        """
        try:
            index = await describe_index(self._channel)
            # A snapshot may be activated anew, with another certificate.
            seen = index.digest, index.certificate
            if self._gate is None or not _is_current(self._gate) or self._seen != seen:
                self._gate, self._seen = self._make(index), seen
        except (MismatchError, CertificateError):
            _log.exception("gate.index_refused")
            self._gate = None
        except (grpc.aio.AioRpcError, CallRefused):
            _log.warning("gate.index_lost")
            return False
        return self._gate is not None

    def certified_until(self) -> datetime | None:
        """See Gates."""
        if self._terms.key is None:
            return None
        return OVER if self._gate is None or self._gate.certificate is None else self._gate.certificate.expires

    def _make(self, index: pb.Index) -> Gate:
        gate = remote_gate(self._channel, self._terms, index, self._decoder)
        _log.info("gate.policy_changed policy=%s snapshot=%s", gate.policy.digest, gate.policy.snapshot)
        return gate


def _is_current(gate: Gate) -> bool:
    try:
        gate.check_certificate()
    except CertificateError:
        _log.exception("gate.certificate_over")
        return False
    return True
