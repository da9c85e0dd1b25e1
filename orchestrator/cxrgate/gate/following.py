"""A gate that follows the index service from snapshot to snapshot."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import grpc

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.core import CallRefused, CertificateError, MismatchError, SnapshotError
from cxrgate.core.json_text import parse_json
from cxrgate.core.ports import Decoder
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.gate.binding import PolicyBinder
from cxrgate.gate.gates import POLL_SECONDS, is_current
from cxrgate.gate.pipeline import Gate
from cxrgate.gate.remote import SECONDS, describe_index, remote_gate

OVER = datetime.fromtimestamp(0, UTC)
"""When the certificate ended that is required and not there."""

LOOK_SECONDS = 3.0
"""How long a look at the index may take. Looking every second finds one that is frozen within five."""

_REMIND_SECONDS = 60.0
"""The longest that an index is lost without a word."""

_log = logging.getLogger(__name__)


class FollowingGate:
    """A gate over the index service's active snapshot. Calls that began with an older one keep it."""

    def __init__(self, channel: grpc.aio.Channel, binder: PolicyBinder, decoder: Decoder) -> None:
        """Have no gate until the first `load` or `refresh`."""
        self._channel, self._binder, self._decoder = channel, binder, decoder
        self._gate: Gate | None = None
        self._index: pb.Index | None = None
        self._lost_since: float | None = None
        self._told = 0.0

    def current(self) -> Gate:
        """See Gates."""
        if self._gate is None:
            raise CallRefused(
                "UNAVAILABLE", "DEPENDENCY", "the gate has no index that it may use, try again", POLL_SECONDS
            )
        self._gate.check_certificate()
        return self._gate

    def describe(self) -> Mapping[str, Any]:
        """What the index service tells of its snapshot, under the names of a snapshot's manifest."""
        if self._index is None:
            raise CallRefused(
                "UNAVAILABLE", "DEPENDENCY", "the gate has no index that it may use, try again", POLL_SECONDS
            )
        return {
            "references": self._index.reference_count,
            "patients": self._index.patient_count,
            "retrieval": self._index.retrieval_model_digest,
            "verification": self._index.verification_model_digest,
            **{space.method: getattr(self._index, space.method) for space in COSINE_SPACES},
            "digest": self._index.digest,
            **_parts(self._index),
        }

    async def load(self) -> None:
        """See Gates."""
        await self._look(SECONDS)

    async def _look(self, seconds: float) -> None:
        try:
            index = await describe_index(self._channel, seconds)
        except grpc.aio.AioRpcError as error:
            raise SnapshotError(f"the index does not answer: {error.code().name}") from error
        # A snapshot may be activated anew, with another certificate.
        seen = None if self._index is None else (self._index.digest, self._index.certificate)
        if self._gate is None or not is_current(self._gate) or seen != (index.digest, index.certificate):
            self._gate, self._index = self._make(index), index

    async def refresh(self) -> bool:
        """Ask the index what is active.

        While it does not answer the gate stays: its images wait for the index, and fail if it does not come back.
        With an index of other models, or without the certificate that is required, there is no gate.
        """
        try:
            await self._look(LOOK_SECONDS)
        except (MismatchError, CertificateError):
            _log.exception("gate.index_refused")
            self._gate = None
        except (SnapshotError, CallRefused) as error:
            self._tell_lost(error)
            return False
        self._lost_since = None
        return self._gate is not None

    def _tell_lost(self, error: Exception) -> None:
        """Say at once that the index is lost and why, then at growing intervals."""
        now = time.monotonic()
        if self._lost_since is None:
            self._lost_since, self._told = now, 0.0
        gone = now - self._lost_since
        if gone >= 2 * self._told or gone >= self._told + _REMIND_SECONDS:
            _log.warning("gate.index_lost", {"reason": str(error), "seconds": round(gone)})
            self._told = max(gone, POLL_SECONDS)

    def certified_until(self) -> datetime | None:
        """See Gates."""
        if self._binder.key is None:
            return None
        return OVER if self._gate is None or self._gate.certificate is None else self._gate.certificate.expires

    def _make(self, index: pb.Index) -> Gate:
        gate = remote_gate(self._channel, self._binder, index, self._decoder)
        _log.info("gate.policy_changed", {"policy": gate.policy.digest, "snapshot": gate.policy.snapshot})
        return gate


def _parts(index: pb.Index) -> dict[str, Any]:
    """The measurement as a snapshot's manifest holds it; nothing where there is none."""
    if not index.measurement:
        return {}
    return {"parts": {"measurement": {"about": parse_json(index.measurement)}}}
