"""The deadline of the call that is being answered, so that calls made for it end earlier."""

from __future__ import annotations

import time
from contextvars import ContextVar

from cxrgate.core import CallRefused
from cxrgate.rpc.limits import MARGIN_SECONDS

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def set_deadline(at: float | None) -> None:
    """Say when, in the monotonic clock's seconds, the current task's caller stops waiting; None for never."""
    _deadline.set(at)


def current_deadline() -> float | None:
    """What `set_deadline` said in this task or the one that started it."""
    return _deadline.get()


def remaining(cap: float) -> float:
    """Seconds that a call made now may take: at most `cap`, and less than what its own caller still waits.

    Raises:
        CallRefused: DEADLINE_EXCEEDED, no time is left.
    """
    at = _deadline.get()
    left = cap if at is None else min(cap, at - time.monotonic() - MARGIN_SECONDS)
    if left <= 0:
        raise CallRefused("DEADLINE_EXCEEDED", "DEADLINE", "the time for this call is over: give it a longer deadline")
    return left
