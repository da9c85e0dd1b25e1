"""What a service's log says of calls that it refuses: each kind once a second, and how often it was."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable

from cxrgate.core import CallRefused
from cxrgate.rpc.roles import UNKNOWN, Caller

SECONDS = 1.0
"""Between two lines of one kind: writing a line costs more than refusing a call."""

KINDS = 1024
"""Kinds that are remembered."""

_log = logging.getLogger(__name__)


class Refusals:
    """Counts refusals by RPC, reason and identity."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: OrderedDict[tuple[str, ...], tuple[float, int]] = OrderedDict()

    def tell(self, rpc: str, refused: CallRefused, caller: Caller | None) -> None:
        """Write a line, or count it for the next one: `count` has those since the last line, and this one."""
        who = UNKNOWN if caller is None else caller.identity
        kind, now = (rpc, refused.code, refused.reason, who), self._clock()
        last, count = self._told.pop(kind, (-SECONDS, 0))
        if now - last < SECONDS:
            self._told[kind] = last, count + 1
            return
        self._told[kind] = now, 0
        if len(self._told) > KINDS:
            self._told.popitem(last=False)
        names = ("rpc", "code", "reason", "identity")
        _log.info("rpc.call_refused", {**dict(zip(names, kind, strict=True)), "count": count + 1})
