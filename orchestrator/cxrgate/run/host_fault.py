"""Errors that are the host's and not an image's: they are no verdict, and are never stored as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cxrgate.core import CxrgateError, Failure, Stage


class HostFault(CxrgateError):
    """This host, or a server that it asks, does not work: nothing of it says anything about an image."""

    code = "UNAVAILABLE"
    reason = "HOST_FAULT"


def host_faults(outcomes: Iterable[object]) -> list[Failure]:
    """Those of the outcomes that are a host's fault."""
    return [item for item in outcomes if isinstance(item, Failure) and item.is_host_fault]


def expect_no_outage(outcomes: Sequence[object], what: str) -> None:
    """Raise HostFault where every outcome of a first batch is a host's fault.

    Args:
        outcomes: of the batch.
        what: was done with it, for the message: "checked" or "enrolled".
    """
    faults = host_faults(outcomes)
    if faults and len(faults) == len(outcomes):
        raise HostFault(
            f"none of the first {len(faults)} images was {what}, through no fault of their own: "
            f"{told(faults)}. Mend that and start again; nothing was stored as an answer"
        )


def is_fault_row(row: Mapping[str, Any]) -> bool:
    """Whether a row of results is a host's fault; journals of earlier versions hold such rows."""
    failure = Failure(row["image_id"], Stage.DECODE, row["code"], row["reasons"], "")
    return bool(row["stage"]) and failure.is_host_fault


def told(faults: Sequence[Failure]) -> str:
    """The faults by stage and reason, each with its number and one message."""
    counts = Counter((fault.stage.value, fault.reason) for fault in faults)
    messages = {(fault.stage.value, fault.reason): fault.message for fault in faults}
    return "; ".join(
        f"{stage} {reason} ({messages[stage, reason]}): {count}" for (stage, reason), count in counts.most_common()
    )
