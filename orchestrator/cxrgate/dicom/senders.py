"""Who may send with a certificate: whoever may have an image checked by the gate, by the same roles file."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from cxrgate.core import CallRefused
from cxrgate.dicom.counts import Counts
from cxrgate.rpc.roles import UNKNOWN, Caller, RoleMatrix

CHECK_IMAGE = "/cxrgate.api.gate.v1.GateService/CheckImage"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Senders:
    """Knows senders by `roles`, and counts those that are refused."""

    roles: RoleMatrix
    counts: Counts

    def admit(self, identity: str | None) -> Caller | None:
        """Who sends; None, logged and counted, unless their role may have images checked.

        Args:
            identity: SPIFFE id in the verified certificate; None for none or several.
        """
        try:
            caller = self.roles.caller([] if identity is None else [identity])
            self.roles.authorize(caller, CHECK_IMAGE)
        except CallRefused as refused:
            known = identity if identity in self.roles.identities else UNKNOWN
            _log.info("dicom.sender_refused", {"code": refused.code, "reason": refused.reason, "identity": known})
            self.counts.turned_away(refused.reason)
            return None
        return caller
