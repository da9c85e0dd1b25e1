"""When a served model last gave a good answer, and whether that is lately enough."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Awaitable, Callable

from cxrgate.core import CallRefused, MismatchError

ASK_SECONDS, WAIT_SECONDS = 1.5, 2.0
"""A model that gave no answer for so long is asked for one, and that is waited for so long."""

HEALTHY_SECONDS = ASK_SECONDS + WAIT_SECONDS
"""A model that gave no answer for so long is not healthy. Whoever looks every second finds a frozen one within five."""

_log = logging.getLogger(__name__)


class Liveness:
    """Good answers to real requests count, and keep questions off a busy model."""

    def __init__(self) -> None:
        """It has not answered yet."""
        self._answered = -math.inf

    def answered(self) -> None:
        """The model gave a good answer just now."""
        self._answered = time.monotonic()

    async def is_healthy(self, model: str, check: Callable[[float], Awaitable[None]]) -> bool:
        """Whether the model answered lately; where it is due, `check` asks it, within the seconds that it is given."""
        if time.monotonic() - self._answered < ASK_SECONDS:
            return True
        try:
            await check(WAIT_SECONDS)
        except MismatchError:
            return False
        except CallRefused as error:
            _log.warning("gate.models_unanswered", {"model": model, "reason": error.reason})
        return time.monotonic() - self._answered < HEALTHY_SECONDS
