"""What the index measured of itself, in the sentences of format 2; from recorded values alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_DEFAULT_RATE = 0.05


def measured(run: Mapping[str, Any], policy: Mapping[str, Any]) -> Iterator[str]:
    """What was promised of unenrolled patients, and what is recognised of enrolled ones; nothing where it is not known.

    Args:
        run: run.json.
        policy: its policy by recorded names.
    """
    part = run["snapshot"].get("parts", {}).get("measurement")
    promise = policy.get("promise")
    if promise is not None:
        yield (
            f"Of patients who are not enrolled {_percent(promise['rate'])} are to be flagged: "
            f"{_basis(promise['basis'], promise['patients'])}."
        )
    if part is None or policy.get("standout_threshold") is None:
        return
    rate = _DEFAULT_RATE if promise is None else promise["rate"]
    point = max((p for p in part["about"]["points"] if p["rate"] <= rate), key=lambda p: p["rate"], default=None)
    if point is not None and point["recognised"]:
        share = point["recognised"][0]["share"]
        yield (
            f"Another radiograph of an enrolled patient: {_percent(share['value'])} ({_percent(share['low'])} to "
            f"{_percent(share['high'])}) are recognised, measured on {share['patients']:,} of your patients; the "
            "others pass."
        )


def _basis(basis: str, patients: int) -> str:
    if basis == "shipped":
        return "by a curve that is shipped with the models, for this index could not be measured"
    more = " and a curve that is shipped with the models" if basis == "combined" else ""
    return f"by {patients:,} patients of this index, each asked as if not enrolled{more}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.3g} %"
