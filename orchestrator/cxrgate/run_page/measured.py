"""What a snapshot measured of itself, as the pages say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cxrgate.index.measurement_text import sentences
from cxrgate.index.self_measurement import SelfMeasurement
from cxrgate.plots.plot import Plot
from cxrgate.plots.rates import rates_plot
from cxrgate.run.recorded import Results

_DEFAULT_RATE = 0.05


@dataclass(frozen=True, slots=True)
class Measured:
    """Sentences, none for a run of version 0.1, and the curve of the two rates where there is one."""

    sentences: Sequence[str]
    curve: Plot | None = None

    @classmethod
    def of(cls, measurement: SelfMeasurement, rate: float | None) -> Measured:
        """`rate` is the promised one, None where nothing is promised."""
        return cls(sentences(measurement, rate or _DEFAULT_RATE), rates_plot(measurement, rate))


def measured_by(results: Results) -> Measured:
    """What the snapshot of a run measured of itself.

    Raises:
        KeyError, TypeError, ValueError: run.json holds another measurement than this release writes.
    """
    part = results.run["snapshot"].get("parts", {}).get("measurement")
    if part is None:
        return Measured(())
    promise = results.policy.promise
    return Measured.of(SelfMeasurement.from_json(part["about"]), None if promise is None else promise.rate)
