"""The table that `make faults` prints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from faults.tries import NotTried, Try


def print_table(found: Sequence[Try | NotTried]) -> None:
    """One line per fault, then each violation, then how many there are."""
    tries: dict[str, list[Try]] = defaultdict(list)
    for item in found:
        if isinstance(item, Try):
            tries[item.fault].append(item)
    width = max(len(item.fault) for item in found)
    lines = [f"{'fault':{width}}  tries  violations  longest recovery"]
    for fault, each in tries.items():
        count, seconds = sum(len(one.violations) for one in each), max(one.seconds for one in each)
        lines.append(f"{fault:{width}}  {len(each):5}  {count:10}  {seconds:14.1f} s")
    lines += [f"{item.fault:{width}}  not tried: {item.why}" for item in found if isinstance(item, NotTried)]
    every = [one for each in tries.values() for one in each]
    lines += [f"VIOLATION {one.fault}: {violation}" for one in every for violation in one.violations]
    lines.append(f"{sum(len(one.violations) for one in every)} violations in {len(every)} tries")
    print("\n".join(lines))  # noqa: T201
