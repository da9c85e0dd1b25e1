"""What the index recognises of enrolled patients, in a sentence of format 2; from recorded values alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_DEFAULT_RATE = 0.05


def recognised(run: Mapping[str, Any], policy: Mapping[str, Any]) -> Iterator[str]:
    """Which share of other radiographs of enrolled patients is recognised; nothing where it was not measured.

    Args:
        run: run.json, with what the snapshot measured of itself.
        policy: its policy by recorded names.
    """
    part = run["snapshot"].get("parts", {}).get("measurement")
    if part is None or policy.get("standout_threshold") is None:
        return
    promise = policy.get("promise")
    rate = _DEFAULT_RATE if promise is None else promise["rate"]
    point = max((p for p in part["about"]["points"] if p["rate"] <= rate), key=lambda p: p["rate"], default=None)
    if point is not None and point["recognised"]:
        share = point["recognised"][0]["share"]
        yield (
            f"Another radiograph of an enrolled patient: {_percent(share['value'])} ({_percent(share['low'])} to "
            f"{_percent(share['high'])}) are recognised, measured on {share['patients']:,} of your patients; the "
            "others pass."
        )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
