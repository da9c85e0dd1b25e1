"""The curve of the two rates of a snapshot: unenrolled patients flagged against other radiographs missed (DET)."""

from __future__ import annotations

from cxrgate.index.self_measurement import SelfMeasurement
from cxrgate.plots.plot import Axis, Plot, Series, plot

_FLAGS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.5)
_MISSES = (0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 0.99)


def rates_plot(measurement: SelfMeasurement, rate: float | None = None) -> Plot | None:
    """The curve over all measured rates, with its 95 % interval; None where nothing was recognised that could be drawn.

    Args:
        measurement: of a snapshot.
        rate: the one in force, which is marked; None marks none.
    """
    measured = [(point.rate, point.recognised[0].share) for point in measurement.points if point.recognised]
    if not measured:
        return None
    ends = {"missed": "value", "95 % interval of patients": "low", "": "high"}
    lines = {name: [(share, 1 - getattr(found, end)) for share, found in measured] for name, end in ends.items()}
    series = [Series(name, points, 1 if name == "missed" else 0) for name, points in lines.items()]
    patients = measured[0][1].patients
    return plot(
        "The curve of the two rates",
        f"Another radiograph of an enrolled patient, one left out in turn, of {patients:,} patients. Both axes in "
        "normal deviates; lower is better.",
        Axis("unenrolled patients that are flagged", _FLAGS[0], _FLAGS[-1], _FLAGS, percent=True, normal=True),
        Axis("other radiographs that are missed", _MISSES[0], _MISSES[-1], _MISSES, percent=True, normal=True),
        series,
        [] if rate is None else [(rate, f"promised {100 * rate:g} %")],
    )
