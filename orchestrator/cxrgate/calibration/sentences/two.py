"""The sentences of format 2: also what is laxer than the default rule, and what may pass in full; frozen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cxrgate.calibration.findings import LeakFinding
from cxrgate.certification import laxer_words


def laxer(items: list[dict[str, Any]]) -> list[str]:
    """That the leak policy allowed it is a condition of the certificate."""
    return [f"Laxer than the default rule, as the leak policy allows: {laxer_words(items)}."] if items else []


def may_pass(measured: Iterable[LeakFinding]) -> list[str]:
    """The classes and strengths of which every single patient was missed."""
    full = [f"{found.leak_class}, {found.strength}" for found in measured if found.misses == found.patients]
    return [f"Measured, and not promised; may pass in full: {'; '.join(full)}."] if full else []
