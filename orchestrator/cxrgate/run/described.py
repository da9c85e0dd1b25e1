"""What an earlier run.json tells, where a run that was finished is started again.

What images were held against, by which machine and when, is of the time at which they were checked. A signed report has
the digest of run.json: where nothing was checked, and nothing of the verdicts is told otherwise, it stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxrgate.core.json_text import MALFORMED, parse_json

_OF_THE_CHECK = {"device", "held", "threads", "timing", "versions", "workers"}


def read_described(path: Path) -> Mapping[str, Any]:
    """What a run.json tells; nothing where there is none, or it is torn or rotten."""
    try:
        found = parse_json(path.read_bytes())
    except (FileNotFoundError, *MALFORMED):
        return {}
    return found if isinstance(found, dict) else {}


def stays_described(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether an earlier run.json stays as it is, of a run that has checked nothing since.

    It does not where all could be compared now, and could not be when the images were checked.
    """
    try:
        as_told = json.loads(json.dumps(now))
        same = _verdicts(earlier) == _verdicts(as_told) and earlier.keys() == as_told.keys()
        before, after = earlier["held"], as_told["held"]
        return same and before.keys() == after.keys() and (not before["not_compared"] or bool(after["not_compared"]))
    except MALFORMED:
        return False


def _verdicts(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in _OF_THE_CHECK}
