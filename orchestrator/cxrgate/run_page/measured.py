"""What a snapshot measured of itself, as the pages say it."""

from __future__ import annotations

from cxrgate.index.measurement_text import sentences
from cxrgate.index.self_measurement import SelfMeasurement
from cxrgate.run.recorded import Results


def measured_sentences(results: Results) -> list[str]:
    """What the snapshot of a run measured of itself; nothing in a run of version 0.1.

    Raises:
        KeyError, TypeError, ValueError: run.json holds another measurement than this release writes.
    """
    part = results.run["snapshot"].get("parts", {}).get("measurement")
    if part is None:
        return []
    promise = results.policy.promise
    return sentences(SelfMeasurement.from_json(part["about"]), 0.05 if promise is None else promise.rate)
