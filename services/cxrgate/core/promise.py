"""What a rule promises of patients who are not enrolled, and what the promise rests on."""

from __future__ import annotations

from dataclasses import dataclass

from cxrgate.core.counted import counted


@dataclass(frozen=True, slots=True)
class Promise:
    """`rate` is the share of unenrolled patients that the thresholds were chosen to flag.

    `patients` of the snapshot were asked as if not enrolled; `basis` is a value of index.self_measurement.Basis, or
    `limited` where the shipped curve keeps a threshold lower than those patients would put it.
    """

    rate: float
    patients: int
    basis: str

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1 or self.patients < 0:
            raise ValueError(f"expected 0 < rate < 1 and patients of 0 or more, got {self.rate} and {self.patients}")

    def __str__(self) -> str:
        patients = counted(self.patients, "patient")
        rests = {
            "measured": f"measured on {patients} of this snapshot",
            "combined": f"from {patients} of this snapshot and the curve shipped with the models",
            "limited": f"from {patients} of this snapshot and no higher than the curve shipped with the models allows, "
            "so more may be flagged",
            "shipped": "from the curve shipped with the models; this snapshot was not measured",
        }[self.basis]
        return f"{100 * self.rate:g} % of unenrolled patients are flagged, {rests}"
